"""Files of batches: uploads and results, as callers ask for them."""

import re
import time
from collections.abc import AsyncIterable, AsyncIterator
from typing import Literal

from msgspec.structs import replace

from stepdown.deferral.batch import views
from stepdown.deferral.batch.attending import new_file_id
from stepdown.deferral.batch.interface import (
    LONGEST_EXPIRY,
    MAX_FILES_LISTED,
    SHORTEST_EXPIRY,
    BatchFile,
    Page,
)
from stepdown.deferral.batch.terms import BatchTerms
from stepdown.deferral.records import Records
from stepdown.errors import BodyTooLarge, InvalidField, TooManyBatches, UnknownFile
from stepdown.storage.batch_rows import FileRow
from stepdown.storage.batches import BatchStore

PIECE = 256 * 1024
"""Bytes of a piece of a file."""
UPLOAD_TIME = 3_600.0
"""Seconds after which an upload that did not finish is deleted."""

_ID = re.compile(r"file-[0-9a-f]{40}")


class BatchFiles:
    """The part of ``interface.Batches`` that is about files."""

    def __init__(self, records: Records[BatchStore], terms: BatchTerms) -> None:
        self.records = records
        self.terms = terms

    async def put_file(
        self,
        tenant: str,
        content: AsyncIterable[bytes],
        *,
        filename: str,
        purpose: str = "batch",
        expires_after: float | None = None,
    ) -> BatchFile:
        self.check_enabled()
        if purpose != "batch":
            raise wrong("purpose", "batch", purpose)
        ttl = self.lifetime("expires_after", expires_after)
        await self._check_stored(tenant)
        now = time.time()
        row = FileRow(new_file_id(), tenant, "batch", filename[:255], 0, now, now + UPLOAD_TIME)
        await self.records.do(lambda store: store.files.add(row))
        try:
            size = await self._store(row, content)
            if size == 0:
                raise InvalidField(
                    "file: expected requests, one a line, got an empty file.", param="file"
                )
            now = time.time()
            await self.records.do(lambda store: store.files.finish(row.id, size, now + ttl))
        except BaseException:
            self.records.later(lambda store: store.files.discard(row.id))
            raise
        return views.file_of(replace(row, bytes=size, expires_at=now + ttl))

    async def _store(self, row: FileRow, content: AsyncIterable[bytes]) -> int:
        """Write an upload piece by piece; its size."""
        held: list[bytes] = []
        size = waiting = pieces = 0

        async def flush() -> None:
            nonlocal held, waiting, pieces
            body, number = b"".join(held), pieces
            held, waiting, pieces = [], 0, pieces + 1
            await self.records.do(lambda store: store.files.write(row.id, number, body))

        async for part in content:
            size += len(part)
            if size > self.terms.max_file:
                raise BodyTooLarge(
                    f"file: expected at most {self.terms.max_file} bytes.", param="file"
                )
            held.append(part)
            waiting += len(part)
            if waiting >= PIECE:
                await flush()
        if waiting:
            await flush()
        return size

    async def get_file(self, tenant: str, file: str) -> BatchFile:
        return views.file_of(await self.file_row(tenant, file))

    async def file_content(self, tenant: str, file: str) -> AsyncIterator[bytes]:
        row = await self.file_row(tenant, file)
        number = size = 0
        while (piece := await self._piece(file, number)) is not None:
            yield piece
            number += 1
            size += len(piece)
        if size != row.bytes:  # deleted meanwhile: what came is not to be taken for the whole
            raise _unknown_file(file)

    async def _piece(self, file: str, number: int) -> bytes | None:
        return await self.records.do(lambda store: store.files.piece(file, number))

    async def delete_file(self, tenant: str, file: str) -> None:
        await self.file_row(tenant, file)
        if await self.records.do(lambda store: store.reads(file)):
            raise InvalidField("This file is the input of a batch that is being validated.")
        if not await self.records.do(lambda store: store.files.delete(tenant, file, time.time())):
            raise _unknown_file(file)

    async def list_files(
        self,
        tenant: str,
        *,
        purpose: str | None = None,
        after: str | None = None,
        limit: int = MAX_FILES_LISTED,
        order: Literal["asc", "desc"] = "desc",
    ) -> Page[BatchFile]:
        self.check_enabled()
        check_limit(limit, MAX_FILES_LISTED)
        if order not in ("asc", "desc"):
            raise wrong("order", "asc or desc", order)
        behind = None if after is None else await self.file_row(tenant, after)
        rows = await self.records.do(
            lambda store: store.files.listed(
                tenant, time.time(), purpose=purpose, after=behind, limit=limit + 1, order=order
            )
        )
        return Page(tuple(views.file_of(row) for row in rows[:limit]), len(rows) > limit)

    async def file_row(self, tenant: str, file: str) -> FileRow:
        self.check_enabled()
        row: FileRow | None = None
        if _ID.fullmatch(file):
            row = await self.records.do(lambda store: store.files.read(tenant, file, time.time()))
        if row is None:
            raise _unknown_file(file)
        return row

    # ── what is refused ──────────────────────────────────────────────────────────────────────

    def check_enabled(self) -> None:
        if not self.terms.enabled:
            raise InvalidField("Batches are switched off here (batch.enabled).")

    async def _check_stored(self, tenant: str) -> None:
        stored = await self.records.do(lambda store: store.files.stored(tenant))
        if stored >= self.terms.most_stored:
            raise TooManyBatches("Too many files are stored; delete some, or try again later.")

    def lifetime(self, name: str, seconds: float | None) -> float:
        if seconds is None:
            return self.terms.retention
        if not SHORTEST_EXPIRY <= seconds <= LONGEST_EXPIRY:
            raise wrong(name, f"{SHORTEST_EXPIRY:.0f} to {LONGEST_EXPIRY:.0f} seconds", seconds)
        return seconds


def check_limit(limit: int, most: int) -> None:
    """Raises InvalidField."""
    if not 1 <= limit <= most:
        raise wrong("limit", f"1 to {most}", limit)


def wrong(name: str, expected: str, given: object) -> InvalidField:
    """A field that is not what was expected."""
    return InvalidField(f"{name}: expected {expected}, got {given!r}.", param=name)


def _unknown_file(file: str) -> UnknownFile:
    return UnknownFile(f"There is no such file: {file[:80]!r}; it may have expired.")
