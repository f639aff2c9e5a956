"""The page on scorers: it names each of them, and what it shows can be built and scores so."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import json

from stepdown.evals.data.reading import read_dataset
from stepdown.quality.registry import BUILT_IN, build_scorers
from stepdown.routing.problems import Problems
from stepdown.types import Choice
from support.pages import ROOT, in_language
from support.scoring import task

PAGE = (ROOT / "docs/scorers.md").read_text()


def blocks(language: str) -> list[str]:
    return in_language(language, "scorers.md")


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's own module, beside the reader."""
    [code] = blocks("python")
    (tmp_path / "scores.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))


def build(entries: Any) -> list[Any]:
    problems = Problems()
    built = build_scorers(entries, "scorers", problems)
    assert problems.lines == []
    return list(built)


def test_every_scorer_is_on_the_page() -> None:
    for name in BUILT_IN:
        assert f"\n| `{name}` |" in PAGE, name


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize("text", blocks("yaml"))
def test_lists_of_scorers_can_be_built(text: str) -> None:
    entries = yaml.safe_load(text)["scorers"]
    assert len(build(entries)) == len(entries)


@pytest.mark.usefixtures("module")
def test_the_readers_own_scorers_score() -> None:
    words, polite = build([{"scores:Words": {"within": 10}}, "scores:polite"])
    assert words.score(Choice("one two"), task("one two three")) == 0.9
    assert not words.applies(task())
    assert polite.score(Choice("Yes, please."), task()) == 1.0
    [near] = build([{"embedding": {"embedder": "scores:vowels"}}])
    assert near.score(Choice("banana"), task("banana")) == pytest.approx(1)


def test_rows_can_be_read_and_their_scorers_built(tmp_path: Path) -> None:
    [rows] = blocks("jsonl")
    (tmp_path / "eval.jsonl").write_text(rows)
    dataset = read_dataset(tmp_path / "eval.jsonl")
    assert dataset.bad == ()
    for item, answer in zip(
        dataset.items, ("It is 40.80.", "Spam.", "It was Jane Austen."), strict=True
    ):
        [scorer] = build([item.scorer])
        assert scorer.score(Choice(answer), task(item.expected, item.labels)) == 1.0


@pytest.mark.parametrize(
    ("entry", "answer", "expected", "score"),
    [
        ("numeric", "She makes $18 with 9 eggs at $2 each", 18, 0.0),
        ("json_fields", '{"a": {"b": 1}, "c": [2, 4]}', {"a": {"b": 1}, "c": [2, 3]}, 2 / 3),
        ({"label": ["spam", "ham"]}, "This is not spam.", "spam", 1.0),
    ],
)
def test_what_the_page_says_of_answers(
    entry: Any, answer: str, expected: Any, score: float
) -> None:
    [scorer] = build([entry])
    assert scorer.score(Choice(answer), task(expected)) == pytest.approx(score)


def test_the_expected_tool_calls_of_the_page() -> None:
    [shown] = re.findall(r'expects `(\{"tool_calls.*?\})`', PAGE)
    [scorer] = build(["tool_calls"])
    assert scorer.applies(task(json.decode(shown)))
