"""Deferred calls: gathered into batches, called when the deadline nears, told by webhooks."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from msgspec import structs

from stepdown.batch_ports import Result
from stepdown.deferral.batch import attending, collecting, service, worker
from stepdown.deferral.batch.forms import call_object, encode
from stepdown.deferral.batch.interface import DeferredCall
from stepdown.deferral.batch.terms import BatchTerms
from stepdown.deferral.webhooks import Target, key_of
from stepdown.errors import BatchesUnavailable, InvalidField, UnknownBatch
from stepdown.providers.batch.simulated import (
    SimulatedBatchAPI,
    SimulatedBatchOptions,
    SimulatedProvider,
)
from stepdown.requests import request_of
from stepdown.types import Request
from support.batches import Batching, entry
from support.hooks import SECRET, Hook

TERMS = BatchTerms(poll=0.02, gather=0.1)


@pytest.fixture(autouse=True)
def swift(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "FIRST", 0.01)
    monkeypatch.setattr(worker, "TICK", 0.01)
    monkeypatch.setattr(attending, "SOON", 0.01)
    monkeypatch.setattr(collecting, "AGAIN", 0.01)
    monkeypatch.setattr(service, "SHORTEST_WINDOW", 0.0)


def simulated(**options: Any) -> SimulatedBatchAPI:
    return SimulatedBatchAPI(SimulatedProvider(SimulatedBatchOptions(**options)))


def run(
    url: str,
    steps: Callable[[Batching], Awaitable[None]],
    *apis: SimulatedBatchAPI,
    **options: Any,
) -> None:
    async def main() -> None:
        given = {f"{name}/1": api for api in apis for name in ("cheap", "strong")}
        at = Batching(url, given, **{"terms": TERMS, **options})
        try:
            await steps(at)
        finally:
            await at.service.aclose()

    asyncio.run(main())


def request(number: int = 0, tenant: str = "red", **fields: Any) -> Request:
    made = request_of(entry(number, **fields)["body"])
    made.tenant = tenant
    return made


async def ended(at: Batching, call: DeferredCall) -> DeferredCall:
    async with asyncio.timeout(30):
        while True:
            found = await at.service.deferred(call.tenant, call.id)
            if found.status not in ("queued", "submitted", "running"):
                return found
            await asyncio.sleep(0.01)


def test_calls_of_several_tenants_share_a_batch(database_url: str) -> None:
    api = simulated()

    async def steps(at: Batching) -> None:
        tenants = ("red", "blue", "red")
        calls = [
            await at.service.defer(request(number, tenant), window=600)
            for number, tenant in enumerate(tenants)
        ]
        assert [each.status for each in calls] == ["queued"] * 3
        for number, call in enumerate(calls):
            end = await ended(at, call)
            assert end.status == "succeeded"
            assert end.error is None
            answer = json.loads(end.response or b"")
            assert answer["choices"][0]["message"]["content"].startswith("simulated")
            facts = json.loads(end.facts or b"")
            assert facts["model"] == "cheap"
            assert facts["batch_discount"] == facts["cost"]
            assert facts["request_id"] == f"{call.id}.1"
            with pytest.raises(UnknownBatch):
                await at.service.deferred("green", call.id)
            assert end.tenant == tenants[number]
        recorded = {each.request.tenant for each in at.recorded.journeys}
        assert (recorded, len(at.recorded.journeys)) == ({"red", "blue"}, 3)
        assert (await at.service.list_batches("red")).data == ()

    run(database_url, steps, api)
    assert api.provider.made == 1


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_body_of_several_lines_is_one_line_of_a_batch(sqlite_url: str, ending: str) -> None:
    """Or else it would spoil the batch of all who share it."""
    api = simulated()

    async def steps(at: Batching) -> None:
        written = json.dumps(entry(0)["body"], indent=2).replace("\n", ending)
        pretty = request_of(written.encode())
        pretty.tenant = "red"
        calls = [await at.service.defer(each, window=600) for each in (pretty, request(1, "blue"))]
        ends = [await ended(at, call) for call in calls]
        assert [each.status for each in ends] == ["succeeded"] * 2
        assert all(json.loads(each.facts or b"")["batched"] for each in ends)

    run(sqlite_url, steps, api)
    assert api.provider.made == 1


@pytest.mark.parametrize("apis", [(), (1,)])
def test_what_stood_beside_the_body_is_kept(sqlite_url: str, apis: tuple[int, ...]) -> None:
    async def steps(at: Batching) -> None:
        asked = request(model="strong")
        asked.route, asked.intent, asked.session = "auto", "spam", "s-1"
        asked.headers = {"x-stepdown-mode": "interactive", "x-stepdown-own": "1", "x-other": "2"}
        end = await ended(at, await at.service.defer(asked, window=600))
        assert json.loads(end.facts or b"")["model"] == "cheap"
        [journey] = at.recorded.journeys
        came = journey.request
        assert (came.target, came.intent, came.session) == ("auto", "spam", "s-1")
        assert dict(came.headers) == {"x-stepdown-mode": "batch", "x-stepdown-own": "1"}

    run(sqlite_url, steps, *(simulated() for _ in apis))


def test_switched_off_a_webhook_is_told_later(sqlite_url: str) -> None:
    async def steps(at: Batching) -> None:
        call = await at.service.defer(request(), window=600)
        assert await at.service.shown(call.id, "red") is not None
        assert await at.service.shown(call.id, "blue") is None
        at.service.configure(BatchTerms(enabled=False))
        with pytest.raises(BatchesUnavailable):
            await at.service.shown(call.id, "red")

    run(sqlite_url, steps, simulated())


@pytest.mark.parametrize("body", [b"null", b"", b'{"detail":"no"}', b"<html>"])
def test_an_error_in_the_providers_own_form(sqlite_url: str, body: bytes) -> None:
    class Foreign(SimulatedBatchAPI):
        async def results(self, batch: str) -> AsyncIterator[Result]:
            async for each in super().results(batch):
                yield structs.replace(each, status=422, body=body, usage=None)

    async def steps(at: Batching) -> None:
        end = await ended(at, await at.service.defer(request(), window=600))
        assert end.status == "failed"
        assert "422" in json.loads(end.error or b"")["message"]
        encode(call_object(end))

    run(sqlite_url, steps, Foreign(SimulatedProvider(SimulatedBatchOptions())))


def test_a_deadline_that_nears_makes_an_ordinary_call(database_url: str) -> None:
    """Of those who share its batch, the others go into a batch again."""
    api = simulated(delay=600.0)

    async def steps(at: Batching) -> None:
        patient = await at.service.defer(request(1), window=3000)
        hasty = await at.service.defer(request(2), window=3)
        end = await ended(at, hasty)
        assert end.status == "succeeded"
        facts = json.loads(end.facts or b"")
        assert facts["batch_discount"] == "0"
        assert facts["batched"] is False
        assert end.created_at + 1 < end.deadline_at
        assert (await at.service.deferred("red", patient.id)).status in ("queued", "submitted")
        assert at.service.status()["counts"]["called"] == 1

    run(database_url, steps, api)


def test_without_a_batch_api_it_is_called_soon(sqlite_url: str) -> None:
    async def steps(at: Batching) -> None:
        end = await ended(at, await at.service.defer(request(), window=600))
        assert end.status == "succeeded"
        assert json.loads(encode(call_object(end)))["response"]["object"] == "chat.completion"

    run(sqlite_url, steps)


def test_a_request_that_cannot_be_answered(sqlite_url: str) -> None:
    async def steps(at: Batching) -> None:
        end = await at.service.defer(request(model="nobody"), window=600)
        assert end.status == "failed"
        assert json.loads(end.error or b"")["code"] == "model_not_found"
        shown = json.loads(encode(call_object(end)))
        assert shown["error"]["code"] == "model_not_found"
        assert "response" not in shown

    run(sqlite_url, steps)


def test_cancelling(database_url: str) -> None:
    api = simulated(delay=600.0)

    async def steps(at: Batching) -> None:
        call = await at.service.defer(request(), window=600)
        other = await at.service.defer(request(1), window=600)
        while not api.provider.batches:  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(0.01)
        await at.service.cancel_deferred("red", call.id)
        end = await ended(at, call)
        assert (end.status, end.response) == ("cancelled", None)
        assert json.loads(end.error or b"")["code"] == "batch_cancelled"
        assert (await at.service.deferred("red", other.id)).status == "submitted"
        with pytest.raises(UnknownBatch):
            await at.service.cancel_deferred("blue", other.id)

    run(database_url, steps, api)
    assert api.provider.made == 1


def test_what_was_cancelled_too_late_is_paid_for(database_url: str) -> None:
    """The answer is nobody's, but the ledger knows what it cost."""
    api = simulated(delay=0.5)

    async def steps(at: Batching) -> None:
        calls = [await at.service.defer(request(number), window=600) for number in range(2)]
        while not api.provider.batches:  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(0.01)
        await at.service.cancel_deferred("red", calls[0].id)
        assert (await ended(at, calls[0])).status == "cancelled"
        assert (await ended(at, calls[1])).status == "succeeded"
        outcomes = {each.outcome: each for each in at.recorded.journeys}
        assert set(outcomes) == {"cancelled", "answered"}
        assert outcomes["cancelled"].cost == outcomes["answered"].cost
        assert outcomes["cancelled"].served is outcomes["cancelled"].attempts[0]
        found = await at.service.deferred("red", calls[0].id)
        assert (found.status, found.response) == ("cancelled", None)

    run(database_url, steps, api)


@pytest.mark.parametrize("window", [-1.0, 8 * 86_400.0, float("nan")])
def test_windows_that_are_refused(sqlite_url: str, window: float) -> None:
    async def steps(at: Batching) -> None:
        with pytest.raises(InvalidField, match="x-stepdown-defer"):
            await at.service.defer(request(), window=window)

    run(sqlite_url, steps)


def test_not_before_the_start(sqlite_url: str) -> None:
    async def steps(at: Batching) -> None:
        with pytest.raises(BatchesUnavailable):
            await at.service.defer(request(), window=600)

    run(sqlite_url, steps, works=False)


def test_a_deadline_that_passes(sqlite_url: str) -> None:
    """Nobody works on it in time."""

    async def steps(at: Batching) -> None:
        call = await at.service.defer(request(), window=0.3)
        end = await ended(at, call)
        assert end.status == "failed"
        assert json.loads(end.error or b"")["code"] == "batch_expired"

    run(sqlite_url, steps, terms=structs.replace(TERMS, paused=True))


def test_webhooks_tell_of_both(database_url: str) -> None:
    with Hook() as hook:

        async def steps(at: Batching) -> None:
            call = await at.service.defer(request(), window=600, webhook="mine")
            batch = await at.submit([entry(0)], webhook="mine")
            async with asyncio.timeout(20):
                while len(hook.received) < 2:  # noqa: ASYNC110  nothing announces it
                    await asyncio.sleep(0.01)
            told = {each.headers["webhook-id"]: each.job for each in hook.received}
            assert told[call.id]["status"] == "succeeded"
            assert told[call.id]["response"]["object"] == "chat.completion"
            assert told[batch.id]["object"] == "batch"
            assert told[batch.id]["request_counts"]["completed"] == 1
            await asyncio.sleep(0.1)
            assert (await at.service.get("red", batch.id)).delivery == "delivered"
            assert (await at.service.deferred("red", call.id)).delivery == "delivered"

        terms = structs.replace(TERMS, webhooks={"mine": Target(hook.url, key_of(SECRET))})
        run(database_url, steps, simulated(), terms=terms)
