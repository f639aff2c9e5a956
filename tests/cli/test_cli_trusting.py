"""Which models are simulated, by whatever name, and what is said of a judge that errs."""

from typing import Any

import pytest

from stepdown.cli.trusting import judge_line, note_unmeasured, simulated_line, simulated_of
from stepdown.quality.correction import JudgeErrors
from support.documents import entry, read

MODELS = [
    entry("plain", "openai/plain", api_key="k"),
    entry("made-up", "simulated/x"),
    entry("sim-*", "simulated/*"),
    entry("both", "openai/y", api_key="k"),
    entry("both", "simulated/y"),
]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["plain"], ()),
        (["made-up", "plain"], ("made-up",)),
        (["sim-large", "made-up", "sim-large"], ("sim-large", "made-up")),
        (["alias", "other-alias"], ("alias",)),
        (["both", "unknown"], ("both",)),
    ],
)
def test_simulated_models(asked: list[str], found: tuple[str, ...]) -> None:
    aliases = {"alias": "made-up", "other-alias": "plain"}
    config = read(*MODELS, router_settings={"model_group_alias": aliases})
    assert simulated_of(config, asked) == found


def test_sentences() -> None:
    assert simulated_line(("a", "b")).startswith("Simulated, with made-up answers: a, b. No regret")
    line = judge_line(JudgeErrors(3, 1_500, 20, 2_000))
    assert "it found 1,980 of 2,000 regrets, and made up 3 on 1,500 others" in line


ERRORS = {"false_positives": 0, "negatives": 1, "false_negatives": 0, "positives": 1}


@pytest.mark.parametrize(
    ("judge", "noted"),
    [
        (None, False),
        ({"model": "plain"}, False),
        ({"model": "plain", "labelled": "pairs.jsonl"}, True),
        ({"model": "plain", "labelled": "pairs.jsonl", "errors": ERRORS}, False),
    ],
)
def test_labels_that_nobody_has_asked_the_judge_about(
    judge: Any, noted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    note_unmeasured(read(*MODELS, judge=judge))
    written = capsys.readouterr()
    assert ("judge.labelled alone corrects nothing here" in written.err) is noted
    assert written.out == ""
