"""A batch through Anthropic's API: it takes no key of ours, and yet nothing is submitted twice."""

import asyncio
from typing import Any

import pytest

from stepdown.deferral.batch import collecting, submitting, worker
from stepdown.deferral.batch.interface import Batch
from stepdown.deferral.batch.terms import BatchTerms
from stepdown.providers.batch.anthropic import AnthropicBatchAPI
from stepdown.providers.http import HttpOptions
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


def test_an_answer_that_is_lost_while_the_batch_runs(database_url: str) -> None:
    """It is looked for until it has ended, since only then it can be known again."""
    entries = [entry(number, max_tokens=50) for number in range(5)]
    end, at, server = run(database_url, *entries, lose_rate=1.0, delay=0.5)
    assert (end.counts.completed, server.provider.made) == (5, 1)
    assert at.service.status()["counts"]["found"] == 1
