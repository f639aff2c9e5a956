"""The hash of who answered and who scored: it changes with each of them, and with nothing else."""

import re
from typing import Any

import pytest

from stepdown.evals.fingerprint import setup_of

JUDGE = ("judge", {"model": "umpire", "criteria": "Be strict."})
SCORERS = ["exact", {"numeric": {"tolerance": 1, "relative": 0.1}}]
MODELS = {"cheap": "a @ https://one.example/v1", "strong": "b @ https://one.example/v1"}
PLAIN = setup_of(JUDGE, SCORERS, MODELS)


def test_it_tells_nothing_of_what_it_stands_for() -> None:
    assert re.fullmatch("[0-9a-f]{12}", PLAIN)


@pytest.mark.parametrize(
    ("judge", "scorers", "models"),
    [
        (None, SCORERS, MODELS),
        (("judge_rubric", JUDGE[1]), SCORERS, MODELS),
        (("judge", {**JUDGE[1], "model": "other"}), SCORERS, MODELS),
        (JUDGE, [], MODELS),
        (JUDGE, SCORERS[::-1], MODELS),
        (JUDGE, ["exact", {"numeric": {"tolerance": 2, "relative": 0.1}}], MODELS),
        (JUDGE, SCORERS, {**MODELS, "cheap": "a @ https://two.example/v1"}),
        (JUDGE, SCORERS, {"cheap": MODELS["strong"], "strong": MODELS["cheap"]}),
        (JUDGE, SCORERS, {**MODELS, "umpire": "c @ https://one.example/v1"}),
    ],
)
def test_it_changes_with_each_of_them(judge: Any, scorers: Any, models: Any) -> None:
    assert setup_of(judge, scorers, models) != PLAIN


def test_the_order_of_options_and_models_does_not_count() -> None:
    judge = ("judge", dict(reversed(JUDGE[1].items())))
    scorers = ["exact", {"numeric": {"relative": 0.1, "tolerance": 1}}]
    assert setup_of(judge, tuple(scorers), dict(reversed(MODELS.items()))) == PLAIN
