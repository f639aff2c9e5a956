"""Replays a route's cascade over recorded replies, prompt by prompt."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from checkable.figures import Case, Outcome, climbing
from checkable.recording import Answers, request
from checkable.tasks import Task
from stepdown.cascade.plan import Cascade
from stepdown.cascade.replay import Recorded, replay
from stepdown.ports import Validator
from stepdown.pricing.price import TokenPrice
from stepdown.routing.problems import Problems

WEAK, STRONG = 0, 1

Checks = Sequence[str | Mapping[str, Any]]
"""A route's ``cascade.validators``, as its configuration has them."""


class Missing(Exception):
    """A validator that this version of Stepdown does not have."""


class Asked(NamedTuple):
    """A task, what both models said, and what that came to."""

    task: Task
    answers: Answers
    case: Case


def format_checks(task: Task, *, constrained: bool) -> Checks:
    """What the format alone can tell: the labels, or the schema.

    Constrained, the schema comes with each request; otherwise the route's configuration has it.
    """
    if task.labels is not None:
        return [{"one_of": task.labels}]
    return ["json_schema" if constrained else {"json_schema": {"schema": task.schema}}]


def logprob_check(threshold: float) -> Checks:
    return [{"logprob": {"mean": threshold}}]


def validators(checks: Checks) -> tuple[Validator, ...]:
    """The validators of a configuration. Raises Missing, or ConfigError where options are wrong."""
    problems = Problems()
    built: list[Validator | None] = []
    for index, check in enumerate(checks):
        name, options = (check, None) if isinstance(check, str) else next(iter(check.items()))
        try:
            module = import_module(f"stepdown.cascade.validators.{name}")
        except ModuleNotFoundError:
            raise Missing(f"This version of Stepdown has no validator {name!r}.") from None
        built.append(module.build(options, f"validators[{index}].{name}", problems))
    problems.check()
    return tuple(validator for validator in built if validator is not None)


def replayed(
    asked: Asked, checks: Checks, *, constrained: bool, prices: Mapping[str, TokenPrice]
) -> Outcome:
    """What the cascade would have served, and what it would have cost.

    An answer that is dropped early is paid for as far as it was heard.
    """
    weak, strong = asked.answers.weak, asked.answers.strong
    result = replay(
        Cascade(validators=validators(checks)),
        request(asked.task, constrained=constrained),
        {
            WEAK: Recorded((weak.choice,), weak.pieces),
            STRONG: Recorded((strong.choice,), strong.pieces),
        },
    )
    if result.served.rung == WEAK:
        return climbing(asked.case, climbed=False)
    tried = result.tried[0]
    whole = climbing(asked.case, climbed=True, reason=tried.verdict)
    if not tried.early or tried.pieces >= len(weak.events):
        return whole
    heard = weak.events[tried.pieces - 1].at
    return Outcome(
        whole.right,
        True,
        float(prices["weak"].cost(weak.usage(tried.pieces))) + asked.case.strong_cost,
        heard + asked.case.strong_seconds,
        early=True,
        reason=tried.verdict,
    )
