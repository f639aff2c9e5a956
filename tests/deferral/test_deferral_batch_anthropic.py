"""A batch through Anthropic's API: it takes no key of ours, and yet nothing is submitted twice."""

import asyncio
from typing import Any

import pytest

from stepdown.deferral.batch import collecting, submitting, worker
from stepdown.deferral.batch.interface import Batch, DeferredCall
from stepdown.deferral.batch.terms import BatchTerms
from stepdown.providers.batch.anthropic import AnthropicBatchAPI
from stepdown.providers.http import HttpOptions
from stepdown.requests import request_of
from stepdown.storage.address import parse
from stepdown.storage.batches import BatchStore
from support.batch_server import BatchServer
from support.batches import Batching, entry


@pytest.fixture(autouse=True)
def swift(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "FIRST", 0.01)
    monkeypatch.setattr(worker, "TICK", 0.01)
    monkeypatch.setattr(collecting, "AGAIN", 0.01)
    monkeypatch.setattr(submitting, "PAUSES", (0.01,))
    monkeypatch.setattr(submitting, "SETTLE", 0.01)


def run(url: str, *entries: dict[str, Any], **options: Any) -> tuple[Batch, Batching, BatchServer]:
    with BatchServer(**options) as server:

        async def main() -> tuple[Batch, Batching]:
            headers = {"authorization": "Bearer key"}
            api = AnthropicBatchAPI(HttpOptions(server.base_url, headers=headers))
            apis = {"cheap/1": api, "strong/1": api}
            at = Batching(url, apis, terms=BatchTerms(poll=0.02))
            try:
                end = await at.ended(await at.submit(entries))
                answers = await at.answers(end)
                assert [each["custom_id"] for each in answers] == [e["custom_id"] for e in entries]
                objects = {each["response"]["body"]["object"] for each in answers}
                assert objects == {"chat.completion"}
                return end, at
            finally:
                await at.service.aclose()
                await api.aclose()

        return *asyncio.run(main()), server


def test_what_it_has_no_words_for_is_called(database_url: str) -> None:
    end, at, server = run(
        database_url,
        entry(0, max_tokens=50),
        entry(1),  # which states no limit
        entry(2, max_tokens=50, response_format={"type": "json_object"}),
        entry(3, max_tokens=50),
    )
    assert (end.counts.completed, server.provider.made) == (4, 1)
    counts = at.service.status()["counts"]
    assert counts["called"] == 2
    batched = [each for each in at.recorded.journeys if each.batch_discount]
    assert len(batched) == 2


def test_an_answer_that_is_lost_of_a_batch_without_what_was_given_up(sqlite_url: str) -> None:
    """It has fewer requests than were put into it, and is known again all the same."""
    store = BatchStore(parse(sqlite_url))
    calls: list[DeferredCall] = []

    def give_one_up(step: str) -> None:
        if step == "formed":
            store.lines.give_up(calls[0].id, "batch_cancelled", "", sent_too=True)

    async def main(server: BatchServer) -> Batching:
        headers = {"authorization": "Bearer key"}
        api = AnthropicBatchAPI(HttpOptions(server.base_url, headers=headers))
        terms = BatchTerms(poll=0.02, gather=0.5)
        at = Batching(sqlite_url, {"cheap/1": api}, terms=terms, at=give_one_up)
        try:
            for number in range(3):
                body = entry(number, max_tokens=50)["body"]
                calls.append(await at.service.defer(request_of(body), window=600))
            async with asyncio.timeout(30):
                for call in calls:
                    found = call
                    while found.status in ("queued", "submitted", "running"):
                        await asyncio.sleep(0.02)
                        found = await at.service.deferred(call.tenant, call.id)
            return at
        finally:
            await at.service.aclose()
            await api.aclose()

    with BatchServer(lose_rate=1.0, delay=0.2) as server:
        at = asyncio.run(main(server))
    store.close()
    assert (server.provider.made, at.service.status()["counts"]["found"]) == (1, 1)


def test_an_answer_that_is_lost_while_the_batch_runs(database_url: str) -> None:
    """It is looked for until it has ended, since only then it can be known again."""
    entries = [entry(number, max_tokens=50) for number in range(5)]
    end, at, server = run(database_url, *entries, lose_rate=1.0, delay=0.5)
    assert (end.counts.completed, server.provider.made) == (5, 1)
    assert at.service.status()["counts"]["found"] == 1
