"""The jobs' database seen from the event loop: in order, twice tried, closed when asked."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from stepdown.deferral.records import Records
from stepdown.errors import JobsUnavailable
from stepdown.storage.address import DatabaseUnavailable, parse
from stepdown.storage.jobs import JobRow, JobStore

ROW = JobRow("job_1", "red", "host:1", "queued", 10.0, 20.0, 30.0)


def with_records(
    url: str, steps: Callable[[Records[JobStore]], Awaitable[None]]
) -> Records[JobStore]:
    records = Records(JobStore(parse(url)), "jobs")

    async def main() -> None:
        await steps(records)

    try:
        asyncio.run(main())
    finally:
        records.close()
    return records


def test_what_is_asked_is_done_in_order(database_url: str) -> None:
    async def steps(records: Records[JobStore]) -> None:
        adding = asyncio.create_task(records.do(lambda store: store.add(ROW, 10.0)))
        await asyncio.sleep(0)
        records.later(lambda store: store.cancel("job_1", "red"))
        read = await records.do(lambda store: store.read("job_1", "red", 11.0))
        await adding
        assert read is not None
        assert read.status == "cancelled"

    with_records(database_url, steps)


def test_it_can_rest_and_go_on(database_url: str) -> None:
    async def steps(records: Records[JobStore]) -> None:
        await records.do(lambda store: store.add(ROW, 10.0))
        await records.rest()
        assert await records.do(lambda store: store.live("host:1")) == {"job_1"}

    with_records(database_url, steps)


def test_a_stale_connection_fails_once_unnoticed(database_url: str) -> None:
    async def steps(records: Records[JobStore]) -> None:
        await records.do(lambda store: store.add(ROW, 10.0))

        def go_stale(store: JobStore) -> None:
            assert store._connection is not None
            store._connection.close()

        await records.do(go_stale)
        assert await records.do(lambda store: store.live("host:1")) == {"job_1"}

    records = with_records(database_url, steps)
    assert (records.failures, records.error) == (1, None)


def test_a_database_that_is_away() -> None:
    async def steps(records: Records[JobStore]) -> None:
        with pytest.raises(JobsUnavailable):
            await records.do(lambda store: store.live("host:1"))
        records.later(lambda store: store.cancel("job_1", ""))

    records = with_records("postgresql://me:secret@127.0.0.1:9/x", steps)
    assert records.failures == 2
    assert records.error is not None
    assert "secret" not in records.error


def test_nothing_is_opened_before_it_is_used(tmp_path: object) -> None:
    file = parse(f"{tmp_path}/none/ledger.db")
    Records(JobStore(file), "jobs").close()
    assert file.file is not None
    assert not file.file.exists()


def test_the_error_of_the_last_try_counts(sqlite_url: str) -> None:
    left = [DatabaseUnavailable("once")]

    def work(_: JobStore) -> str:
        if left:
            raise left.pop()
        return "done"

    async def steps(records: Records[JobStore]) -> None:
        assert await records.do(work) == "done"

    assert with_records(sqlite_url, steps).failures == 1
