"""A gateway's batches in one process: routes, simulated models, a provider of batches, a ledger."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from stepdown.batch_ports import BatchAPI
from stepdown.deferral.batch.context import InForce
from stepdown.deferral.batch.interface import ENDED, Batch, Batches, NewBatch
from stepdown.deferral.batch.outlets import Outlets
from stepdown.deferral.batch.service import BatchService
from stepdown.deferral.batch.terms import BatchTerms
from stepdown.pipeline import Pipeline
from stepdown.ports import Deployment as AnyDeployment
from stepdown.ports import Ledger, Price
from stepdown.pricing.batch_price import Discounted
from stepdown.pricing.price import TokenPrice
from stepdown.providers.deployment import Deployment
from stepdown.providers.fleet import Fleet
from stepdown.providers.openai import OpenAIDialect
from stepdown.providers.simulated import SimulatedUpstream
from stepdown.routing.route import PolicyRoute, build_route
from stepdown.storage.address import parse
from stepdown.types import Journey

CHEAP = TokenPrice(Decimal("0.000001"), Decimal("0.000002"))
STRONG = TokenPrice(Decimal("0.00001"), Decimal("0.00002"))
LONG = 400
"""Tokens from which on the route asks the strong model."""


class Recorded:
    """Implements ``ports.Ledger``: keeps the journeys."""

    def __init__(self) -> None:
        self.journeys: list[Journey] = []

    def record(self, journey: Journey) -> None:
        self.journeys.append(journey)


def deployments(**simulated: Any) -> list[Deployment]:
    """A cheap and a strong model, each with one deployment."""
    return [
        Deployment(
            id=f"{name}/1",
            model=name,
            upstream_model=f"{name}-upstream",
            upstream=SimulatedUpstream(name, simulated),
            dialect=OpenAIDialect(),
            price=price,
        )
        for name, price in (("cheap", CHEAP), ("strong", STRONG))
    ]


def route() -> PolicyRoute:
    """Short prompts go to the cheap model."""
    options = {
        "ladder": ["cheap", "strong"],
        "rules": [{"name": "short", "when": {"tokens": {"lt": LONG}}, "rung": "cheap"}],
    }
    return build_route("auto", options, price_of={"cheap": CHEAP, "strong": STRONG}.get)


def pipeline(ledger: Ledger, made: Sequence[Deployment], **layers: Any) -> Pipeline:
    return Pipeline({"auto": route()}, Fleet(made), ledger, **layers)


def outlets(
    apis: Mapping[str, BatchAPI], made: Sequence[Deployment], factor: str = "0.5"
) -> Outlets:
    """Outlets at half the price, of the deployments that ``apis`` has by their ids."""

    def behind(model: str) -> list[AnyDeployment]:
        return [each for each in made if each.model == model]

    def price_of(deployment: AnyDeployment) -> Price | None:
        price = deployment.price
        return None if price is None else Discounted(price, Decimal(factor))

    return Outlets(behind, apis, price_of)


def entry(number: int, text: str = "Is this spam?", **fields: Any) -> dict[str, Any]:
    """A line of an input file."""
    body = {"model": "auto", "messages": [{"role": "user", "content": f"{text} {number}"}]}
    return {
        "custom_id": f"line-{number}",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": body | fields,
    }


def jsonl(entries: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)


async def pieces(data: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


class Batching:
    """Batches of one process, with what they run on. The pause between looks is short."""

    def __init__(
        self,
        url: str,
        apis: Mapping[str, BatchAPI],
        *,
        terms: BatchTerms | None = None,
        ledger: Ledger | None = None,
        at: Callable[[str], None] | None = None,
        simulated: Mapping[str, Any] | None = None,
        works: bool = True,
        **layers: Any,
    ) -> None:
        self.recorded = Recorded()
        made = deployments(**(simulated or {}))
        force = InForce(pipeline(ledger or self.recorded, made, **layers), outlets(apis, made))
        self.force = force
        watch = {} if at is None else {"at": at}
        self.service = BatchService(
            parse(url), terms or BatchTerms(poll=0.05, gather=0.05), **watch
        )
        self.interface: Batches = self.service
        if works:
            self.service.start(lambda: self.force)

    async def put(self, data: bytes, tenant: str = "red") -> str:
        file = await self.service.put_file(tenant, pieces(data), filename="in.jsonl")
        return file.id

    async def submit(
        self, entries: Iterable[Mapping[str, Any]], tenant: str = "red", **new: Any
    ) -> Batch:
        return await self.submit_file(jsonl(entries), tenant, **new)

    async def submit_file(self, data: bytes, tenant: str = "red", **new: Any) -> Batch:
        file = await self.put(data, tenant)
        return await self.service.create(tenant, NewBatch(file, **new))

    async def ended(self, batch: Batch, seconds: float = 60.0) -> Batch:
        async with asyncio.timeout(seconds):
            while True:
                found = await self.service.get(batch.tenant, batch.id)
                if found.status in ENDED:
                    return found
                await asyncio.sleep(0.02)

    async def read(self, tenant: str, file: str | None) -> list[dict[str, Any]]:
        if file is None:
            return []
        data = b"".join([piece async for piece in self.service.file_content(tenant, file)])
        return [json.loads(line) for line in data.splitlines()]

    async def answers(self, batch: Batch) -> list[dict[str, Any]]:
        return await self.read(batch.tenant, batch.output_file_id)

    async def errors(self, batch: Batch) -> list[dict[str, Any]]:
        return await self.read(batch.tenant, batch.error_file_id)
