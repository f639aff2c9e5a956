"""Scores the answers to one task by the first scorer that applies and can tell. No I/O."""

from collections.abc import Generator, Sequence
from typing import TypeGuard, cast

from stepdown.ports import Judge, Scorer
from stepdown.types import Choice, Consult, Scores, Task

MISSING = "an answer is missing"
NO_SCORER = "no scorer applies"


def settle(
    scorers: Sequence[Scorer | Judge], choices: Sequence[Choice | None], task: Task
) -> Generator[Consult, Sequence[Choice | None], Scores]:
    """The scores of these answers; None stands for an answer that is missing.

    The scorers are asked in their order. One that applies and scores every answer that is there
    settles them: no two answers are scored by different scorers, whose scales need not agree.
    What a scorer raises counts as not settled, with the reason kept.
    """
    there = [place for place, choice in enumerate(choices) if choice is not None]
    why = MISSING if not there else NO_SCORER
    for scorer in scorers if there else ():
        try:
            if not scorer.applies(task):
                continue
            scores = yield from _scores(scorer, choices, task)
        except Exception as error:  # noqa: BLE001  a user's scorer may raise anything
            why = f"{scorer.name}: {type(error).__name__}: {error}"
            continue
        if all(scores.values[place] is not None for place in there):
            return scores
        why = scores.why or f"{scorer.name} could not tell"
    return Scores(tuple(None for _ in choices), why=why)


def is_judge(scorer: Scorer | Judge) -> TypeGuard[Judge]:
    """Whether it asks a model."""
    return hasattr(scorer, "judge")


def _scores(
    scorer: Scorer | Judge, choices: Sequence[Choice | None], task: Task
) -> Generator[Consult, Sequence[Choice | None], Scores]:
    if is_judge(scorer):
        return (yield from scorer.judge(choices, task))
    plain = cast("Scorer", scorer)
    values = tuple(None if each is None else plain.score(each, task) for each in choices)
    return Scores(values, plain.name)
