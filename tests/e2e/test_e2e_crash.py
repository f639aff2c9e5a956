"""A loaded server that is killed loses at most one flush interval of its ledger; one that is asked
to end loses nothing.
"""

import asyncio
import signal
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import openai
import pytest

from support.clients import HELLO, async_client_of, client_of
from support.configs import deployment
from support.fault_server import FaultServer
from support.gateway_process import GatewayProcess
from support.ledger_reading import details, recorded, totals

FLUSH_INTERVAL = 0.2
GRACE = 0.3
"""What two busy cores may add to the interval: a flush begins on time but has to be written."""


@pytest.fixture
def gateway(upstream: FaultServer, tmp_path: Path) -> Iterator[GatewayProcess]:
    """A server that has been up for a while: its ledger has been made."""
    with GatewayProcess({"model_list": [deployment(upstream, "busy")]}, tmp_path) as running:
        with client_of(running) as client:
            client.chat.completions.create(model="busy", messages=HELLO)
        recorded(running.database, model="busy")
        yield running


class Load:
    """Asks without pause, and keeps each answer's id with the time (since 1970) it was there."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self.gateway = gateway
        self.answered: dict[str, float] = {}

    async def run(self, seconds: float, clients: int = 8) -> None:
        async with async_client_of(self.gateway) as client, asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(self._ask(client))
            await asyncio.sleep(seconds)
            await asyncio.to_thread(self.gateway.kill)

    async def _ask(self, client: openai.AsyncOpenAI) -> None:
        while self.gateway.running:
            try:
                reply = await client.chat.completions.with_raw_response.create(
                    model="busy", messages=HELLO
                )
            except openai.APIConnectionError:
                return
            self.answered[reply.headers["x-stepdown-request-id"]] = time.time()


def test_a_kill_loses_at_most_one_flush_interval(gateway: GatewayProcess) -> None:
    load = Load(gateway)
    asyncio.run(load.run(seconds=1.5))
    killed = max(load.answered.values())
    kept = {detail.id for detail in details(gateway.database)}
    lost = [when for request, when in load.answered.items() if request not in kept]
    assert len(load.answered) > 50
    assert kept
    assert all(when > killed - FLUSH_INTERVAL - GRACE for when in lost)


def test_sums_and_details_agree_after_a_kill(gateway: GatewayProcess) -> None:
    asyncio.run(Load(gateway).run(seconds=0.7))
    kept = details(gateway.database)
    requests, cost = totals(gateway.database)
    assert requests == len(kept) > 50
    assert cost == sum(detail.cost or Decimal() for detail in kept)


def test_ending_in_good_order_loses_nothing(gateway: GatewayProcess) -> None:
    async def talk() -> list[str]:
        async with async_client_of(gateway) as client:
            asked = [
                client.chat.completions.with_raw_response.create(model="busy", messages=HELLO)
                for _ in range(40)
            ]
            replies = await asyncio.gather(*asked)
            return [reply.headers["x-stepdown-request-id"] for reply in replies]

    answered = asyncio.run(talk())
    assert gateway.stop() in (0, -signal.SIGTERM)
    assert set(answered) <= {detail.id for detail in details(gateway.database)}


def test_a_killed_server_starts_again_on_its_ledger(gateway: GatewayProcess) -> None:
    asyncio.run(Load(gateway).run(seconds=0.5))
    before = len(details(gateway.database))
    with gateway:
        asyncio.run(Load(gateway).run(seconds=0.5))
    assert len(details(gateway.database)) > before
