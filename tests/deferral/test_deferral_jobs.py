"""Jobs: bounded, each run once, its end written, cancelled from anywhere, never lost in silence."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from msgspec import structs

from stepdown.deferral import jobs as module
from stepdown.deferral.jobs import Jobs
from stepdown.deferral.run import Keeper
from stepdown.deferral.terms import Terms
from stepdown.deferral.webhooks import Target, key_of
from stepdown.errors import (
    InvalidField,
    JobsUnavailable,
    StepdownError,
    TooManyJobs,
    UnknownJob,
    UpstreamFailed,
)
from stepdown.pipeline import Pipeline
from stepdown.storage.address import parse
from stepdown.storage.jobs import JobRow, JobStore
from stepdown.types import Journey, Message, Prompt, Request
from support.hooks import SECRET, Hook
from support.journeys import make_journey

ANSWER = b'{ "id":"x", "odd":1.10e+2 }\n'


@pytest.fixture(autouse=True)
def swift(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TICK", 0.02)
    monkeypatch.setattr(module, "LEAVE", 0.05)
    monkeypatch.setattr(module, "WRITE_PAUSES", (0.0, 0.01))


class Model:
    """Stands for the pipeline: answers when ``go`` is set, and keeps what it was asked."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.asked: list[Request] = []
        self.at_once = self.most_at_once = 0
        self.error: StepdownError | None = None
        self.cancelled = 0

    async def handle(self, request: Request, client: Keeper) -> Journey:
        self.asked.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        journey = make_journey()
        try:
            await self.go.wait()
            if self.error is not None:
                raise self.error
            await client.answer(journey, ANSWER)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.at_once -= 1
        return journey


def request(tenant: str = "red", size: int = 10) -> Request:
    prompt = Prompt("auto", [Message("user", "hi")])
    return Request("sd-1", prompt, {}, size, {"x-team": "red"}, tenant=tenant)


class Bench:
    """Jobs of one process, with what they run on."""

    def __init__(self, url: str, terms: Terms) -> None:
        self.model = Model()
        self.jobs = Jobs(parse(url), terms)
        self.jobs.start(lambda: cast("Pipeline", self.model))

    async def ended(self, row: JobRow) -> JobRow:
        async with asyncio.timeout(10):
            while True:
                found = await self.jobs.read(row.id, row.tenant)
                if found.status not in ("queued", "running"):
                    return found
                await asyncio.sleep(0.01)

    def count(self, name: str) -> Any:
        return self.jobs.status()[name]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(0.005)


def bench(url: str, steps: Callable[[Bench], Awaitable[None]], **terms: Any) -> Bench:
    async def main() -> Bench:
        made = Bench(url, Terms(**terms))
        try:
            await steps(made)
        finally:
            await made.jobs.aclose()
        return made

    return asyncio.run(main())


def test_a_request_is_answered_later(database_url: str) -> None:
    async def steps(at: Bench) -> None:
        row = await at.jobs.submit(request())
        assert row.status == "queued"
        assert (row.expires_at - row.created_at, row.deadline_at - row.created_at) == (90, 60)
        await until(lambda: at.count("running") == 1)
        at.model.go.set()
        end = await at.ended(row)
        assert (end.status, end.response) == ("succeeded", ANSWER)
        assert json.loads(end.facts or "")["decision"] == "short-label"
        await until(lambda: at.count("running") == 0)
        assert (at.count("accepted"), at.count("succeeded")) == (1, 1)

    bench(database_url, steps, retention=90, deadline=60)


def test_a_job_has_the_patience_of_a_batch(sqlite_url: str) -> None:
    async def steps(at: Bench) -> None:
        await at.jobs.submit(request())
        await until(lambda: len(at.model.asked) == 1)
        [asked] = at.model.asked
        assert dict(asked.headers) == {"x-team": "red", "x-stepdown-mode": "batch"}

    bench(sqlite_url, steps)


def test_a_failure_is_kept(database_url: str) -> None:
    async def steps(at: Bench) -> None:
        at.model.error = UpstreamFailed("Broken.")
        at.model.go.set()
        end = await at.ended(await at.jobs.submit(request()))
        assert (end.status, end.response) == ("failed", None)
        assert json.loads(end.error or "")["code"] == "upstream_failed"
        assert at.count("failed") == 1

    bench(database_url, steps)


def test_so_many_run_and_so_many_wait(sqlite_url: str) -> None:
    async def steps(at: Bench) -> None:
        rows = [await at.jobs.submit(request()) for _ in range(5)]
        with pytest.raises(TooManyJobs) as refused:
            await at.jobs.submit(request())
        assert refused.value.retry_after > 0
        assert refused.value.status == 429
        assert (at.count("running"), at.count("waiting"), at.count("refused")) == (2, 3, 1)
        at.model.go.set()
        assert {(await at.ended(row)).status for row in rows} == {"succeeded"}
        assert at.model.most_at_once == 2
        await until(lambda: at.count("running") == 0)
        await at.ended(await at.jobs.submit(request()))

    bench(sqlite_url, steps, most=5, concurrency=2)


def test_bytes_are_bounded_too(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 100)

    async def steps(at: Bench) -> None:
        first = await at.jobs.submit(request(size=500))  # a large one alone is welcome
        with pytest.raises(TooManyJobs):
            await at.jobs.submit(request(size=1))
        at.model.go.set()
        await at.ended(first)
        await until(lambda: at.count("running") == 0)
        await at.jobs.submit(request(size=60))

    bench(sqlite_url, steps)


def test_jobs_belong_to_their_tenants(database_url: str) -> None:
    async def steps(at: Bench) -> None:
        row = await at.jobs.submit(request("red"))
        for tenant in ("blue", ""):
            with pytest.raises(UnknownJob):
                await at.jobs.read(row.id, tenant)
            with pytest.raises(UnknownJob):
                await at.jobs.cancel(row.id, tenant)
        at.model.go.set()
        assert (await at.ended(row)).status == "succeeded"

    bench(database_url, steps)


def test_cancelling_what_runs_and_what_waits(database_url: str) -> None:
    async def steps(at: Bench) -> None:
        runs = await at.jobs.submit(request())
        waits = await at.jobs.submit(request())
        await until(lambda: len(at.model.asked) == 1)
        for row in (waits, runs):
            assert (await at.jobs.cancel(row.id, "red")).status == "cancelled"
        await until(lambda: at.model.cancelled == 1 and at.count("running") == 0)
        assert (at.count("cancelled"), at.count("waiting")) == (2, 0)
        assert len(at.model.asked) == 1
        at.model.go.set()
        third = await at.jobs.submit(request())
        assert (await at.ended(third)).status == "succeeded"
        assert (await at.jobs.cancel(third.id, "red")).status == "succeeded"

    bench(database_url, steps, concurrency=1)


def test_cancelling_at_another_process(database_url: str) -> None:
    async def steps(at: Bench) -> None:
        other = Jobs(parse(database_url), Terms())
        other.start(lambda: cast("Pipeline", None))
        runs = await at.jobs.submit(request())
        waits = await at.jobs.submit(request())
        await until(lambda: len(at.model.asked) == 1)
        assert (await other.read(runs.id, "red")).status in ("queued", "running")
        for row in (waits, runs):
            assert (await other.cancel(row.id, "red")).status == "cancelled"
        await until(lambda: at.model.cancelled == 1)
        await until(lambda: at.count("running") == at.count("waiting") == 0)
        assert at.count("cancelled") == 2
        await other.aclose()

    bench(database_url, steps, concurrency=1)


def test_a_deadline_holds_for_what_waits_too(sqlite_url: str) -> None:
    async def steps(at: Bench) -> None:
        await at.jobs.submit(request())
        at.jobs.configure(structs.replace(at.jobs.terms, deadline=0.05))
        end = await at.ended(await at.jobs.submit(request()))
        assert end.status == "failed"
        assert json.loads(end.error or "")["code"] == "job_timeout"
        assert len(at.model.asked) == 1
        assert at.count("running") == 1

    bench(sqlite_url, steps, concurrency=1)


def test_stopping_gives_up_what_does_not_finish(database_url: str) -> None:
    rows: list[JobRow] = []

    async def steps(at: Bench) -> None:
        rows.extend([await at.jobs.submit(request()) for _ in range(3)])

    done = bench(database_url, steps, concurrency=1)
    store = JobStore(parse(database_url))
    found = [store.read(row.id, "red", row.created_at) for row in rows]
    store.close()
    assert [row and row.status for row in found] == ["lost"] * 3
    assert done.model.cancelled <= 1


def test_stopping_lets_what_is_nearly_done_finish(sqlite_url: str) -> None:
    rows: list[JobRow] = []

    async def steps(at: Bench) -> None:
        rows.append(await at.jobs.submit(request()))
        await until(lambda: len(at.model.asked) == 1)
        asyncio.get_running_loop().call_later(0.01, at.model.go.set)

    bench(sqlite_url, steps)
    store = JobStore(parse(sqlite_url))
    found = store.read(rows[0].id, "red", rows[0].created_at)
    store.close()
    assert found is not None
    assert (found.status, found.response) == ("succeeded", ANSWER)


def test_not_before_the_start_and_not_after_the_end(sqlite_url: str) -> None:
    async def main() -> None:
        jobs = Jobs(parse(sqlite_url), Terms())
        with pytest.raises(JobsUnavailable):
            await jobs.submit(request())
        await jobs.aclose()

    asyncio.run(main())


def test_switched_off(sqlite_url: str) -> None:
    async def steps(at: Bench) -> None:
        with pytest.raises(InvalidField, match="switched off"):
            await at.jobs.submit(request())

    bench(sqlite_url, steps, enabled=False)


def test_a_reload_takes_effect_on_what_waits(sqlite_url: str) -> None:
    async def steps(at: Bench) -> None:
        for _ in range(4):
            await at.jobs.submit(request())
        at.jobs.configure(structs.replace(at.jobs.terms, concurrency=3))
        assert (at.count("running"), at.count("waiting")) == (3, 1)

    bench(sqlite_url, steps, concurrency=1)


def test_a_database_that_is_away() -> None:
    async def steps(at: Bench) -> None:
        with pytest.raises(JobsUnavailable):
            await at.jobs.submit(request())
        assert at.model.asked == []
        assert (at.count("accepted"), at.count("waiting")) == (0, 0)
        assert at.count("error")

    bench("postgresql://me@127.0.0.1:9/x", steps)


def test_an_end_that_cannot_be_written_is_counted(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        from stepdown.storage.address import DatabaseUnavailable

        raise DatabaseUnavailable("away")

    monkeypatch.setattr(JobStore, "end", fail)

    async def steps(at: Bench) -> None:
        at.model.go.set()
        await at.jobs.submit(request())
        await until(lambda: at.count("unwritten") == 1)
        assert at.count("succeeded") == 0

    bench(sqlite_url, steps)


def test_an_answer_that_comes_after_the_end_is_discarded(sqlite_url: str) -> None:
    async def steps(at: Bench) -> None:
        row = await at.jobs.submit(request())
        await until(lambda: len(at.model.asked) == 1)
        store = JobStore(parse(sqlite_url))
        store.end(row.id, "lost")
        store.close()
        at.model.go.set()
        await until(lambda: at.count("discarded") + at.count("cancelled") == 1)
        assert (await at.jobs.read(row.id, "red")).status == "lost"

    bench(sqlite_url, steps)


def test_a_caller_who_is_gone_before_the_job_is_written(sqlite_url: str) -> None:
    async def steps(at: Bench) -> None:
        asking = asyncio.create_task(at.jobs.submit(request()))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait({asking})
        assert asking.cancelled()
        await at.jobs.submit(request())
        await until(lambda: len(at.model.asked) == 1)
        assert (at.count("running"), at.count("waiting")) == (1, 0)

    bench(sqlite_url, steps)


def test_expired_jobs_are_deleted(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CARE_INTERVAL", 0.0)
    rows: list[JobRow] = []

    async def steps(at: Bench) -> None:
        at.model.go.set()
        rows.append(await at.jobs.submit(request()))
        await asyncio.sleep(0.3)
        with pytest.raises(UnknownJob):
            await at.jobs.read(rows[0].id, "red")

    bench(database_url, steps, retention=0.1)
    store = JobStore(parse(database_url))
    assert store.read(rows[0].id, "red", 0.0) is None
    store.close()


# ── webhooks ─────────────────────────────────────────────────────────────────────────────────


def test_a_webhook_gets_what_a_poll_shows(database_url: str) -> None:
    with Hook() as hook:

        async def steps(at: Bench) -> None:
            at.model.go.set()
            row = await at.jobs.submit(request(), "mine")
            await at.ended(row)
            await until(lambda: at.count("webhooks")["delivered"] == 1)
            [delivery] = hook.received
            assert delivery.job["status"] == "succeeded"
            assert b'"response":' + ANSWER in delivery.body
            assert (await at.jobs.read(row.id, "red")).delivery == "delivered"

        bench(database_url, steps, webhooks={"mine": Target(hook.url, key_of(SECRET))})


def test_a_cancelled_job_is_told_too(sqlite_url: str) -> None:
    with Hook() as hook:

        async def steps(at: Bench) -> None:
            rows = [await at.jobs.submit(request(), "mine") for _ in range(2)]
            for row in rows:
                await at.jobs.cancel(row.id, "red")
            await until(lambda: len(hook.received) == 2)
            assert {delivery.job["status"] for delivery in hook.received} == {"cancelled"}

        target = Target(hook.url, key_of(SECRET))
        bench(sqlite_url, steps, concurrency=1, webhooks={"mine": target})


def test_an_unknown_webhook(sqlite_url: str) -> None:
    async def steps(at: Bench) -> None:
        with pytest.raises(InvalidField, match=r"got 'mnie'\. Did you mean 'mine'") as refused:
            await at.jobs.submit(request(), "mnie")
        assert refused.value.status == 400

    bench(sqlite_url, steps, webhooks={"mine": Target("http://host", key_of(SECRET))})


def test_stopping_says_what_became_of_webhooks(sqlite_url: str) -> None:
    rows: list[JobRow] = []
    with Hook(*[500] * 9) as hook:

        async def steps(at: Bench) -> None:
            at.model.go.set()
            rows.append(await at.jobs.submit(request(), "mine"))
            await until(lambda: len(hook.received) == 1)

        bench(sqlite_url, steps, webhooks={"mine": Target(hook.url, key_of(SECRET))})
    store = JobStore(parse(sqlite_url))
    found = store.read(rows[0].id, "red", rows[0].created_at)
    store.close()
    assert found is not None
    assert (found.status, found.delivery) == ("succeeded", "failed")
    assert found.delivery_error == "the gateway stopped"
