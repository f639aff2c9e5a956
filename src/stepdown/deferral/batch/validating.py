"""Validates a batch's input and plans its lines, slice by slice, so that a restart goes on there.

First every line is read; one that is no request fails the whole batch, as at OpenAI. Then each is
planned by itself; one that cannot be answered is that line's error.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256

from msgspec import json
from msgspec.structs import replace

from stepdown.deferral.batch.answers import envelope
from stepdown.deferral.batch.context import Context
from stepdown.deferral.batch.facts import facts_of, new_request
from stepdown.deferral.batch.interface import BatchError
from stepdown.deferral.batch.lines import InputLine, Splitter, read_line, twice
from stepdown.deferral.batch.planning import check_model, plan
from stepdown.errors import InvalidField, StepdownError, UnknownModel
from stepdown.storage.batch_rows import BatchRow, LineRow
from stepdown.types import Request

SLICE = 200
"""Lines that are written together."""
BREATH = 8
"""Lines that are planned before others on the event loop get their turn."""
MOST_ERRORS = 100
"""Errors of an input file that are shown."""


class Validation:
    """One batch's validation, by the configuration in force when it begins."""

    def __init__(self, context: Context, row: BatchRow) -> None:
        self._context = context
        self._row = row
        self._force = context.in_force()

    async def run(self) -> None:
        """Begin the batch or refuse it. Raises LeaseLost, BatchesUnavailable."""
        context, row = self._context, self._row
        errors, total = await self._check()
        context.at("validated")
        if errors:
            said = json.encode(errors[:MOST_ERRORS]).decode()
            await context.records.do(
                lambda store: store.refuse(row.id, row.owner, time.time(), said)
            )
            context.counts["refused"] += 1
            return
        await self._plan()
        failed, models = await context.records.do(lambda store: store.lines.tallied(row.id))
        await context.records.do(
            lambda store: store.begin(
                row.id, row.owner, time.time(), (total, failed), json.encode(models).decode()
            )
        )
        context.at("begun")

    # ── the file ─────────────────────────────────────────────────────────────────────────────

    async def _check(self) -> tuple[list[BatchError], int]:
        """What is wrong with the file, and how many lines it has."""
        errors: list[BatchError] = []
        seen: dict[str, int] = {}
        total = 0
        async for batch in self._read():
            lines = [line for line in batch if isinstance(line, InputLine)]
            total += len(batch)
            errors += [line for line in batch if isinstance(line, BatchError)]
            errors += twice(lines, seen)
            errors += await self._unknown(lines)
            if len(errors) >= MOST_ERRORS or total > self._context.terms.max_lines:
                break
        if total > self._context.terms.max_lines:
            said = f"The file has more than {self._context.terms.max_lines} lines."
            errors.insert(0, BatchError("too_many_requests", said))
        if total == 0 and not errors:
            errors.append(BatchError("empty_file", "The input file has no requests."))
        return sorted(errors, key=lambda error: error.line or 0), total

    async def _unknown(self, lines: Sequence[InputLine]) -> list[BatchError]:
        """Errors of as many unknown models as are shown; what may have been meant takes a while."""
        problems: dict[str, str] = {}
        for model in dict.fromkeys(line.model for line in lines):
            try:
                check_model(self._force.pipeline, model)
            except UnknownModel as error:
                problems[model] = error.message
                if len(problems) >= MOST_ERRORS:
                    break
                await asyncio.sleep(0)
        return [
            BatchError("model_not_found", problems[line.model], line.number, "body.model")
            for line in lines
            if line.model in problems
        ]

    async def _read(self) -> AsyncIterator[list[InputLine | BatchError]]:
        """The file's lines, read in a thread, a piece's worth at a time."""
        row, splitter = self._row, Splitter(self._context.terms.max_line)
        number = 0
        while True:
            piece = await self._piece(number)
            yield await asyncio.to_thread(_lines, splitter, piece, row.endpoint)
            if piece is None:
                return
            number += 1

    async def _piece(self, number: int) -> bytes | None:
        file = self._row.input_file
        return await self._context.records.do(lambda store: store.files.piece(file, number))

    # ── the lines ────────────────────────────────────────────────────────────────────────────

    async def _plan(self) -> None:
        """Plan the lines that are not there yet, and write them in their order."""
        records = self._context.records
        there = await records.do(lambda store: store.lines.planned(self._row.id))
        rows: list[LineRow] = []
        async for batch in self._read():
            for line in batch:
                if not isinstance(line, InputLine) or line.number <= there:
                    continue
                rows.append(await planned_row(self._context, self._row, line))
                if len(rows) % BREATH == 0:
                    await asyncio.sleep(0)
                if len(rows) >= SLICE:
                    await self._write(rows)
                    rows = []
        await self._write(rows)

    async def _write(self, rows: Sequence[LineRow]) -> None:
        if rows:
            await self._context.records.do(lambda store: store.lines.add(rows))
            self._context.at("planned")


async def planned_row(
    context: Context,
    row: BatchRow,
    line: InputLine,
    *,
    request: Request | None = None,
    due_at: float = 0.0,
) -> LineRow:
    """A line as it is stored: planned, or ended where it cannot be answered.

    ``request`` is a deferred call's, which says more than its body.
    """
    force = context.in_force()
    bare = LineRow(
        batch=row.id,
        seq=line.number,
        custom_id=line.custom_id,
        state="planned",
        way="call",
        model="",
        deployment="",
        pool=row.id if row.kind == "file" else "",
        due_at=due_at,
        digest=sha256(line.body).hexdigest(),
        body=line.body,
    )
    try:
        if request is None:
            request = new_request(row.id, line.number, line.body, row.tenant)
        if request.streams:
            raise InvalidField("stream: expected false in a batch, got true.", param="stream")
        found = await plan(force.pipeline, force.outlets, request)
    except StepdownError as error:
        return replace(bare, state="ended", status=error.status, response=envelope(error))
    return replace(
        bare,
        way="call" if found.outlet is None else "batch",
        model=found.model,
        deployment="" if found.outlet is None else found.outlet.deployment.id,
        sent=found.sent,
        facts=facts_of(found.journey),
    )


def _lines(splitter: Splitter, piece: bytes | None, endpoint: str) -> list[InputLine | BatchError]:
    found = splitter.end() if piece is None else splitter.feed(piece)
    return [read_line(number, text, endpoint) for number, text in found]
