"""The verifier: what it says, what it refuses to be read from, and that the shipped one is ours."""

from pathlib import Path

import msgspec
import pytest

from stepdown.caching.semantic.features import DIRECTIONS, NAMES, features
from stepdown.caching.semantic.turn import Reader
from stepdown.caching.semantic.verifier import Tree, Verifier, read_verifier, shipped
from stepdown.embedding.static import static
from stepdown.errors import ConfigError

READER = Reader(static().vectors)


def odds(one: str, other: str) -> float:
    return shipped().log_odds(features(READER.read(one), READER.read(other)))


@pytest.mark.parametrize(
    ("question", "same", "near"),
    [
        (
            "What does error 403 mean?",
            "What is the meaning of error 403?",
            "What does error 404 mean?",
        ),
        ("Is it safe to visit Lima?", "Is Lima safe to visit?", "Is it safe to visit Oslo?"),
        ("How do I enable it?", "How can I enable it?", "How do I disable it?"),
        ("Are you open on Monday?", "are you open on monday", "Are you open on Sunday?"),
        ("Why can I log in?", "Why can I log in", "Why can't I log in?"),
    ],
)
def test_a_near_miss_is_less_likely_than_the_same_in_other_words(
    question: str, same: str, near: str
) -> None:
    assert odds(question, same) > odds(question, near)


def test_the_shipped_weights_keep_to_the_directions() -> None:
    weights = shipped().weights
    assert len(weights) == len(NAMES)
    assert all(weight * way >= 0 for weight, way in zip(weights, DIRECTIONS, strict=True))
    assert shipped().about["source"] == "generate 20000 0"


def test_trees_add_up() -> None:
    stump = Tree([0, -1, -1], [1, 0, 0], [2, 0, 0], [0.5, -1.0, 2.0])
    verifier = Verifier("trees", list(NAMES), 0.25, trees=[stump, stump])
    low, high = [0.5] + [0.0] * (len(NAMES) - 1), [0.6] + [0.0] * (len(NAMES) - 1)
    assert verifier.log_odds(low) == pytest.approx(-1.75)
    assert verifier.log_odds(high) == pytest.approx(4.25)


def write(path: Path, verifier: Verifier) -> Path:
    path.write_bytes(msgspec.json.encode(verifier))
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert read_verifier(write(tmp_path / "v.json", shipped())) == shipped()


@pytest.mark.parametrize(
    ("verifier", "says"),
    [
        (Verifier("logistic", ["similarity"], weights=[1.0]), "features: expected"),
        (Verifier("logistic", ["similarit"]), "Did you mean 'similarity'"),
        (Verifier("logistic", list(NAMES), weights=[1.0]), "weights: expected 30 numbers, got 1"),
        (Verifier("trees", list(NAMES), trees=[Tree([], [], [], [])]), "trees[0]"),
        (Verifier("trees", list(NAMES), trees=[Tree([0], [0], [0], [1.0])]), "trees[0]"),
        (
            Verifier("trees", list(NAMES), trees=[Tree([99, -1], [1, 0], [1, 0], [0, 0])]),
            "trees[0]",
        ),
    ],
)
def test_refuses_what_is_none(tmp_path: Path, verifier: Verifier, says: str) -> None:
    """A tree whose nodes point back would never end."""
    with pytest.raises(ConfigError) as caught:
        read_verifier(write(tmp_path / "v.json", verifier))
    assert says in caught.value.message


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b'{"kind":"neural","features":[]}', b'{"kind":"trees","features":["\xff"]}'],
)
def test_refuses_other_files(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "v.json"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match="not a verifier"):
        read_verifier(path)
    with pytest.raises(ConfigError, match="No such file"):
        read_verifier(tmp_path / "none.json")
