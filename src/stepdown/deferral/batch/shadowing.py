"""Hands an answered line to those who see every request at its end: the ledger and the shadow."""

from stepdown.deferral.run import Keeper
from stepdown.pipeline import Pipeline
from stepdown.types import Journey


async def offer(pipeline: Pipeline, journey: Journey, body: bytes) -> None:
    """Record a journey, and let the shadow sample it as if it had been answered just now."""
    shadow = pipeline.shadow
    if shadow is None:
        pipeline.ledger.record(journey)
        return
    client = shadow.listen(journey, Keeper())
    try:
        if journey.outcome == "answered":
            await client.answer(journey, body)
    finally:
        pipeline.ledger.record(journey)
        shadow.offer(journey)
