"""Ten thousand lines through the simulated provider, by two workers: none lost, none doubled."""

import asyncio
from decimal import Decimal

import pytest

from stepdown.deferral.batch import collecting, submitting, worker
from stepdown.deferral.batch.interface import BatchFile, NewBatch
from stepdown.deferral.batch.terms import BatchTerms
from stepdown.providers.batch.simulated import SimulatedBatchAPI, SimulatedBatchOptions
from support.batch_server import Kept
from support.batches import Batching, entry, jsonl

COUNT = 10_000


def test_ten_thousand_lines(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One in a hundred fails in passing, and goes again; two workers share the rest."""
    monkeypatch.setattr(worker, "FIRST", 0.02)
    monkeypatch.setattr(worker, "TICK", 0.02)
    monkeypatch.setattr(collecting, "AGAIN", 0.01)
    monkeypatch.setattr(submitting, "MOST_BYTES", 1_000_000)
    provider = Kept(SimulatedBatchOptions(error_rate=0.01, seed=3))
    api = SimulatedBatchAPI(provider)

    async def main() -> None:
        terms = BatchTerms(poll=0.05, rounds=3)
        apis = {"cheap/1": api, "strong/1": api}
        one, two = (Batching(database_url, apis, terms=terms) for _ in range(2))
        try:
            data = jsonl(entry(number) for number in range(COUNT))
            batch = await one.service.create("red", NewBatch(await one.put(data)))
            end = await one.ended(batch, seconds=120)
            answers = await one.answers(end)
            assert [each["custom_id"] for each in answers] == [f"line-{n}" for n in range(COUNT)]
            assert (end.counts.completed, end.counts.failed) == (COUNT, 0)
            said = {
                each["response"]["body"]["choices"][0]["message"]["content"] for each in answers
            }
            assert len(said) == COUNT  # each line has its own answer
            journeys = one.recorded.journeys + two.recorded.journeys
            ids = {journey.request.id for journey in journeys}
            assert len(journeys) == len(ids) == COUNT
            total = sum((journey.cost or Decimal(0) for journey in journeys), Decimal(0))
            assert Decimal(end.money.cost) == total
        finally:
            await one.service.aclose()
            await two.service.aclose()

    asyncio.run(main())
    assert len(provider.asked) == COUNT
    again = sum(count - 1 for count in provider.asked.values())
    assert 0 < again < COUNT * 0.05  # only those that the provider said had failed


def test_a_file_is_stored_in_pieces(sqlite_url: str) -> None:
    """An upload never stands in memory, or in a row, as a whole."""

    async def main() -> BatchFile:
        at = Batching(sqlite_url, {}, works=False)
        try:
            data = jsonl(entry(number, "x" * 1000) for number in range(2000))
            file = await at.put(data)
            pieces = [piece async for piece in at.service.file_content("red", file)]
            assert b"".join(pieces) == data
            assert max(map(len, pieces)) < 400_000
            return await at.service.get_file("red", file)
        finally:
            await at.service.aclose()

    assert asyncio.run(main()).bytes > 2_000_000
