"""Looks after a batch from its validation to its files: what is due, has ended, or is late."""

import time
from secrets import token_hex

from msgspec import Struct

from stepdown.deferral.batch import answers
from stepdown.deferral.batch.answers import CANCELLED, EXPIRED, WHY, is_good
from stepdown.deferral.batch.context import Context
from stepdown.deferral.batch.validating import Validation
from stepdown.storage.batch_rows import FINAL, NEVER, BatchRow, FileRow, LineRow

SOON = 2.0
"""Seconds between two looks at a batch that is ending."""
GRACE = 900.0
"""Seconds that providers get to give up what is under way; then it is given up without them."""
READ = 500
"""Lines that are read at once to be written to a file."""
PIECE = 256 * 1024
"""Bytes of a file's piece, about."""
LATEST_CALL = 1800.0
"""Seconds before its deadline at which a deferred call is called at the latest; sooner, a fifth of
its window, where that is less."""
TELL_AGAIN = 600.0
"""Seconds after which a webhook that is still pending is sent by whoever looks first."""


class Attendance:
    """One batch that this process holds, taken as far as it goes now."""

    def __init__(self, context: Context, row: BatchRow) -> None:
        self._context = context
        self._row = row
        self.tells = False
        """Whether the batch has ended and its webhook is to be sent."""
        self.gave_up = False
        """Whether lines have ended that somebody may be calling."""

    async def run(self) -> None:
        """Take the next steps. Raises LeaseLost, BatchesUnavailable."""
        row = self._row
        if row.status in FINAL:
            await self._clear()
        elif row.status == "validating":
            await Validation(self._context, row).run()
            await self._release(time.time())
        elif row.in_progress_at is None:
            await self._complete()  # cancelled before it began: there is nothing to show
        elif row.open <= 0:
            await self._finish()
        else:
            await self._wait()

    # ── under way ────────────────────────────────────────────────────────────────────────────

    async def _wait(self) -> None:
        """See to what is late, or to be given up."""
        row, now = self._row, time.time()
        records = self._context.records
        if not row.ending and now >= row.expires_at:
            await records.do(lambda store: store.expire(row.id, row.owner))
            await self._give_up(EXPIRED)
        elif row.ending:
            await self._give_up(CANCELLED if row.ending == "cancelled" else EXPIRED)
        elif row.kind == "call" and now >= last_call(row):
            await records.do(lambda store: store.lines.call_instead(row.id, now))
            await records.do(lambda store: store.submissions.cancel_of(row.id))
            await self._release(min(now + SOON, row.expires_at))
        else:
            await self._release(last_call(row) if row.kind == "call" else row.expires_at)

    async def _give_up(self, code: str) -> None:
        """End what is in no submission, and ask providers to give up the rest. Of a deferred call
        nothing is waited for: it may share a submission with others, which go on."""
        row, now = self._row, time.time()
        since = row.cancelling_at or row.expires_at
        whole = row.kind == "call" or now >= since + GRACE
        gone = await self._context.records.do(
            lambda store: store.lines.give_up(row.id, code, WHY[code], sent_too=whole)
        )
        self._context.at("given up")
        self.gave_up = gone > 0
        self._context.counts[row.ending or "expired"] += gone
        if row.kind == "file":
            await self._context.records.do(lambda store: store.submissions.cancel(row.id))
        await self._release(now + SOON)

    # ── the end ──────────────────────────────────────────────────────────────────────────────

    async def _finish(self) -> None:
        """All lines have ended: write the files, from the first piece where that was begun."""
        row, context = self._row, self._context
        if row.kind == "call":
            await self._complete()
            return
        now = time.time()
        if not row.output_file:
            output, error = new_file_id(), new_file_id()
            await context.records.do(
                lambda store: store.finalize(row.id, row.owner, now, output, error)
            )
        else:
            output, error = row.output_file, row.error_file
        context.at("finalizing")
        files = [await self._begin_file(output, "output"), await self._begin_file(error, "error")]
        good, bad = (_Growing(file) for file in files)
        after = 0
        while lines := await self._lines(after):
            for line in lines:
                (good if is_good(line.status) else bad).add(answers.shown(line))
            for growing in (good, bad):
                await self._flush(growing, PIECE)
            after = lines[-1].seq
        for growing in (good, bad):
            await self._flush(growing, 1)
        context.at("files written")
        await self._complete(*(each.done(row, now) if each.size else None for each in (good, bad)))

    async def _lines(self, after: int) -> list[LineRow]:
        return await self._context.records.do(
            lambda store: store.lines.of(self._row.id, after, READ)
        )

    async def _begin_file(self, name: str, kind: str) -> FileRow:
        row, now = self._row, time.time()
        title = f"{row.id}_{kind}.jsonl"
        ttl = row.output_ttl
        file = FileRow(name, row.tenant, "batch_output", title, 0, now, now + ttl)
        await self._context.records.do(lambda store: store.files.add(file))
        return file

    async def _flush(self, growing: "_Growing", least: int) -> None:
        if growing.held < least:
            return
        seq, body = growing.take()
        await self._context.records.do(lambda store: store.files.write(growing.file.id, seq, body))
        self._context.at("piece written")

    async def _complete(self, output: FileRow | None = None, error: FileRow | None = None) -> None:
        row, now = self._row, time.time()
        await self._context.records.do(lambda store: store.complete(row, now, output, error))
        self._context.at("completed")
        self._context.counts["ended"] += 1
        await self._release(now)

    async def _clear(self) -> None:
        """After the end: the lines go, as the files have them, and the webhook is told."""
        row, context = self._row, self._context
        if row.kind == "file":
            while await context.records.do(lambda store: store.lines.delete(row.id)):
                context.at("lines deleted")
        self.tells = row.delivery == "pending"
        await self._release(time.time() + TELL_AGAIN if self.tells else NEVER)

    async def _release(self, due_at: float) -> None:
        row = self._row
        await self._context.records.do(lambda store: store.release(row.id, row.owner, due_at))


class _Growing(Struct):
    """A file that is being written: lines are held until they make a piece."""

    file: FileRow
    size: int = 0
    held: int = 0
    pieces: int = 0
    lines: list[bytes] = []

    def add(self, line: bytes) -> None:
        self.lines.append(line)
        self.held += len(line)

    def take(self) -> tuple[int, bytes]:
        """The next piece: its number, and what it is."""
        body = b"".join(self.lines)
        number = self.pieces
        self.lines, self.held = [], 0
        self.size += len(body)
        self.pieces += 1
        return number, body

    def done(self, row: BatchRow, now: float) -> FileRow:
        file = self.file
        return FileRow(
            file.id, row.tenant, file.purpose, file.filename, self.size, now, now + row.output_ttl
        )


def last_call(row: BatchRow) -> float:
    """When a deferred call is called rather than waited for."""
    return row.expires_at - min(LATEST_CALL, (row.expires_at - row.created_at) / 5)


def new_file_id() -> str:
    """A file's id: 160 random bits."""
    return f"file-{token_hex(20)}"
