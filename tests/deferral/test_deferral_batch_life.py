"""Batches from their input to their files, over a simulated provider in this process."""

import asyncio
import gc
import json
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from stepdown.batch_ports import Remote, Result
from stepdown.deferral.batch import (
    accounting,
    attending,
    calling,
    collecting,
    planning,
    service,
    submitting,
    worker,
)
from stepdown.deferral.batch.context import InForce
from stepdown.deferral.batch.interface import Batch, NewBatch
from stepdown.deferral.batch.planning import check_model
from stepdown.deferral.batch.terms import BatchTerms
from stepdown.errors import (
    InvalidField,
    TooManyBatches,
    UnknownBatch,
    UnknownFile,
    UnknownModel,
    UpstreamRateLimited,
)
from stepdown.names import known_names
from stepdown.providers.batch.simulated import (
    SimulatedBatchAPI,
    SimulatedBatchOptions,
    SimulatedProvider,
)
from stepdown.providers.deployment import Deployment
from stepdown.providers.openai import OpenAIDialect
from stepdown.providers.simulated import SimulatedUpstream
from stepdown.types import Journey
from support.batches import Batching, Recorded, deployments, entry, jsonl, pipeline

LONG = "word " * 500


@pytest.fixture(autouse=True)
def swift(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "FIRST", 0.01)
    monkeypatch.setattr(worker, "TICK", 0.01)
    monkeypatch.setattr(attending, "SOON", 0.01)
    monkeypatch.setattr(collecting, "AGAIN", 0.01)
    monkeypatch.setattr(calling, "PAUSE", 0.01)
    monkeypatch.setattr(submitting, "PAUSES", (0.01,))
    monkeypatch.setattr(submitting, "SETTLE", 0.01)
    monkeypatch.setattr(service, "SHORTEST_WINDOW", 0.0)


def simulated(**options: Any) -> SimulatedBatchAPI:
    return SimulatedBatchAPI(SimulatedProvider(SimulatedBatchOptions(**options)))


def run(
    url: str,
    steps: Callable[[Batching], Awaitable[None]],
    *apis: SimulatedBatchAPI,
    **options: Any,
) -> Batching:
    """Play a test with one provider for both models, or none."""

    async def main() -> Batching:
        given = {f"{name}/1": api for api in apis for name in ("cheap", "strong")}
        made = Batching(url, given, **options)
        try:
            await steps(made)
        finally:
            await made.service.aclose()
        return made

    return asyncio.run(main())


async def status(at: Batching, batch: Batch, wanted: str) -> Batch:
    async with asyncio.timeout(20):
        found = batch
        while found.status != wanted:
            found = await at.service.get(batch.tenant, batch.id)
            await asyncio.sleep(0.01)
    return found


def test_each_line_goes_to_the_cheapest_model_that_will_do(database_url: str) -> None:
    api = simulated()

    async def steps(at: Batching) -> None:
        texts = ["Is this spam?", LONG, "Is that spam?", LONG, "And this?"]
        batch = await at.submit(entry(number, text) for number, text in enumerate(texts))
        assert (batch.status, batch.counts.total) == ("validating", 0)
        end = await at.ended(batch)
        assert end.status == "completed"
        assert dict(end.models) == {"cheap": 3, "strong": 2}
        assert (end.counts.total, end.counts.completed, end.counts.failed) == (5, 5, 0)
        answers = await at.answers(end)
        assert [each["custom_id"] for each in answers] == [f"line-{n}" for n in range(5)]
        models = [each["response"]["body"]["model"] for each in answers]
        cheap, strong = "cheap-upstream", "strong-upstream"
        assert models == [cheap, strong, cheap, strong, cheap]
        assert end.error_file_id is None
        assert end.created_at <= (end.in_progress_at or 0) <= (end.finalizing_at or 0)
        assert (end.finalizing_at or 0) <= (end.completed_at or 0)

    run(database_url, steps, api)
    assert api.provider.made == 2  # one for each model


def test_each_line_is_recorded_at_the_batch_price(sqlite_url: str) -> None:
    async def steps(at: Batching) -> None:
        end = await at.ended(await at.submit([entry(0), entry(1, LONG)]))
        cheap, strong = at.recorded.journeys
        if cheap.decision and cheap.decision.model == "strong":
            cheap, strong = strong, cheap
        for journey in (cheap, strong):
            assert journey.outcome == "answered"
            assert journey.cost is not None
            assert journey.reference_cost is not None
            assert journey.batch_discount == journey.cost  # half of the ordinary price
            assert journey.attempts[0] is journey.served
            assert journey.request.tenant == "red"
        assert cheap.decision is not None
        assert (cheap.decision.name, cheap.route) == ("short", "auto")
        assert cheap.readings["tokens"].value > 0
        assert (cheap.saved or Decimal(0)) > cheap.batch_discount
        assert strong.saved == strong.batch_discount
        total = sum((each.cost or Decimal(0) for each in (cheap, strong)), Decimal(0))
        assert Decimal(end.money.cost) == total
        assert Decimal(end.money.discount) == total
        assert end.money.unpriced == 0

    run(sqlite_url, steps, simulated())


def test_without_a_batch_api_each_line_is_called(database_url: str) -> None:
    async def steps(at: Batching) -> None:
        end = await at.ended(await at.submit([entry(0), entry(1, LONG), entry(2)]))
        answers = await at.answers(end)
        assert [each["custom_id"] for each in answers] == ["line-0", "line-1", "line-2"]
        assert end.counts.completed == 3
        assert end.money.discount == "0"
        assert len(at.recorded.journeys) == 3
        assert {each.request.headers["x-stepdown-mode"] for each in at.recorded.journeys} == {
            "batch"
        }
        total = sum((each.cost or Decimal(0) for each in at.recorded.journeys), Decimal(0))
        assert Decimal(end.money.cost) == total

    run(database_url, steps)


def test_only_so_many_are_called_at_once(sqlite_url: str) -> None:
    async def steps(at: Batching) -> None:
        batch = await at.submit(entry(number) for number in range(12))
        most = 0
        while (await at.service.get("red", batch.id)).completed_at is None:
            most = max(most, at.service.status()["holds"]["calls"])
            await asyncio.sleep(0.001)
        assert most == 2

    terms = BatchTerms(concurrency=2)
    run(sqlite_url, steps, terms=terms, simulated={"latency": 0.01})


def test_others_get_their_turn_while_answers_are_read(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = 0
    read: Counter[int] = Counter()

    def counted(*given: Any) -> Journey:
        read[turns] += 1
        return accounting.answered(*given)

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def steps(at: Batching) -> None:
        other = asyncio.create_task(take_turns())
        end = await at.ended(await at.submit(entry(number) for number in range(100)))
        other.cancel()
        assert end.counts.completed == 100

    monkeypatch.setattr(collecting, "answered", counted)
    run(sqlite_url, steps, simulated())
    assert read.total() == 100
    assert max(read.values()) <= collecting.BREATH


def test_a_model_whose_name_no_database_takes_does_not_exist() -> None:
    """Though a pattern of the configuration serves it."""
    any_name = Deployment(
        id="*/1",
        model="*",
        upstream_model="*",
        upstream=SimulatedUpstream("any", {}),
        dialect=OpenAIDialect(),
        price=None,
    )
    made = pipeline(Recorded(), [any_name])
    check_model(made, "a")
    with pytest.raises(UnknownModel):
        check_model(made, "a\0")


def test_answers_without_a_usage_have_no_known_cost(sqlite_url: str) -> None:
    class Silent(SimulatedBatchAPI):
        async def results(self, batch: str) -> AsyncIterator[Result]:
            async for each in super().results(batch):
                yield replace(each, usage=None)

    async def steps(at: Batching) -> None:
        end = await at.ended(await at.submit(entry(number) for number in range(3)))
        assert (end.counts.completed, end.money.unpriced, end.money.cost) == (3, 3, "0")

    run(sqlite_url, steps, Silent(SimulatedProvider(SimulatedBatchOptions())))


def test_lines_that_fail_for_good_are_errors(database_url: str) -> None:
    async def steps(at: Batching) -> None:
        entries = [entry(0), entry(1, messages="no list"), entry(2, stream=True), entry(3)]
        end = await at.ended(await at.submit(entries))
        assert end.status == "completed"
        assert (end.counts.completed, end.counts.failed) == (2, 2)
        assert [each["custom_id"] for each in await at.answers(end)] == ["line-0", "line-3"]
        first, second = await at.errors(end)
        assert (first["custom_id"], second["custom_id"]) == ("line-1", "line-2")
        assert first["response"]["status_code"] == 400
        assert first["response"]["body"]["error"]["code"] == "invalid_field"
        assert "stream" in second["response"]["body"]["error"]["message"]
        assert first["error"] is None

    run(database_url, steps, simulated())


def test_lines_that_fail_in_passing_go_again_and_are_called_in_the_end(database_url: str) -> None:
    api = simulated(error_rate=1.0, error_status=429)

    async def steps(at: Batching) -> None:
        end = await at.ended(await at.submit(entry(number) for number in range(5)))
        assert (end.counts.completed, end.counts.failed) == (5, 0)
        assert at.service.status()["counts"]["called"] == 5

    run(database_url, steps, api, terms=BatchTerms(poll=0.01, rounds=2))
    assert api.provider.made == 2


def test_a_partly_failing_provider_loses_and_doubles_nothing(database_url: str) -> None:
    api = simulated(error_rate=0.2, expire_rate=0.2, refuse_rate=0.3, lose_rate=0.3, seed=4)

    async def steps(at: Batching) -> None:
        end = await at.ended(await at.submit(entry(number) for number in range(60)))
        assert (end.counts.completed, end.counts.failed) == (60, 0)
        answers = await at.answers(end)
        assert [each["custom_id"] for each in answers] == [f"line-{n}" for n in range(60)]
        assert len(at.recorded.journeys) == 60
        counts = at.service.status()["counts"]
        assert counts["again"] > 0

    run(database_url, steps, api, terms=BatchTerms(poll=0.01, rounds=4))


def test_an_answer_to_the_making_that_is_lost(database_url: str) -> None:
    api = simulated(lose_rate=1.0)

    async def steps(at: Batching) -> None:
        end = await at.ended(await at.submit(entry(number) for number in range(3)))
        assert end.counts.completed == 3
        assert at.service.status()["counts"]["found"] == 1

    run(database_url, steps, api)
    assert api.provider.made == 1


def test_a_provider_that_says_to_come_again_in_years_is_asked_before(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submitting, "LONGEST_PAUSE", 0.02)

    class Busy(SimulatedBatchAPI):
        looks = 0

        async def look(self, batch: str) -> Remote:
            self.looks += 1
            if self.looks > 1:
                return await super().look(batch)
            error = UpstreamRateLimited("Too many requests.")
            error.retry_after = float("inf")
            raise error

    api = Busy(SimulatedProvider(SimulatedBatchOptions()))

    async def steps(at: Batching) -> None:
        end = await at.ended(await at.submit([entry(0)]))
        assert (end.counts.completed, api.looks) == (1, 2)

    run(sqlite_url, steps, api)


def test_a_provider_that_forgot_a_batch(sqlite_url: str) -> None:
    api = simulated(delay=60.0)

    async def steps(at: Batching) -> None:
        batch = await at.submit([entry(0)])
        await status(at, batch, "in_progress")
        while not api.provider.batches:  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(0.01)
        api.provider.batches.clear()
        assert (await at.ended(batch)).counts.completed == 1

    run(sqlite_url, steps, api, terms=BatchTerms(poll=0.01, rounds=1))


def test_a_step_under_way_keeps_the_configuration_that_it_began_with(sqlite_url: str) -> None:
    """Whose connections a reload would close under it."""
    api = simulated()
    kept: list[bool] = []

    async def steps(at: Batching) -> None:
        earlier = weakref.ref(at.force.pipeline)

        def reload(step: str) -> None:
            if step == "staged":
                at.force = InForce(pipeline(at.recorded, deployments()), at.force.outlets)
                gc.collect()
                kept.append(earlier() is not None)

        hooks.append(reload)
        end = await at.ended(await at.submit([entry(0)]))
        gc.collect()
        assert (end.counts.completed, earlier()) == (1, None)

    hooks: list[Callable[[str], None]] = []
    run(sqlite_url, steps, api, at=lambda step: [hook(step) for hook in hooks])
    assert kept == [True]


def test_a_deployment_that_is_gone_from_the_configuration(sqlite_url: str) -> None:
    async def steps(at: Batching) -> None:
        at.service.configure(BatchTerms(poll=0.01, paused=True))
        batch = await at.submit([entry(0)])
        await status(at, batch, "in_progress")
        bare = Batching(sqlite_url, {}, works=False)
        at.force = bare.force
        at.service.configure(BatchTerms(poll=0.01))
        assert (await at.ended(batch)).counts.completed == 1
        assert at.service.status()["counts"]["called"] == 1
        await bare.service.aclose()

    run(sqlite_url, steps, simulated(delay=60.0))


def test_paused_nothing_is_submitted_or_called(sqlite_url: str) -> None:
    api = simulated()

    async def steps(at: Batching) -> None:
        batch = await at.submit([entry(0)])
        await status(at, batch, "in_progress")
        await asyncio.sleep(0.1)
        assert api.provider.made == 0
        assert at.service.status()["working"] is False
        at.service.configure(BatchTerms(poll=0.01))
        assert (await at.ended(batch)).status == "completed"

    run(sqlite_url, steps, api, terms=BatchTerms(paused=True))


# ── the input ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (b"\n \n", "empty_file", None),
        (jsonl([entry(0)]) + b"{", "invalid_json_line", 2),
        (b'{"custom_id":"a","url":"/v1/chat/completions"}', "invalid_request", 1),
        (jsonl([entry(0), entry(1), entry(0)]), "duplicate_custom_id", 3),
        (jsonl([{**entry(0), "url": "/v1/embeddings"}]), "invalid_url", 1),
        (jsonl([{**entry(0), "method": "GET"}]), "invalid_method", 1),
        (jsonl([{**entry(0), "custom_id": ""}]), "invalid_custom_id", 1),
        (jsonl([entry(0), entry(1, model="autto")]), "model_not_found", 2),
        (jsonl([entry(0, "x" * 3000)]), "line_too_long", 1),
        (jsonl(entry(number) for number in range(6)), "too_many_requests", None),
        (b"[" * 100 + b"]" * 100, "invalid_json_line", 1),
    ],
)
def test_input_that_is_no_batch(sqlite_url: str, data: bytes, code: str, line: int) -> None:
    api = simulated()

    async def steps(at: Batching) -> None:
        file = await at.put(data)
        end = await at.ended(await at.service.create("red", NewBatch(file)))
        assert (end.status, end.failed_at is not None) == ("failed", True)
        assert (end.errors[0].code, end.errors[0].line) == (code, line)
        assert (end.output_file_id, end.error_file_id) == (None, None)
        assert end.counts.total == 0

    run(sqlite_url, steps, api, terms=BatchTerms(max_lines=5, max_line=2000))
    assert api.provider.made == 0


def test_many_unknown_models_are_looked_up_only_as_far_as_they_are_shown(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def counted(name: str, known: Iterable[str]) -> str:
        asked.append(name)
        return known_names(name, known)

    async def steps(at: Batching) -> None:
        end = await at.ended(
            await at.submit(
                entry(number, model=f"{number:04}" + "x" * 900) for number in range(200)
            )
        )
        assert (end.status, len(end.errors)) == ("failed", 100)
        assert [error.line for error in end.errors] == list(range(1, 101))
        assert max(len(error.message) for error in end.errors) < 300

    monkeypatch.setattr(planning, "known_names", counted)
    run(sqlite_url, steps)
    assert (len(asked), max(map(len, asked))) == (100, planning.LONGEST_SHOWN)


def test_errors_name_their_lines_and_what_was_meant(sqlite_url: str) -> None:
    async def steps(at: Batching) -> None:
        data = b"\n".join([b"{", json.dumps(entry(1, model="autto")).encode(), b"", b"]"])
        end = await at.ended(await at.service.create("red", NewBatch(await at.put(data))))
        assert [(each.line, each.code) for each in end.errors] == [
            (1, "invalid_json_line"),
            (2, "model_not_found"),
            (4, "invalid_json_line"),
        ]
        assert "Did you mean 'auto'?" in end.errors[1].message

    run(sqlite_url, steps)


# ── how it ends otherwise ────────────────────────────────────────────────────────────────────


def test_cancelled_while_the_provider_works(database_url: str) -> None:
    api = simulated(delay=1.0)

    async def steps(at: Batching) -> None:
        batch = await at.submit(entry(number) for number in range(20))
        while not api.provider.batches:  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        cancelled = await at.service.cancel("red", batch.id)
        assert (cancelled.status, cancelled.cancelling_at is not None) == ("cancelling", True)
        end = await at.ended(batch)
        assert (end.status, end.cancelled_at is not None) == ("cancelled", True)
        answers, errors = await at.answers(end), await at.errors(end)
        assert 0 < len(answers) < 20  # what was done by then is paid for, and given
        assert len(answers) + len(errors) == 20
        assert errors[0]["response"] is None
        assert errors[0]["error"]["code"] == "batch_cancelled"
        assert (end.counts.completed, end.counts.failed) == (len(answers), len(errors))
        assert (await at.service.cancel("red", batch.id)).status == "cancelled"

    run(database_url, steps, api, terms=BatchTerms(poll=0.02))
    assert api.provider.made == 1


def test_cancelled_before_anything_was_submitted(database_url: str) -> None:
    api = simulated()

    async def steps(at: Batching) -> None:
        batch = await at.submit(entry(number) for number in range(3))
        await status(at, batch, "in_progress")
        await at.service.cancel("red", batch.id)
        end = await at.ended(batch)
        assert end.status == "cancelled"
        assert [each["error"]["code"] for each in await at.errors(end)] == ["batch_cancelled"] * 3
        assert end.output_file_id is None

    run(database_url, steps, api, terms=BatchTerms(paused=True))
    assert api.provider.made == 0


def test_cancelled_before_it_was_validated(sqlite_url: str) -> None:
    async def steps(at: Batching) -> None:
        other = Batching(sqlite_url, {}, works=False)
        batch = await other.submit([entry(0)])
        await other.service.cancel("red", batch.id)
        end = await at.ended(batch)
        assert (end.status, end.counts.total, end.error_file_id) == ("cancelled", 0, None)
        await other.service.aclose()

    run(sqlite_url, steps)


def test_cancelled_while_it_is_called(database_url: str) -> None:
    """Calls under way are broken off, here and, at their next sign of life, elsewhere."""

    async def steps(at: Batching) -> None:
        batch = await at.submit([entry(0), entry(1)])
        async with asyncio.timeout(20):
            while at.service.status()["holds"]["calls"] < 2:  # noqa: ASYNC110  as above
                await asyncio.sleep(0.01)
        await at.service.cancel("red", batch.id)
        end = await at.ended(batch)
        assert (end.status, end.counts.failed) == ("cancelled", 2)
        async with asyncio.timeout(10):
            while at.service.status()["holds"]["calls"]:  # noqa: ASYNC110  as above
                await asyncio.sleep(0.01)
        assert {journey.outcome for journey in at.recorded.journeys} == {"cancelled"}

    run(database_url, steps, simulated={"latency": 300.0})


def test_cancelled_while_it_is_validated(database_url: str) -> None:
    async def steps(at: Batching) -> None:
        batch = await at.submit(entry(number) for number in range(1500))
        async with asyncio.timeout(20):
            while not at.service.status()["holds"]["batches"]:  # noqa: ASYNC110  as above
                await asyncio.sleep(0)
        await at.service.cancel("red", batch.id)
        end = await at.ended(batch)
        assert (end.status, end.counts.total, end.output_file_id) == ("cancelled", 0, None)

    run(database_url, steps, simulated())


def test_a_step_that_fails_in_the_gateway_itself_is_taken_again(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(worker, "AFTER_FAILURE", 0.01)
    api = simulated()
    create, failures = api.create, iter((RuntimeError("a defect"),))

    async def defective(*given: Any) -> str:
        for failure in failures:
            raise failure
        return await create(*given)

    monkeypatch.setattr(api, "create", defective)

    async def steps(at: Batching) -> None:
        end = await at.ended(await at.submit([entry(0)]))
        assert end.counts.completed == 1
        assert at.service.status()["counts"]["interrupted"] == 1

    run(sqlite_url, steps, api)
    assert "a step of a batch failed" in caplog.text


def test_expired_with_what_was_done(database_url: str) -> None:
    api = simulated(delay=(0.0, 6.0), seed=1)

    async def steps(at: Batching) -> None:
        batch = await at.submit(
            [entry(n) for n in range(20)] + [entry(20, LONG)], completion_window="2s"
        )
        end = await at.ended(batch)
        assert (end.status, end.expired_at is not None) == ("expired", True)
        answers, errors = await at.answers(end), await at.errors(end)
        assert len(answers) + len(errors) == 21
        assert errors[-1]["error"]["code"] == "batch_expired"
        assert end.counts.failed == len(errors)

    run(database_url, steps, api, terms=BatchTerms(poll=0.02))


def test_a_provider_that_never_lets_go_is_not_waited_for(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attending, "GRACE", 0.1)
    api = simulated(delay=60.0)
    monkeypatch.setattr(api.provider, "cancel", lambda batch: None)

    async def steps(at: Batching) -> None:
        batch = await at.submit([entry(0), entry(1)])
        while not api.provider.batches:  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(0.01)
        await at.service.cancel("red", batch.id)
        end = await at.ended(batch)
        assert (end.status, end.counts.failed) == ("cancelled", 2)

    run(sqlite_url, steps, api, terms=BatchTerms(poll=0.02))


# ── whose it is ──────────────────────────────────────────────────────────────────────────────


def test_what_belongs_to_another_tenant_does_not_exist(database_url: str) -> None:
    async def steps(at: Batching) -> None:
        batch = await at.submit([entry(0)])
        end = await at.ended(batch)
        for tenant in ("blue", ""):
            with pytest.raises(UnknownBatch):
                await at.service.get(tenant, batch.id)
            with pytest.raises(UnknownBatch):
                await at.service.cancel(tenant, batch.id)
            with pytest.raises(UnknownBatch):
                await at.service.list_batches(tenant, after=batch.id)
            assert (await at.service.list_batches(tenant)).data == ()
            for file in (end.input_file_id, end.output_file_id):
                assert file is not None
                with pytest.raises(UnknownFile):
                    await at.service.get_file(tenant, file)
                with pytest.raises(UnknownFile):
                    await at.read(tenant, file)
                with pytest.raises(UnknownFile):
                    await at.service.delete_file(tenant, file)
            with pytest.raises(UnknownFile):
                await at.service.create(tenant, NewBatch(end.input_file_id))
            assert (await at.service.list_files(tenant)).data == ()

    run(database_url, steps, simulated())


def test_batches_are_listed_the_newest_first(database_url: str) -> None:
    async def steps(at: Batching) -> None:
        made = [(await at.submit([entry(0)])).id for _ in range(3)]
        first = await at.service.list_batches("red", limit=2)
        assert ([each.id for each in first.data], first.has_more) == (made[:0:-1], True)
        rest = await at.service.list_batches("red", after=first.data[-1].id)
        assert ([each.id for each in rest.data], rest.has_more) == ([made[0]], False)

    run(database_url, steps, works=False)


@pytest.mark.parametrize(
    ("new", "named"),
    [
        ({"endpoint": "/v1/embeddings"}, "endpoint"),
        ({"completion_window": "soon"}, "completion_window"),
        ({"completion_window": "9d"}, "completion_window"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "metadata"),
        ({"metadata": {"k": "x" * 513}}, "metadata"),
        ({"output_expires_after": 10.0}, "output_expires_after"),
        ({"webhook": "nobody"}, "webhook"),
    ],
)
def test_what_is_refused_at_once(sqlite_url: str, new: dict[str, Any], named: str) -> None:
    async def steps(at: Batching) -> None:
        with pytest.raises(InvalidField, match=named):
            await at.submit([entry(0)], **new)
        assert (await at.service.list_batches("red")).data == ()

    run(sqlite_url, steps, works=False)


def test_the_output_of_a_batch_is_no_input(sqlite_url: str) -> None:
    async def steps(at: Batching) -> None:
        end = await at.ended(await at.submit([entry(0)]))
        with pytest.raises(InvalidField, match="purpose is batch"):
            await at.service.create("red", NewBatch(end.output_file_id or ""))

    run(sqlite_url, steps, simulated())


def test_so_many_batches_at_once(sqlite_url: str) -> None:
    async def steps(at: Batching) -> None:
        for _ in range(2):
            await at.submit([entry(0)])
        with pytest.raises(TooManyBatches):
            await at.submit([entry(0)])
        await at.submit([entry(0)], tenant="blue")

    run(sqlite_url, steps, works=False, terms=BatchTerms(most=2))


def test_switched_off(sqlite_url: str) -> None:
    async def steps(at: Batching) -> None:
        with pytest.raises(InvalidField, match="switched off"):
            await at.put(b"x")
        with pytest.raises(InvalidField, match="switched off"):
            await at.service.list_batches("red")

    run(sqlite_url, steps, works=False, terms=BatchTerms(enabled=False))
