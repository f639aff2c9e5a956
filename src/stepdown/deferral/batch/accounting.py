"""What a line cost: in the batch's sums, and as a journey in the ledger like any other request.

reference ─ route ─ ordinary price of the whole prompt ─ compression ─ ordinary price of what was
sent ─ batch ─ cost
"""

import time
from decimal import Decimal

from stepdown.batch_ports import Result
from stepdown.deferral.batch.facts import journey_of
from stepdown.deferral.batch.outlets import Outlet
from stepdown.ports import Fleet, Price
from stepdown.storage.batch_rows import Ended, LineRow
from stepdown.storage.money import to_pico
from stepdown.types import Attempt, Journey, Usage

ZERO = Decimal(0)


def answered(line: LineRow, result: Result, outlet: Outlet, fleet: Fleet) -> Journey:
    """The journey of a line that a batch answered, as the ledger is to record it."""
    journey = journey_of(line)
    usage, deployment = result.usage, outlet.deployment
    attempt = Attempt(deployment.model, deployment.id, journey.started, status=result.status)
    attempt.ended = journey.ended = time.monotonic()
    attempt.usage = journey.usage = usage
    journey.attempts = [attempt]
    if result.status == 200:
        journey.served, journey.outcome = attempt, "answered"
    else:
        attempt.error = journey.error = result.code or "upstream_error"
    if usage is not None:
        _price(journey, attempt, usage, outlet, fleet)
    return journey


def _price(journey: Journey, attempt: Attempt, usage: Usage, outlet: Outlet, fleet: Fleet) -> None:
    price = outlet.deployment.price
    cost, ordinary = _cost(outlet.price, usage), _cost(price, usage)
    attempt.cost = journey.cost = cost
    whole = usage if journey.shrunk is None else journey.shrunk.whole(usage)
    model = journey.reference_model or outlet.deployment.model
    journey.reference_cost = _cost(fleet.price(model), whole)
    if ordinary is not None and cost is not None:
        journey.batch_discount = ordinary - cost
        if price is not None and journey.shrunk is not None:
            journey.compression_discount = price.cost(whole) - ordinary


def ended(line: LineRow, journey: Journey, result: Result) -> Ended:
    """How a line ended, with what its journey cost: nothing where nothing was spent. What an answer
    without a usage cost is not known."""
    usage = journey.usage or Usage()
    spent = journey.usage is not None or journey.hit is not None or result.status == 200
    return Ended(
        batch=line.batch,
        seq=line.seq,
        status=result.status,
        response=None if result.status is None else result.body,
        code=result.code,
        message=result.message,
        input_tokens=usage.input,
        cached_tokens=usage.cached_input,
        output_tokens=usage.output,
        reasoning_tokens=usage.reasoning,
        cost=_pico(journey.cost) if spent else 0,
        reference_cost=_pico(journey.reference_cost) if spent else 0,
        discount=to_pico(journey.batch_discount),
    )


def _cost(price: Price | None, usage: Usage) -> Decimal | None:
    return None if price is None else price.cost(usage)


def _pico(amount: Decimal | None) -> int | None:
    return None if amount is None else to_pico(amount)
