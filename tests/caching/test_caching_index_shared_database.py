"""A database that is away, or silent, costs a call little, and then nothing for a while."""

import asyncio
import gc
import socket
import sys

import pytest
from sqlalchemy import text

from stepdown.caching.index import shared_database as shared_database_module
from stepdown.caching.index.index import IndexUnavailable
from stepdown.caching.index.shared_database import FAILURES, PAUSE, SharedDatabase
from stepdown.storage.address import DatabaseUnavailable, parse


class Now:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


class Work:
    """Fails while it is told to."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return self.calls


def test_after_some_failures_nobody_asks_and_then_one_does(pgvector_url: str) -> None:
    async def run() -> None:
        now, work = Now(), Work(ConnectionRefusedError("It is away."))
        database = SharedDatabase(parse(pgvector_url), now)

        async def ask(times: int) -> None:
            calls = [database.run(work) for _ in range(times)]
            for each in await asyncio.gather(*calls, return_exceptions=True):
                assert isinstance(each, IndexUnavailable)

        for _ in range(10):
            await ask(1)
        assert work.calls == FAILURES
        now.time += PAUSE + 0.1
        await ask(5)
        assert work.calls == FAILURES + 1
        now.time += PAUSE + 0.1
        work.error = None
        for number in range(1, 4):
            assert await database.run(work) == FAILURES + 1 + number
        await database.aclose()

    asyncio.run(run())


def test_what_is_wrong_with_a_value_says_nothing_about_the_server(pgvector_url: str) -> None:
    async def run() -> None:
        database = SharedDatabase(parse(pgvector_url))

        def divide(by: int) -> int:
            with database.transaction() as connection:
                return int(connection.scalar(text("SELECT 6 / :by"), {"by": by}))

        for _ in range(2 * FAILURES):
            with pytest.raises(IndexUnavailable, match="division by zero"):
                await database.run(divide, 0)
        assert await database.run(divide, 3) == 2
        await database.aclose()

    asyncio.run(run())


def test_a_statement_takes_no_longer_than_it_may(pgvector_url: str) -> None:
    async def run() -> None:
        database = SharedDatabase(parse(pgvector_url))

        def sleep() -> None:
            with database.transaction(statement_timeout=20) as connection:
                connection.execute(text("SELECT pg_sleep(60)"))

        with pytest.raises(IndexUnavailable, match="statement timeout"):
            await database.run(sleep)
        await database.aclose()

    asyncio.run(run())


def test_reads_and_transactions_have_a_limit_and_commit(pgvector_url: str) -> None:
    async def run() -> None:
        database = SharedDatabase(parse(pgvector_url))

        def limits() -> list[str]:
            show = text("SHOW statement_timeout")
            with database.reading() as connection:
                reading = str(connection.scalar(show))
            with database.transaction() as connection:
                connection.execute(text("CREATE TABLE IF NOT EXISTS of_a_transaction ()"))
                usual = str(connection.scalar(show))
            with database.transaction(statement_timeout=0) as connection:
                connection.execute(text("DROP TABLE of_a_transaction"))
                return [reading, usual, str(connection.scalar(show))]

        assert await database.run(limits) == ["2s", "2s", "0"]
        await database.aclose()

    asyncio.run(run())


def test_what_is_being_done_when_it_closes_is_done_and_leaves_no_connection(
    pgvector_url: str,
) -> None:
    async def run() -> list[int]:
        database, done = SharedDatabase(parse(pgvector_url)), list[int]()

        def sleep() -> None:
            with database.transaction() as connection:
                connection.execute(text("SELECT pg_sleep(0.2)"))
                done.extend(connection.scalars(text("SELECT 7")))

        asking = asyncio.ensure_future(database.run(sleep))
        await asyncio.sleep(0.1)
        await database.aclose()
        await asking
        return done

    assert asyncio.run(run()) == [7]
    gc.collect()  # a connection that is left open would warn


def test_a_silent_server_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_database_module, "PATIENCE", 0.05)

    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            database = SharedDatabase(parse(f"postgresql://u:hunter2@127.0.0.1:{port}/d"))

            def connect() -> None:
                with database.transaction():
                    pass

            with pytest.raises(IndexUnavailable, match=r"no answer within 0\.05 s") as raised:
                await database.run(connect)
            assert "hunter2" not in str(raised.value)
            await database.aclose()

    asyncio.run(run())


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DatabaseUnavailable, match=r"pip install 'stepdown\[postgres\]'"):
        SharedDatabase(parse("postgresql://127.0.0.1/d"))
