"""One process's share of the work on batches: it claims what is due, and gives signs of life.

    every second: due batches ─ attend · due groups of lines ─ form · due submissions ─ submit,
    look, collect · lines without a batch API ─ call

How much it holds at once is bounded. What it holds when it dies is free again after ``LEASE``.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from stepdown.deferral.batch.attending import Attendance
from stepdown.deferral.batch.calling import Pace, call
from stepdown.deferral.batch.context import LEASE, Context, log
from stepdown.deferral.batch.submitting import Submitting, form
from stepdown.errors import BatchesUnavailable
from stepdown.storage.batch_rows import BatchRow, Held, LeaseLost, SubmissionRow

TICK = 1.0
"""Seconds between two looks for what is due, where nothing wakes the worker."""
FIRST = 3.0
"""Seconds before the first look: meanwhile the ledger makes the tables of a new database."""
BEAT = 5.0
"""Seconds between two signs of life; well within a lease."""
LET_GO = LEASE * 2 / 3
"""Seconds without a sign of life after which what is held is let go."""
BATCHES = 4
"""How many batches one process looks after at once."""
SUBMISSIONS = 3
"""How many submissions it holds at once; each may be in memory as a whole."""
AFTER_FAILURE = 60.0
"""Seconds before what failed in the gateway itself is tried again."""
CARE_INTERVAL = 60.0
"""Seconds between two looks for what has expired."""
KEEP_SUBMISSIONS = 30 * 86_400.0
LEAVE = 5.0
"""Seconds that steps under way get to finish when the process stops."""

Tell = Callable[[BatchRow], None]
"""Sends a batch's webhook, in the background."""


class Worker:
    """The work of one process. To be started and closed on one event loop."""

    def __init__(self, context: Context, tell: Tell) -> None:
        self._context = context
        self._tell = tell
        self._pace = Pace()
        self._held: dict[Held, asyncio.Task[None]] = {}
        self._loop: asyncio.Task[None] | None = None
        self._beaten = self._beat_due = 0.0
        self._care_due = time.monotonic() + CARE_INTERVAL

    def start(self) -> None:
        """Begin to work."""
        if self._loop is None:
            self._loop = asyncio.create_task(self._work())

    def status(self) -> dict[str, int]:
        """How much this process holds."""
        return {kind: self._count(kind) for kind in ("batches", "submissions", "calls")}

    def _count(self, kind: str) -> int:
        return sum(held.kind == kind for held in self._held)

    async def aclose(self) -> None:
        """Take nothing more, let steps under way finish for a moment, and give back the rest."""
        loop, self._loop = self._loop, None
        if loop is None:
            return
        loop.cancel()
        await asyncio.wait({loop})
        if tasks := set(self._held.values()):
            _, late = await asyncio.wait(tasks, timeout=LEAVE)
            for task in late:
                task.cancel()
            await asyncio.wait(tasks)
        owner = self._context.owner
        with suppress(BatchesUnavailable):  # which the records log; the lease ends by itself
            await self._context.records.do(lambda store: store.abandon(owner))

    # ── what is due ──────────────────────────────────────────────────────────────────────────

    async def _work(self) -> None:
        wake, pause = self._context.wake, FIRST
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await wake.wait()
            pause = TICK
            wake.clear()
            try:
                await self._look_around()
            except BatchesUnavailable:
                self._let_go_in_time()
                await asyncio.sleep(TICK)
            except Exception:  # noqa: BLE001  logged; the work must go on
                log.exception("the work on batches failed")
                await asyncio.sleep(TICK)

    async def _look_around(self) -> None:
        context = self._context
        if self._held and time.monotonic() >= self._beat_due:
            await self._beat()
        # Switched off, what is there still expires.
        if context.terms.enabled and await context.records.do(lambda s: s.is_due(time.time())):
            await self._claim_batches()
            if not context.terms.paused:
                await self._form()
                await self._claim_calls()
            await self._claim_submissions()
        if time.monotonic() >= self._care_due:
            await self._clean_up()

    async def _beat(self) -> None:
        """Give a sign of life; what was lost meanwhile is not gone on with."""
        context, now, held = self._context, time.monotonic(), tuple(self._held)
        lost = await context.records.do(
            lambda store: store.beat(context.owner, context.until, held)
        )
        self._beaten, self._beat_due = now, now + BEAT
        for each in lost:
            if task := self._held.get(each):
                context.counts["leases_lost"] += 1
                task.cancel()

    def _let_go_in_time(self) -> None:
        """Without signs of life others soon take over: what is under way here must end before."""
        if time.monotonic() - self._beaten > LET_GO:
            for task in self._held.values():
                task.cancel()

    async def _claim_batches(self) -> None:
        context, room = self._context, BATCHES - self._count("batches")
        if room > 0:
            for row in await context.records.do(
                lambda store: store.claim(context.owner, time.time(), context.until, room)
            ):
                self._spawn(Held("batches", row.id), self._attend(row))

    async def _form(self) -> None:
        """Submit what may be submitted, as far as there is room to hold it."""
        context = self._context
        if self._count("submissions") >= SUBMISSIONS:
            return
        groups = await context.records.do(lambda store: store.submissions.groups(time.time()))
        for group in groups:
            while self._count("submissions") < SUBMISSIONS:
                row = await form(context, group)
                if row is None:
                    break
                self._spawn(Held("submissions", row.id), Submitting(context, row).run())

    async def _claim_submissions(self) -> None:
        context, room = self._context, SUBMISSIONS - self._count("submissions")
        if room > 0:
            rows: list[SubmissionRow] = await context.records.do(
                lambda store: store.submissions.claim(
                    context.owner, time.time(), context.until, room
                )
            )
            for row in rows:
                self._spawn(Held("submissions", row.id), Submitting(context, row).run())

    async def _claim_calls(self) -> None:
        context, room = self._context, self._context.terms.concurrency - self._count("calls")
        if room > 0:
            for line in await context.records.do(
                lambda store: store.lines.claim_calls(
                    context.owner, time.time(), context.until, room
                )
            ):
                self._spawn(Held("calls", line.batch, line.seq), call(context, line, self._pace))

    # ── one thing that is held ───────────────────────────────────────────────────────────────

    async def _attend(self, row: BatchRow) -> None:
        attendance = Attendance(self._context, row)
        await attendance.run()
        if attendance.tells:
            self._tell(row)
        if attendance.gave_up:
            self._beat_due = 0.0  # which ends the calls for it here

    def _spawn(self, held: Held, work: Coroutine[Any, Any, None]) -> None:
        if not self._held:  # what was claimed just now has a whole lease
            self._beaten, self._beat_due = time.monotonic(), time.monotonic() + BEAT
        task = self._held[held] = asyncio.create_task(self._guarded(held, work))
        task.add_done_callback(lambda done: self._done(held, done))

    def _done(self, held: Held, task: "asyncio.Task[None]") -> None:
        if self._held.get(held) is task:
            del self._held[held]
        self._context.wake.set()

    async def _guarded(self, held: Held, work: Coroutine[Any, Any, None]) -> None:
        """What a step could not finish is given back, to whoever takes it next."""
        counts, pause = self._context.counts, 0.0
        try:
            await work
        except LeaseLost:  # or what was held has changed: then it is free to be looked at anew
            counts["leases_lost"] += 1
        except BatchesUnavailable:
            counts["interrupted"] += 1
        except Exception:  # noqa: BLE001  logged; the work on others goes on
            counts["interrupted"] += 1
            pause = AFTER_FAILURE
            log.exception("a step of a batch failed in the gateway itself")
        else:
            return
        with suppress(BatchesUnavailable):  # then the lease ends by itself
            await self._give_back(held, time.time() + pause)

    async def _give_back(self, held: Held, due_at: float) -> None:
        name, owner, records = held.name, self._context.owner, self._context.records
        if held.kind == "batches":
            await records.do(lambda store: store.release(name, owner, due_at))
        elif held.kind == "submissions":
            await records.do(lambda store: store.submissions.release(name, owner, due_at))
        else:
            await records.do(lambda store: store.lines.release(name, held.seq, owner))

    async def _clean_up(self) -> None:
        now, store = time.time(), self._context.records
        more = await store.do(lambda s: s.files.expire(now))
        more |= await store.do(lambda s: s.forget(now, now - KEEP_SUBMISSIONS))
        if not more:
            self._care_due = time.monotonic() + CARE_INTERVAL


assert BEAT * 3 < LET_GO < LEASE
