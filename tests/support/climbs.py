"""Journeys that went through a cascade, as the pipeline leaves them."""

from decimal import Decimal
from typing import Any

from stepdown.types import Attempt, Journey, Role, Usage
from support.journeys import make_journey


def make_try(
    rung: int,
    verdict: str | None = "accepted",
    *,
    model: str = "gpt-4o-mini",
    role: Role = "answer",
    cost: str | None = "0.01",
    output: int = 10,
    seconds: float = 1.0,
    early: bool = False,
    error: str | None = None,
    unused: bool = False,
) -> Attempt:
    """One call of a cascade; ``unused`` is one that failed before anything was spent."""
    return Attempt(
        model,
        f"{model}/1",
        started=100.0,
        first_byte=100.1,
        ended=100.0 + seconds,
        error=error,
        usage=None if unused else Usage(input=100, output=output),
        estimated=early,
        cost=None if cost is None or unused else Decimal(cost),
        rung=rung,
        role=role,
        verdict=verdict,
        early=early,
    )


def make_climb(
    *attempts: Attempt,
    served: int | None = -1,
    reference_cost: str | None = "0.1",
    **given: Any,
) -> Journey:
    """A journey of these attempts; ``served`` is the place of the one that the client got."""
    journey = make_journey(reference_cost=reference_cost, **given)
    journey.attempts = list(attempts)
    costs = [attempt.cost for attempt in attempts if attempt.usage is not None]
    known = [cost for cost in costs if cost is not None]
    journey.cost = sum(known, Decimal(0)) if len(known) == len(costs) else None
    if served is None:
        journey.outcome = "failed"
    else:
        journey.served = attempts[served]
        journey.usage = attempts[served].usage
    return journey
