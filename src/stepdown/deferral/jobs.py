"""Jobs: requests whose callers do not wait. This process runs them; any process can tell of them.

    submit ─ written, then queued ─ run (the pipeline) ─ its end written ─ webhook
    read, cancel ─ by the database, so that it does not matter which process runs the job

Nothing here is unbounded: a process takes on ``most`` jobs of together ``MOST_BYTES``, runs
``concurrency`` of them at once, and refuses the rest; each has a deadline.
"""

import asyncio
import logging
import os
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from secrets import token_hex

from stepdown.cascade.plan import MODE_HEADER
from stepdown.deferral import job as forms
from stepdown.deferral.job import Ending
from stepdown.deferral.records import Records
from stepdown.deferral.run import Job, answer
from stepdown.deferral.terms import Terms
from stepdown.deferral.webhooks import Notice, Target, Webhooks
from stepdown.errors import InvalidField, JobsUnavailable, TooManyJobs, UnknownJob
from stepdown.names import known_names
from stepdown.pipeline import Pipeline
from stepdown.storage.address import Address
from stepdown.storage.jobs import JobRow, JobStore
from stepdown.types import Request

log = logging.getLogger("stepdown.deferral")

MOST_BYTES = 256_000_000
"""Bytes of requests that wait or run."""
TICK = 1.0
"""Seconds between two looks for jobs that were cancelled elsewhere or wait too long."""
BEAT = 5.0
"""Seconds between two signs of life; well within the store's patience."""
CARE_INTERVAL = 60.0
"""Seconds between two looks for what has expired."""
FORGET_OWNERS = 30 * 86_400.0
LEAVE = 5.0
"""Seconds that jobs get to finish when the server stops."""
WRITE_PAUSES = (0.0, 1.0, 5.0, 25.0)
"""Seconds before each try to write a job's end."""


class Jobs:
    """The jobs that one process runs, over the database that all processes share."""

    def __init__(self, address: Address, terms: Terms) -> None:
        self.terms = terms
        self._records = Records(JobStore(address), "jobs")
        self._webhooks = Webhooks(self)
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{token_hex(4)}"
        self._pipeline: Callable[[], Pipeline] | None = None
        self._mine: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._running: set[Job] = set()
        self._bytes = 0
        self._watch: asyncio.Task[None] | None = None
        self._beat_due = 0.0
        self._care_due = 0.0
        self._counts: dict[str, int] = dict.fromkeys(
            ("accepted", "refused", "succeeded", "failed", "cancelled", "discarded", "unwritten"), 0
        )

    # ── from start to end ────────────────────────────────────────────────────────────────────

    def start(self, pipeline: Callable[[], Pipeline]) -> None:
        """Begin to run jobs, each by the pipeline in force when its turn comes."""
        if self._watch is None:
            self._pipeline = pipeline
            self._care_due = time.monotonic() + CARE_INTERVAL
            self._watch = asyncio.create_task(self._look_around())

    def configure(self, terms: Terms) -> None:
        """Put other terms in force; jobs that are there keep their deadline and their retention."""
        self.terms = terms
        self._start_next()

    async def aclose(self) -> None:
        """Take no more, let running jobs finish for a moment, then give them up as lost."""
        watch, self._watch, self._pipeline = self._watch, None, None
        if watch is not None:
            watch.cancel()
            await asyncio.wait({watch})
        busy = self._busy
        self._waiting.clear()
        tasks = {job.task for job in self._running if job.task is not None}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=LEAVE)
            for task in late:
                task.cancel()
            await asyncio.wait(tasks)
        await self._webhooks.aclose()
        if busy:
            await self._try_to(lambda store: store.abandon(self._owner, "the gateway stopped"))
        await asyncio.to_thread(self._records.close)

    def status(self) -> dict[str, object]:
        """How it is doing: jobs of this process now, and counts since its start.

        ``discarded`` answers came after the job's end elsewhere (cancelled, or taken for lost);
        ``unwritten`` ones could not be written.
        """
        webhooks = self._webhooks
        return {
            "waiting": len(self._waiting),
            "running": len(self._running),
            **self._counts,
            "webhooks": {
                "waiting": webhooks.waiting,
                "delivered": webhooks.delivered,
                "failed": webhooks.failed,
                "dropped": webhooks.dropped,
            },
            "failures": self._records.failures,
            "error": self._records.error,
        }

    # ── what callers ask ─────────────────────────────────────────────────────────────────────

    async def submit(self, request: Request, webhook: str = "") -> JobRow:
        """Take a request on; it is in the database when this returns.

        Raises InvalidField for a webhook that is not configured, TooManyJobs, JobsUnavailable.
        """
        terms = self.terms
        self._check_webhook(webhook)
        self._check_room(request)
        now = time.time()
        row = JobRow(
            id=forms.new_id(),
            tenant=request.tenant,
            owner=self._owner,
            status="queued",
            created_at=now,
            deadline_at=now + terms.deadline,
            expires_at=now + terms.retention,
            webhook=webhook,
            delivery="pending" if webhook else "",
        )
        request.headers = {**request.headers, MODE_HEADER: "batch"}
        job = Job(
            row.id,
            request,
            asyncio.get_running_loop().time() + terms.deadline,
            Notice(row.id, row.tenant, webhook) if webhook else None,
        )
        self._hold(job)
        try:
            await self._records.do(lambda store: store.add(row, now))
        except BaseException:
            self._let_go(job)
            # The caller may be gone while the row is being written: nobody would ask for it.
            self._records.later(lambda store: store.cancel(row.id, row.tenant))
            raise
        self._counts["accepted"] += 1
        self._waiting.append(job)
        self._start_next()
        return row

    async def read(self, job: str, tenant: str) -> JobRow:
        """A tenant's job. Raises UnknownJob, JobsUnavailable."""
        row: JobRow | None = None
        if forms.is_id(job):
            row = await self._records.do(lambda store: store.read(job, tenant, time.time()))
        if row is None:
            raise UnknownJob("There is no such job; it may have expired.")
        return row

    async def cancel(self, job: str, tenant: str) -> JobRow:
        """Cancel a tenant's job, unless it has ended. Raises UnknownJob, JobsUnavailable."""
        if forms.is_id(job):
            await self._records.do(lambda store: store.cancel(job, tenant))
        row = await self.read(job, tenant)
        if row.status == "cancelled":
            self._stop(job)
        return row

    def _check_webhook(self, name: str) -> None:
        if name and name not in self.terms.webhooks:
            known = known_names(name, self.terms.webhooks)
            raise InvalidField(
                f"x-stepdown-webhook: expected a webhook of the configuration, got {name!r}.{known}"
            )

    def _check_room(self, request: Request) -> None:
        if self._pipeline is None:
            raise JobsUnavailable("The server is not taking jobs on: it starts or stops.")
        if not self.terms.enabled:
            raise InvalidField("x-stepdown-async: async requests are switched off here.")
        held = self._bytes
        if len(self._mine) >= self.terms.most or (held and held + request.size > MOST_BYTES):
            self._counts["refused"] += 1
            raise TooManyJobs("Too many jobs are waiting; try again later.")

    # ── this process's jobs ──────────────────────────────────────────────────────────────────

    @property
    def _busy(self) -> bool:
        return bool(self._mine or self._webhooks.waiting)

    def _hold(self, job: Job) -> None:
        self._mine[job.id] = job
        self._bytes += job.request.size

    def _let_go(self, job: Job) -> None:
        if self._mine.pop(job.id, None) is not None:
            self._bytes -= job.request.size

    def _start_next(self) -> None:
        while self._waiting and len(self._running) < self.terms.concurrency:
            self._begin(self._waiting.popleft())

    def _begin(self, job: Job) -> None:
        if self._pipeline is not None:
            self._running.add(job)
            job.task = asyncio.create_task(self._run(job, self._pipeline))
            job.task.add_done_callback(lambda task: self._ended(job, task))

    def _stop(self, name: str) -> None:
        """The database says that this job is over."""
        job = self._mine.get(name)
        if job is None or job.ending:
            return
        job.ending = True
        self._counts["cancelled"] += 1
        if job.task is not None:
            job.task.cancel()
        elif job in self._waiting:
            self._waiting.remove(job)
            self._over(job)

    def _ended(self, job: Job, task: "asyncio.Task[None]") -> None:
        self._running.discard(job)
        if not task.cancelled() and (error := task.exception()):
            log.error("a job failed in the gateway itself", exc_info=error)
        self._over(job)
        self._start_next()

    def _over(self, job: Job) -> None:
        self._let_go(job)
        if job.notice is not None and self._pipeline is not None:
            self._webhooks.offer(job.notice)

    # ── running one ──────────────────────────────────────────────────────────────────────────

    async def _run(self, job: Job, pipeline: Callable[[], Pipeline]) -> None:
        """Whoever cancels this has written the job's end."""
        await self._try_to(lambda store: store.started(job.id))
        end = await answer(job, pipeline())
        job.ending = True
        await self._write(job, end)

    async def _write(self, job: Job, end: Ending) -> None:
        """Write a job's end, several times if the database is away. What fails is counted."""
        for pause in WRITE_PAUSES:
            await asyncio.sleep(pause)
            try:
                first = await self._records.do(
                    lambda store: store.end(job.id, end.status, end.response, end.facts, end.error)
                )
            except JobsUnavailable:
                continue
            self._counts[end.status if first else "discarded"] += 1
            return
        self._counts["unwritten"] += 1
        job.notice = None  # which could only say that the job runs
        log.error("The end of a job could not be written: %s", self._records.error)

    async def _try_to(self, work: Callable[[JobStore], object]) -> None:
        """Write what may stay unwritten while the database is away."""
        with suppress(JobsUnavailable):  # which the records log
            await self._records.do(work)

    # ── the watch ────────────────────────────────────────────────────────────────────────────

    async def _look_around(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            try:
                if self._busy:
                    await self._look_after_mine()
                if time.monotonic() >= self._care_due:
                    await self._clean_up()
            except JobsUnavailable:
                continue
            except Exception:  # the watch must live on
                log.exception("the watch over jobs failed")

    async def _look_after_mine(self) -> None:
        now = asyncio.get_running_loop().time()
        for job in [job for job in self._waiting if job.deadline <= now]:
            self._waiting.remove(job)
            self._begin(job)
        if now >= self._beat_due:
            await self._records.do(lambda store: store.beat(self._owner, time.time()))
            self._beat_due = now + BEAT
        # Those that are there before the look: one that is added meanwhile must not be missed.
        known = [job.id for job in (*self._waiting, *self._running)]
        live = await self._records.do(lambda store: store.live(self._owner))
        for name in known:
            if name not in live:
                self._stop(name)

    async def _clean_up(self) -> None:
        now = time.time()
        if not await self._records.do(lambda store: store.expire(now, now - FORGET_OWNERS)):
            self._care_due = time.monotonic() + CARE_INTERVAL
            if not self._busy:
                await self._records.rest()

    # ── for the webhooks ─────────────────────────────────────────────────────────────────────

    def target(self, name: str) -> Target | None:
        return self.terms.webhooks.get(name)

    async def shown(self, job: str, tenant: str) -> bytes | None:
        try:
            return forms.shown(await self.read(job, tenant))
        except UnknownJob:
            return None

    async def note(self, job: str, state: str, tries: int, error: str) -> None:
        await self._try_to(lambda store: store.note_delivery(job, state, tries, error))
