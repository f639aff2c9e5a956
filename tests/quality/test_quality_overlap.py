"""Overlap of words and of characters, as sacrebleu measures it."""

import sys
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.scorers import bleu, chrf
from stepdown.quality.scorers.overlap import READ
from stepdown.types import Choice
from support.scoring import built, problems_of, score, task

WORDS = st.lists(st.sampled_from(["the", "a", "cat", "dog", "sat"]), min_size=1).map(" ".join)
MODULES = pytest.mark.parametrize("module", [bleu, chrf], ids=["bleu", "chrf"])


@MODULES
@given(answer=WORDS, expected=WORDS)
def test_it_is_within_bounds_and_1_for_the_text_itself(
    module: ModuleType, answer: str, expected: str
) -> None:
    scorer = built(module.build)
    value = score(scorer, answer, expected)
    assert value is not None
    assert 0 <= value <= 1
    assert score(scorer, expected, expected) == pytest.approx(1)
    assert score(scorer, expected, [answer, expected]) == pytest.approx(1)


@MODULES
def test_nearer_is_better(module: ModuleType) -> None:
    scorer = built(module.build)
    said = ["The cat sat on the mat.", "The cat sat on a mat.", "A dog sat there.", "Stocks fell!"]
    values = [score(scorer, answer, said[0]) or 0.0 for answer in said]
    assert values == sorted(values, reverse=True)
    assert values[1] > values[2]


@MODULES
def test_what_says_nothing(module: ModuleType) -> None:
    scorer = built(module.build)
    assert score(scorer, " ", "the cat") == 0.0
    assert score(scorer, "the cat", " ") is None
    assert score(scorer, "the cat", None) is None
    assert scorer.score(Choice("the cat", refusal="No."), task("the cat")) == 0.0


@MODULES
def test_only_the_beginning_of_long_texts_is_compared(module: ModuleType) -> None:
    text = "the cat sat " * READ
    assert score(built(module.build), text, text[:READ] + "dog " * READ) == pytest.approx(1)


def test_options() -> None:
    assert score(built(bleu.build), "THE CAT SAT ON IT", "the cat sat on it") == 0.0
    lower = built(bleu.build, {"lowercase": True})
    assert score(lower, "THE CAT SAT ON IT", "the cat sat on it") == pytest.approx(1)
    chinese, english = "我们明天去北京看朋友", "我们明天去上海看朋友"
    assert score(built(bleu.build), english, chinese) == 0.0
    assert (score(built(bleu.build, {"tokenize": "zh"}), english, chinese) or 0) > 0.3
    loose, strict = built(chrf.build), built(chrf.build, {"words": 2})
    assert (score(loose, "cats sit", "cat sat") or 0) > (score(strict, "cats sit", "cat sat") or 0)


@pytest.mark.parametrize(
    ("module", "options", "line"),
    [
        (bleu, {"tokenize": "mecab"}, "at.tokenize: expected 13a, intl, zh, char or none, got"),
        (bleu, {"lowercase": 1}, "at.lowercase: expected true or false, got 1"),
        (bleu, "zh", "at: expected a mapping of tokenize, lowercase, got 'zh'"),
        (chrf, {"words": 5}, "at.words: expected a whole number from 0 to 4, got 5"),
        (chrf, {"words": True}, "at.words: expected a whole number from 0 to 4, got True"),
        (chrf, {"word": 2}, "at.word: no such option. Did you mean 'words'?"),
    ],
)
def test_wrong_options_are_told(module: ModuleType, options: Any, line: str) -> None:
    [said] = problems_of(module.build, options)
    assert said.startswith(line)


@MODULES
def test_without_the_extra_it_is_named(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    assert problems_of(module.build, None) == ["at: needs `pip install 'stepdown[overlap]'`"]
