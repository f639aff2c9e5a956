"""Shadows over scripted models: a record that tells what it was given, and a gateway to ask."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

from msgspec import json, structs

from stepdown.ports import Fleet as AnyFleet
from stepdown.providers.openai import OpenAIDialect
from stepdown.quality.pairs import Pair
from stepdown.quality.records.pair_texts import Texts
from stepdown.quality.shadow.sampling import Rates
from stepdown.quality.shadow.shadow import Shadow
from stepdown.quality.shadow.terms import Shadowed
from stepdown.requests import request_of
from stepdown.types import Decision, Reading, Request, Timeouts
from support import chat
from support.scripted import Fleet, Ladder, Reply, Step, Upstream, follow

LADDER = ("cheap", "strong")
ALL = Rates(rate=1.0, observe_rate=1.0)
Said = str | bytes | BaseException
"""A text, a whole reply, or a failure."""


class Model(Upstream):
    """Says the same to everybody, after ``steps``; ``say`` may look at the body first."""

    def __init__(
        self, said: Said | Callable[[Mapping[str, Any]], Said] = "fine", *steps: Step
    ) -> None:
        super().__init__("model")
        self.said = said
        self.steps = steps
        self.was_asked = asyncio.Event()

    async def send(self, body: bytes, *, stream: bool, timeouts: Timeouts) -> Reply:
        read = json.decode(body)
        self.asked.append(read)
        self.was_asked.set()
        for step in self.steps:
            await follow(step)
        said = self.said(read) if callable(self.said) else self.said
        if isinstance(said, BaseException):
            raise said
        if isinstance(said, bytes):
            return Reply(said)
        if stream:
            return Reply(*chat.stream(self.model, [said], with_usage=True))
        return Reply(chat.completion(self.model, said))


class Record:
    """Keeps pairs and counts in memory."""

    def __init__(self) -> None:
        self.pairs: list[Pair] = []
        self.texts: list[Texts | None] = []
        self.counts: dict[str, int] = {}
        self.costs: dict[str, Decimal] = {}

    def put(self, pair: Pair, texts: Texts | None = None) -> None:
        self.pairs.append(pair)
        self.texts.append(texts)

    def count(self, route: str, reason: str, amount: int = 1, cost: Decimal = Decimal(0)) -> None:
        self.counts[reason] = self.counts.get(reason, 0) + amount
        self.costs[reason] = self.costs.get(reason, Decimal(0)) + cost


class Deciding(Ladder):
    """A route that decides as it is told."""

    def __init__(self, *ladder: str, decision: Decision | None = None, **readings: Reading) -> None:
        super().__init__(*(ladder or LADDER))
        self.decision = decision or Decision("always", self.ladder[0], 0, policy="p1")
        self.readings = readings

    def read(self, request: Request) -> dict[str, Reading]:
        return dict(self.readings)

    def decide(self, request: Request, readings: Mapping[str, Reading]) -> Decision:
        return self.decision


def asked(number: int = 1, text: str = "Tell me.", **fields: Any) -> Request:
    """A request of a route ``auto``, with an id by its number."""
    messages = [{"role": "user", "content": text}]
    return request_of({"model": "auto", "messages": messages, **fields}, id=f"sd-{number}")


def of_tenant(request: Request, tenant: str) -> Request:
    return structs.replace(request, tenant=tenant)


def fleet_of(cheap: Upstream | None = None, strong: Upstream | None = None, **more: Any) -> Fleet:
    """A token costs 0.01 of ``cheap`` and 0.10 of every other model."""
    return Fleet(cheap=cheap or Model(), strong=strong or Model(), **more)


def shadow_of(
    fleet: AnyFleet, record: Record, *, shadowed: Shadowed | None = None, **given: Any
) -> Shadow:
    """Shadows every request of ``auto``, unless told otherwise."""
    routes = {"auto": shadowed or Shadowed(LADDER, ALL)}
    return Shadow(routes, fleet, record, OpenAIDialect(), **given)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def within_time() -> None:
        async with asyncio.timeout(20):
            await test()

    asyncio.run(within_time())
