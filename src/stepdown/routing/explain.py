"""Explains a decision: the readings, what each rule said, and what the request would cost."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from stepdown.ports import Price, Route
from stepdown.routing.expected import expected_output
from stepdown.routing.shapes import is_set
from stepdown.routing.tokens import estimate
from stepdown.types import Reading, Request, Usage, Verdict


async def measure(route: Route, request: Request) -> dict[str, Reading]:
    """All readings of a request, the user's own router's among them, as the pipeline takes them."""
    readings = route.read(request)
    if route.adviser is not None:
        readings["router"] = await route.adviser.advise(request, readings)
    return readings


def explain(
    route: Route,
    request: Request,
    readings: Mapping[str, Reading],
    price_of: Callable[[str], Price | None],
) -> dict[str, Any]:
    """What was decided and why, ready for JSON.

    ``matched`` is null for a borderline rule. ``cost`` and ``reference_cost`` (the strong model's)
    are US dollars as decimal texts, estimated for a typical answer; null where a price is unknown.
    """
    decision = route.decide(request, readings)
    usage = _expected_usage(request, readings)
    return {
        "route": route.name,
        "model": decision.model,
        "rung": decision.rung,
        "decision": decision.name,
        "ambiguous": decision.ambiguous,
        "rules": [_rule(verdict) for verdict in route.explain(readings)],
        "signals": {name: _signal(reading) for name, reading in readings.items()},
        "cost": _cost(price_of(decision.model), usage),
        "reference_cost": _cost(price_of(route.ladder[-1]), usage),
    }


def _rule(verdict: Verdict) -> dict[str, Any]:
    return {"name": verdict.name, "matched": verdict.matched, "because": verdict.because}


def _signal(reading: Reading) -> dict[str, Any]:
    value = reading.value
    if is_set(value):
        value = sorted(str(each) for each in value)
    elif isinstance(value, float):
        value = round(value)
    return {
        "value": value,
        "confidence": round(reading.confidence, 3),
        "saw": reading.saw,
        "error": round(reading.error, 1),
    }


def _expected_usage(request: Request, readings: Mapping[str, Reading]) -> Usage:
    tokens = readings.get("tokens") or estimate(request.prompt, request.fields)
    return Usage(input=round(tokens.value), output=expected_output(request.prompt, readings))


def _cost(price: Price | None, usage: Usage) -> str | None:
    if price is None:
        return None
    cost: Decimal = price.cost(usage)
    return f"{cost.normalize():f}"
