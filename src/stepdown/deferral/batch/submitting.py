"""Brings lines to a provider's batch API, once: formed, staged, made, and looked at until it ends.

    formed ─ staged ─ begun ─ submitted ─ … ─ ended ─ collected
    └──── the database ────┘      (each step is written before the next is taken)

After ``begun`` the provider may have made the batch though its answer was lost: then it is looked
for by its key, and made only where there is none.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from hashlib import sha256

from stepdown.batch_ports import Submission, Undecided
from stepdown.deferral.batch.collecting import Collection, when_again
from stepdown.deferral.batch.context import Context
from stepdown.deferral.batch.facts import sent_request
from stepdown.deferral.batch.outlets import Outlet
from stepdown.errors import (
    UpstreamDenied,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRefused,
)
from stepdown.storage.batch_rows import Group, LineRow, SubmissionRow
from stepdown.storage.batch_submissions import Pick

log = logging.getLogger("stepdown.deferral")

MOST_BYTES = 32 * 1024 * 1024
"""Bytes of one submission: it is in memory as a whole while it is sent."""
MOST_LINES = 10_000
"""Lines of one submission: they are written in one transaction, which must not take long."""
PER_LINE = 200
"""Bytes that a line has around its body, at most."""
READ = 500
"""Lines that are read from the database at once."""
PAUSES: tuple[float, ...] = (5.0, 15.0, 60.0, 300.0)
"""Seconds before a step is tried again; the last for all further tries."""
LONGEST_PAUSE = 3_600.0
"""Seconds of a provider's ``Retry-After`` that are waited at most."""
SETTLE = 20.0
"""Seconds after a lost answer before a provider is asked whether it made the batch."""
TRIES = 6
"""After so many a submission is given up, where it is known not to have been made."""
NO_OUTLET = "no deployment of the configuration has this id and a batch API"

_NOT_MADE = (UpstreamRefused, UpstreamDenied, UpstreamRateLimited)


async def form(context: Context, group: Group) -> SubmissionRow | None:
    """Put the lines that may go together into a submission, held by this process."""
    outlet = context.in_force().outlets.at(group.deployment, group.model)
    if outlet is None:
        now = time.time()
        await context.records.do(lambda store: store.lines.call_group(group, now))
        return None
    context.at("forming")
    limit = min(outlet.api.most_lines, MOST_LINES)
    row = await context.records.do(
        lambda store: store.submissions.form(
            group, context.owner, time.time(), context.until, limit, _chooser(group, outlet)
        )
    )
    context.at("formed")
    return row


def _chooser(group: Group, outlet: Outlet) -> Callable[[Sequence[Pick]], tuple[str, int]]:
    most = min(MOST_BYTES, outlet.api.most_bytes)

    def choose(picks: Sequence[Pick]) -> tuple[str, int]:
        """As many as fit. The id follows from what the lines are, and which try this is."""
        key = sha256(f"{group.deployment}\n{group.model}".encode())
        size = count = 0
        for pick in picks:
            size += pick.size + PER_LINE
            if count and size > most:
                break
            count += 1
            key.update(f"\n{pick.batch} {pick.seq} {pick.digest} {pick.round}".encode())
        return f"sub_{key.hexdigest()[:40]}", count

    return choose


class Submitting:
    """One submission that this process holds, taken as far as it goes now."""

    def __init__(self, context: Context, row: SubmissionRow) -> None:
        self._context = context
        self._row = row
        # Held, with its pipeline, until the step has been taken: so long a reload closes nothing.
        self._force = context.in_force()
        self._key = Submission(row.id, row.lines, row.created_at)

    async def run(self) -> None:
        """Take the next steps. Raises LeaseLost, BatchesUnavailable."""
        row = self._row
        outlet = self._force.outlets.at(row.deployment, row.model)
        try:
            if outlet is None:
                await self._without_outlet()
            elif row.state == "new":
                await self._submit(outlet)
            elif row.state == "submitted":
                await self._look(outlet)
            else:
                await self._release(self._context.terms.retention)
        except Undecided:
            await self._release(self._context.terms.poll)
        except UpstreamError as error:
            await self._try_later(error)

    # ── making it ────────────────────────────────────────────────────────────────────────────

    async def _submit(self, outlet: Outlet) -> None:
        found = await self._found(outlet) if self._row.begun else None
        if found is not None:
            self._context.counts["found"] += 1
            await self._submitted(found)
        elif self._row.cancel:
            await self._fail("cancelled", again=False)
        elif self._row.begun and self._row.tries >= TRIES:
            await self._fail(self._row.error)
        else:
            await self._make(outlet)

    async def _found(self, outlet: Outlet) -> str | None:
        deployment = self._row.deployment
        known = await self._context.records.do(lambda store: store.submissions.known(deployment))
        return await outlet.api.find(self._key, known)

    async def _make(self, outlet: Outlet) -> None:
        context, api = self._context, outlet.api
        lines = await self._entries(outlet)
        if not self._row.staged:
            try:
                staged = await api.stage(self._key, lines)
            except _NOT_MADE as error:
                await self._refused(error)
                return
            context.at("staged")
            await self._write(staged=staged)
        context.at("beginning")
        # Lines that were given up meanwhile are not in it: it is known again by how many there are.
        await self._write(begun=1, lines=len(lines))
        context.at("creating")
        try:
            made = await api.create(self._key, self._row.staged, lines)
        except _NOT_MADE as error:
            await self._write(begun=0)
            await self._refused(error)
            return
        context.at("created")
        context.counts["submitted"] += 1
        await self._submitted(made)

    async def _refused(self, error: UpstreamError) -> None:
        if isinstance(error, UpstreamRateLimited):
            await self._try_later(error)
        else:
            await self._fail(f"{error.code}: {error.message}")

    async def _submitted(self, remote: str) -> None:
        await self._write(remote=remote, state="submitted", tries=0, error="")
        self._context.at("submitted")
        await self._release(0.0 if self._row.cancel else self._context.terms.poll)

    async def _entries(self, outlet: Outlet) -> list[bytes]:
        """The submission's lines as the provider takes them, by their places."""
        entries: list[bytes] = []
        place = 0
        while rows := await self._read(place):
            entries += await asyncio.to_thread(_encoded, outlet, self._row.id, rows)
            place = rows[-1].place + 1
        return entries

    async def _read(self, start: int) -> list[LineRow]:
        return await self._context.records.do(
            lambda store: store.lines.submitted(self._row.id, start, READ)
        )

    # ── waiting for it ───────────────────────────────────────────────────────────────────────

    async def _look(self, outlet: Outlet) -> None:
        context, row = self._context, self._row
        if row.cancel == 1:
            context.at("cancelling")
            await outlet.api.cancel(row.remote)
            await self._write(cancel=2)
        remote = await outlet.api.look(row.remote)
        context.at("looked")
        if remote.state == "running":
            await self._release(min(context.terms.poll, 5.0) if row.cancel else context.terms.poll)
        elif remote.state == "ended":
            await Collection(context, self._row, outlet).run()
        else:
            await self._fail(remote.error or remote.state)

    # ── what goes wrong ──────────────────────────────────────────────────────────────────────

    async def _without_outlet(self) -> None:
        """The configuration has changed: what was not submitted goes elsewhere, the rest waits for
        the configuration to know it again, or for its batch's end."""
        row = self._row
        if row.state == "new" and not row.begun:
            await self._fail(NO_OUTLET)
        else:
            await self._write(error=NO_OUTLET)
            await self._release(self._context.terms.poll)

    async def _try_later(self, error: UpstreamError) -> None:
        row = self._row
        if row.state == "new" and not row.begun and row.tries + 1 >= TRIES:
            await self._fail(f"{error.code}: {error.message}")
            return
        pause = PAUSES[min(row.tries, len(PAUSES) - 1)]
        if error.retry_after is not None:
            pause = max(pause, min(error.retry_after, LONGEST_PAUSE))
        log.warning("a provider's batch is tried again in %.0f s: %s", pause, error.message)
        await self._write(tries=row.tries + 1, error=f"{error.code}: {error.message}"[:500])
        await self._release(max(pause, SETTLE) if row.begun else pause)

    async def _fail(self, error: str, *, again: bool = True) -> None:
        """It came to nothing: its lines go again, otherwise from a certain round on."""
        context, row = self._context, self._row
        rounds = context.terms.rounds
        call_from = rounds if again else row.round + 2
        back = await context.records.do(
            lambda store: store.lines.put_back(row.id, None, when_again(row, 0.0), call_from)
        )
        context.at("put back")
        await self._write(state="failed", error=error[:500])
        context.counts["came_to_nothing"] += 1
        log.warning("a provider's batch of %d requests came to nothing: %s", back, error)
        await self._release(context.terms.retention)

    # ── the row ──────────────────────────────────────────────────────────────────────────────

    async def _write(self, **changes: str | int | float) -> None:
        row = self._row
        self._row = await self._context.records.do(
            lambda store: store.submissions.write(row, **changes)
        )

    async def _release(self, pause: float) -> None:
        row, due = self._row, time.time() + pause
        await self._context.records.do(
            lambda store: store.submissions.release(row.id, row.owner, due)
        )


def _encoded(outlet: Outlet, key: str, rows: Sequence[LineRow]) -> list[bytes]:
    entries: list[bytes] = []
    for row in rows:
        body = outlet.api.encode(sent_request(row), outlet.deployment)
        assert body is not None, "a line is planned for an outlet that has words for it"
        entries.append(outlet.api.line(key, row.place, body))
    return entries
