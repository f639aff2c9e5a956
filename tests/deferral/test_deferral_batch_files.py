"""Files of batches: uploads within bounds, read as they came, gone when they expire."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from stepdown.deferral.batch import files, worker
from stepdown.deferral.batch.terms import BatchTerms
from stepdown.errors import (
    BatchesUnavailable,
    BodyTooLarge,
    InvalidField,
    TooManyBatches,
    UnknownFile,
)
from support.batches import Batching, entry, jsonl, pieces


def run(url: str, steps: Callable[[Batching], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        at = Batching(url, {}, **{"works": False, **options})
        try:
            await steps(at)
        finally:
            await at.service.aclose()

    asyncio.run(main())


async def listed(at: Batching, **wanted: Any) -> list[str]:
    return [file.id for file in (await at.service.list_files("red", **wanted)).data]


def test_a_file_comes_back_byte_by_byte(database_url: str) -> None:
    data = bytes(range(256)) * 3000

    async def steps(at: Batching) -> None:
        file = await at.service.put_file("red", pieces(data, 1000), filename="any.jsonl")
        assert (file.bytes, file.filename, file.purpose) == (len(data), "any.jsonl", "batch")
        assert file.expires_at - file.created_at == pytest.approx(2_592_000, abs=5)
        assert await at.service.get_file("red", file.id) == file
        content = [piece async for piece in at.service.file_content("red", file.id)]
        assert b"".join(content) == data
        assert len(content) > 1

    run(database_url, steps)


def test_one_that_is_too_large_leaves_nothing_to_be_seen(database_url: str) -> None:
    async def steps(at: Batching) -> None:
        with pytest.raises(BodyTooLarge, match="at most 1000 bytes"):
            await at.put(b"x" * 1001)
        await at.put(b"x" * 1000)
        assert len(await listed(at)) == 1

    run(database_url, steps, terms=BatchTerms(max_file=1000))


def test_an_upload_that_breaks_off_leaves_nothing(sqlite_url: str) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 300_000
        raise ConnectionError

    async def steps(at: Batching) -> None:
        with pytest.raises(ConnectionError):
            await at.service.put_file("red", broken(), filename="x")
        assert await listed(at) == []
        store = at.service.records
        assert await store.do(lambda s: s.files.expire(1.0)) is True  # it goes at the next look

    run(sqlite_url, steps)


@pytest.mark.parametrize(
    ("data", "given", "named"),
    [
        (b"", {}, "empty"),
        (b"x", {"purpose": "fine-tune"}, "purpose"),
        (b"x", {"expires_after": 10.0}, "expires_after"),
        (b"x", {"expires_after": 1e9}, "expires_after"),
    ],
)
def test_what_is_refused(sqlite_url: str, data: bytes, given: dict[str, Any], named: str) -> None:
    async def steps(at: Batching) -> None:
        with pytest.raises(InvalidField, match=named):
            await at.service.put_file("red", pieces(data), filename="x", **given)

    run(sqlite_url, steps)


def test_a_tenant_stores_only_so_much(sqlite_url: str) -> None:
    async def steps(at: Batching) -> None:
        await at.put(b"x" * 1000)
        with pytest.raises(TooManyBatches):
            await at.put(b"x")
        await at.put(b"x", tenant="blue")

    run(sqlite_url, steps, terms=BatchTerms(most_stored=1000))


def test_listed_by_age_and_purpose(database_url: str) -> None:
    async def steps(at: Batching) -> None:
        made = [await at.put(b"x") for _ in range(3)]
        assert await listed(at) == made[::-1]
        assert await listed(at, order="asc", limit=2) == made[:2]
        assert await listed(at, order="asc", after=made[1]) == made[2:]
        assert await listed(at, purpose="batch_output") == []
        page = await at.service.list_files("red", limit=1)
        assert page.has_more is True
        for wrong in ({"limit": 0}, {"limit": 10_001}, {"order": "up"}):
            with pytest.raises(InvalidField):
                await listed(at, **wrong)
        with pytest.raises(UnknownFile):
            await listed(at, after="file-" + "0" * 40)

    run(database_url, steps)


def test_deleted_but_not_while_it_is_read(sqlite_url: str) -> None:
    async def steps(at: Batching) -> None:
        batch = await at.submit([entry(0)])
        with pytest.raises(InvalidField, match="being validated"):
            await at.service.delete_file("red", batch.input_file_id)
        other = await at.put(b"x")
        await at.service.delete_file("red", other)
        for ask in (at.service.get_file, at.service.delete_file):
            with pytest.raises(UnknownFile):
                await ask("red", other)

    run(sqlite_url, steps)


def test_one_that_goes_while_it_is_read_does_not_pass_for_the_whole(sqlite_url: str) -> None:
    async def steps(at: Batching) -> None:
        file = await at.put(b"x" * 600_000)
        content = at.service.file_content("red", file)
        came = [await anext(content)]
        await at.service.delete_file("red", file)
        await at.service.records.do(lambda store: store.files.expire(1.0))
        with pytest.raises(UnknownFile):
            came += [piece async for piece in content]
        assert len(b"".join(came)) < 600_000

    run(sqlite_url, steps)


@pytest.mark.parametrize("name", ["", "file-1", "file-" + "g" * 40, "batch_\x00", "x" * 9000])
def test_names_that_are_no_ids(sqlite_url: str, name: str) -> None:
    """What no database takes never reaches it."""

    async def steps(at: Batching) -> None:
        with pytest.raises(UnknownFile):
            await at.service.get_file("red", name)

    run(sqlite_url, steps)


def test_expired_files_are_deleted(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "FIRST", 0.01)
    monkeypatch.setattr(worker, "TICK", 0.01)
    monkeypatch.setattr(worker, "CARE_INTERVAL", 0.0)
    monkeypatch.setattr(files, "UPLOAD_TIME", 0.0)

    async def steps(at: Batching) -> None:
        file = await at.put(b"x" * 600_000)
        with pytest.raises(UnknownFile):
            await at.service.get_file("red", file)
        async with asyncio.timeout(20):
            store = at.service.records
            stored = 1
            while stored:
                await asyncio.sleep(0.01)
                stored = await store.do(lambda s: s.files.stored("red"))

    run(database_url, steps, works=True, terms=BatchTerms(retention=0.0))


def test_files_expire_though_batches_are_switched_off(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "FIRST", 0.01)
    monkeypatch.setattr(worker, "TICK", 0.01)
    monkeypatch.setattr(worker, "CARE_INTERVAL", 0.0)

    async def steps(at: Batching) -> None:
        await at.put(b"x")
        at.service.configure(BatchTerms(enabled=False))
        at.service.start(lambda: at.force)
        async with asyncio.timeout(20):
            stored = 1
            while stored:
                await asyncio.sleep(0.01)
                stored = await at.service.records.do(lambda store: store.files.stored("red"))

    run(sqlite_url, steps, terms=BatchTerms(retention=0.0))


def test_the_input_of_many_lines_is_read_in_pieces(sqlite_url: str) -> None:
    async def steps(at: Batching) -> None:
        data = jsonl(entry(number, "x" * 3000) for number in range(300))
        end = await at.ended(await at.submit_file(data))
        assert end.counts.completed == 300

    run(sqlite_url, steps, works=True)


def test_a_database_that_is_away() -> None:
    async def steps(at: Batching) -> None:
        with pytest.raises(BatchesUnavailable):
            await at.put(b"x")
        assert at.service.status()["error"]

    run("postgresql://me@127.0.0.1:9/x", steps)
