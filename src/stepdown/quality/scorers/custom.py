"""The user's own scorers: a function, or a class that makes a scorer or a judge.

    - mypkg.scores:polite                      # polite(answer, task) -> float | bool | None
    - mypkg.scores:Brief: {words: 50}          # Brief(words=50)
    - polite                                   # an entry point of the group stepdown.scorers

A function is given the answer's text and the ``types.Task``, and gives 0 (worst) to 1 (best), true
or false, or None where it cannot tell. A class, or a function that options are given to, is called
with them (a mapping by keyword, anything else as the one argument) and gives such a function, or an
object with ``score``, which is such a function, or with ``judge`` and ``model`` as ``ports.Judge``
describes them. ``name`` and ``applies`` may be left out: it then applies to every task.
"""

import inspect
from collections.abc import Callable, Generator, Sequence
from numbers import Real
from typing import Any

from stepdown.ports import Judge, Scorer
from stepdown.quality.scorers.base import Base
from stepdown.routing.plugins import made, named, told
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Consult, Scores, Task

GROUP = "stepdown.scorers"


class CustomScorer(Base):
    """Implements ``ports.Scorer`` over a user's function; a refusal scores 0 without asking it."""

    def __init__(self, name: str, score: Callable[[str, Task], Any], own: Any) -> None:
        self.name = str(getattr(own, "name", name))
        self._score = score
        self._applies = getattr(own, "applies", None)

    def applies(self, task: Task) -> bool:
        return self._applies is None or bool(self._applies(task))

    def rate(self, choice: Choice, task: Task) -> float | None:
        """Raises ValueError or TypeError where what came is no score."""
        return _checked(self._score(choice.text, task), self.name)


class CustomJudge:
    """Implements ``ports.Judge`` over a user's judge."""

    def __init__(self, name: str, own: Any) -> None:
        self.name = str(getattr(own, "name", name))
        self.model = str(own.model)
        self._own = own

    def applies(self, task: Task) -> bool:
        applies = getattr(self._own, "applies", None)
        return applies is None or bool(applies(task))

    def judge(
        self, choices: Sequence[Choice | None], task: Task
    ) -> Generator[Consult, Sequence[Choice | None], Scores]:
        """Raises ValueError or TypeError where what came is no scores of these answers."""
        judging: Generator[Consult, Sequence[Choice | None], object] = self._own.judge(
            choices, task
        )
        scores = yield from judging
        if not isinstance(scores, Scores):
            raise TypeError(f"{self.name}: expected Scores, got {type(scores).__name__}")
        if len(scores.values) != len(choices):
            count = len(scores.values)
            raise ValueError(f"{self.name}: expected {len(choices)} scores, got {count}")
        for value in scores.values:
            _checked(value, self.name)
        return scores


def _checked(value: object, name: str) -> float | None:
    if value is None:
        return None
    if not isinstance(value, Real):
        raise TypeError(f"{name}: expected a score or None, got {type(value).__name__}")
    score = float(value)
    if not 0 <= score <= 1:
        raise ValueError(f"{name}: expected a score from 0 to 1, got {score:g}")
    return score


# ── Building ─────────────────────────────────────────────────────────────────────────────────


def build_custom(name: str, options: Any, path: str, problems: Problems) -> Scorer | Judge | None:
    """The scorer or judge that a dotted path, or an entry point's name, stands for."""
    try:
        found: Any = named(name, GROUP)
    except Exception as error:  # noqa: BLE001  importing the user's module may raise anything
        problems.add(path, f"cannot import {name!r}: {told(error)}")
        return None
    ready = not callable(found) or hasattr(found, "score") or hasattr(found, "judge")
    if inspect.isclass(found) or (options is not None and not ready):
        try:
            found = made(found, options)
        except Exception as error:  # noqa: BLE001  the user's class may raise anything
            problems.add(path, f"cannot make {name!r} with these options: {told(error)}")
            return None
    elif options is not None:
        problems.expected(path, f"no options, since {name!r} is a scorer already", options)
        return None
    return _wrapped(name, found, path, problems)


def _wrapped(name: str, own: Any, path: str, problems: Problems) -> Scorer | Judge | None:
    judge = getattr(own, "judge", None)
    score = getattr(own, "score", own if judge is None else None)
    if judge is not None and score is not None:
        problems.add(path, f"{name!r} has both score and judge: expected one of them")
    elif not callable(judge or score):
        problems.add(path, f"{name!r} gives no scorer: expected a function, a scorer or a judge")
    elif any(map(inspect.iscoroutinefunction, (score, judge, getattr(score, "__call__", None)))):  # noqa: B004
        problems.add(path, f"{name!r} is async: a scorer is a plain function, a judge yields calls")
    elif score is not None:
        return CustomScorer(name, score, own)
    elif not isinstance(getattr(own, "model", None), str):
        problems.add(path, f"{name!r} has no model: a judge names a model of the configuration")
    else:
        return CustomJudge(name, own)
    return None
