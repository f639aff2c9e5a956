"""Journeys as the pipeline leaves them, for tests of what comes after it."""

import itertools
import time
from decimal import Decimal
from typing import Any

from msgspec import Raw

from stepdown.types import Attempt, Decision, Journey, Message, Prompt, Reading, Request, Usage

USUAL = Usage(input=120, output=10)

_numbers = itertools.count()


def make_journey(
    *,
    rule: str = "short-label",
    model: str = "gpt-4o-mini",
    route: str | None = "auto",
    reference: str = "gpt-4o",
    usage: Usage | None = USUAL,
    cost: str | None = "0.000024",
    reference_cost: str | None = "0.0004",
    tags: Any = None,
    at: float | None = None,
    outcome: str = "answered",
) -> Journey:
    """A finished journey with one attempt; ``usage`` None means that nothing was spent."""
    name = f"req_{next(_numbers)}"
    metadata = None if tags is None else {"tags": tags}
    prompt = Prompt("auto", [Message("user", "Is this spam?")], metadata=metadata)
    fields = {
        "model": Raw(b'"auto"'),
        "messages": Raw(b'[{"role":"user","content":"Is this spam?"}]'),
    }
    started = time.monotonic()
    journey = Journey(Request(name, prompt, fields), started, at or time.time(), route)
    journey.decision = Decision(rule, model)
    journey.readings = {"task": Reading(frozenset({"classify"}), 0.9, "'is this' at 0")}
    journey.reference_model = reference
    attempt = Attempt(model, f"{model}/1", started, started + 0.1, started + 0.2, 200)
    attempt.usage = journey.usage = usage
    attempt.cost = journey.cost = None if cost is None else Decimal(cost)
    journey.reference_cost = None if reference_cost is None else Decimal(reference_cost)
    journey.attempts = [attempt]
    journey.outcome, journey.ended = outcome, started + 0.2
    return journey
