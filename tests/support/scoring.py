"""Scorers built from options, and what they say of answers to a task."""

from collections.abc import Callable
from typing import Any

from stepdown.ports import Scorer
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Prompt, Request, Task

Build = Callable[[Any, str, Problems], Any]


def task(expected: Any = None, labels: tuple[str, ...] = ()) -> Task:
    return Task(Request("r", Prompt("auto", []), {}), expected, labels)


def built(build: Build, options: Any = None) -> Scorer:
    problems = Problems()
    scorer: Scorer | None = build(options, "at", problems)
    assert scorer is not None, problems.lines
    return scorer


def problems_of(build: Build, options: Any) -> list[str]:
    """What a scorer that cannot be built says is wrong."""
    problems = Problems()
    assert build(options, "at", problems) is None
    return problems.lines


def score(scorer: Scorer, answer: str, expected: Any, labels: tuple[str, ...] = ()) -> float | None:
    return scorer.score(Choice(answer), task(expected, labels))
