"""Makes the consultations that scorers' judges and a cascade's graders wish for."""

import asyncio
from collections.abc import Awaitable, Iterable
from decimal import Decimal
from typing import TypeVar

from stepdown.evals.asking import Asker
from stepdown.quality.driving import Make, Told
from stepdown.types import Consult

T = TypeVar("T")


async def every(calls: Iterable[Awaitable[T]]) -> list[T]:
    """What all of these give. Where one raises, the others are finished first: they are paid for.

    Raises the first exception.
    """
    came = await asyncio.gather(*calls, return_exceptions=True)
    for each in came:
        if isinstance(each, BaseException):
            raise each
    return [each for each in came if not isinstance(each, BaseException)]


async def consulted(asker: Asker, model: str, wish: Consult) -> tuple[Told, Decimal | None]:
    """A consultation's answers, None for each call that failed, and what they cost together in US
    dollars: nothing for those that failed, None where a cost is unknown."""
    answers = await every(
        asker.ask(model, request, wish.role, sample) for sample, request in enumerate(wish.requests)
    )
    costs = [answer.cost for answer in answers if answer.error is None]
    return [answer.choice for answer in answers], cost_of(costs)


def cost_of(costs: Iterable[Decimal | None]) -> Decimal | None:
    """What these come to together, in US dollars; None where one is unknown."""
    whole = Decimal(0)
    for cost in costs:
        if cost is None:
            return None
        whole += cost
    return whole


def making(asker: Asker) -> Make:
    """Makes the consultations of judges, each of which names its model."""

    async def make(wish: Consult) -> Told:
        assert wish.model is not None
        told, _ = await consulted(asker, wish.model, wish)
        return told

    return make
