"""Collects what a provider's batch answered: written slice by slice, each line's end only once.

A line that failed for a reason that may pass goes again; what was recorded is never recorded twice.
"""

import asyncio
import time
from collections.abc import Sequence

from msgspec import Struct

from stepdown.batch_ports import Result
from stepdown.deferral.batch.accounting import answered, ended
from stepdown.deferral.batch.answers import CANCELLED, EXPIRED, is_good
from stepdown.deferral.batch.context import Context
from stepdown.deferral.batch.outlets import Outlet
from stepdown.deferral.batch.shadowing import offer
from stepdown.errors import UpstreamError
from stepdown.storage.batch_rows import NEVER, Ended, LineRow, SubmissionRow
from stepdown.types import Journey

SLICE = 500
"""Results that are written together."""
BREATH = 8
"""Results that are read before others on the event loop get their turn."""
PASSING = (408, 409, 425, 429, 500, 502, 503, 504, 529)
"""Statuses of a line that another try may change."""
AGAIN = 60.0
"""Seconds before a line goes again."""


class _Sorted(Struct):
    """A slice of results: lines that have ended, with their journeys, and places that go again."""

    ended: list[tuple[Ended, Journey]]
    again: list[int]


class Collection:
    """The results of one submission that this process holds and that has ended."""

    def __init__(self, context: Context, row: SubmissionRow, outlet: Outlet) -> None:
        self._context = context
        self._row = row
        self._outlet = outlet

    async def run(self) -> None:
        """Write everything. Raises LeaseLost, BatchesUnavailable, UpstreamError."""
        context, row, api = self._context, self._row, self._outlet.api
        results: list[Result] = []
        context.at("collecting")
        async for result in api.results(row.remote):
            results.append(result)
            if len(results) >= SLICE:
                await self._write(results)
                results = []
        await self._write(results)
        await self._put_back(None)
        context.at("collected")
        row = await context.records.do(
            lambda store: store.submissions.write(self._row, state="collected", error="")
        )
        await self._tidy()
        await context.records.do(lambda store: store.submissions.release(row.id, row.owner, NEVER))

    async def _write(self, results: Sequence[Result]) -> None:
        if not results:
            return
        context, row = self._context, self._row
        places = [result.place for result in results]
        lines = await context.records.do(lambda store: store.lines.at(row.id, places))
        of_place = {line.place: line for line in lines}
        both = [(of_place[each.place], each) for each in results if each.place in of_place]
        found = [pair for pair in both if pair[0].state != "ended"]
        context.counts["late"] += len(results) - len(found)
        await self._record_late([pair for pair in both if pair[0].state == "ended"])
        sorted_ = await self._sort(found)
        await self._put_back(sorted_.again)
        wanted = [each for each, _ in sorted_.ended]
        context.at("collecting slice")
        written = await context.records.do(lambda store: store.lines.end(row.id, wanted))
        context.at("collected slice")
        await self._record(sorted_.ended, written)

    async def _sort(self, found: Sequence[tuple[LineRow, Result]]) -> _Sorted:
        made = _Sorted([], [])
        fleet = self._context.in_force().pipeline.fleet
        for number, (line, result) in enumerate(found):
            if number % BREATH == 0:
                await asyncio.sleep(0)
            if self._goes_again(line, result):
                made.again.append(line.place)
                continue
            journey = answered(line, result, self._outlet, fleet)
            end = ended(line, journey, result)
            made.ended.append((end, journey))
        return made

    def _goes_again(self, line: LineRow, result: Result) -> bool:
        """Whether a line goes again: it was not asked at all, or failed in passing. What a batch's
        owner has given up is put back too: the batch's end takes it from there."""
        if result.status is None:
            return result.code in (CANCELLED, EXPIRED) or line.round < self._context.terms.rounds
        return result.status in PASSING and line.round < self._context.terms.rounds

    async def _put_back(self, places: Sequence[int] | None) -> None:
        """Let lines go again; None: all that had no result."""
        if places is not None and not places:
            return
        context, row = self._context, self._row
        # What was cancelled was not tried: it is no reason to call a line.
        rounds = row.round + 2 if row.cancel else context.terms.rounds
        due = when_again(row, AGAIN)
        back = await context.records.do(
            lambda store: store.lines.put_back(row.id, places, due, rounds)
        )
        context.counts["again"] += back

    async def _record(
        self, ended: Sequence[tuple[Ended, Journey]], written: Sequence[Ended]
    ) -> None:
        """Record those lines whose end was written now, by this process."""
        context = self._context
        fresh = {(each.batch, each.seq) for each in written}
        context.counts["late"] += len(ended) - len(written)
        pipeline = context.in_force().pipeline
        for end, journey in ended:
            if (end.batch, end.seq) in fresh:
                context.counts["answered" if is_good(end.status) else "failed"] += 1
                await offer(pipeline, journey, end.response or b"")

    async def _record_late(self, found: Sequence[tuple[LineRow, Result]]) -> None:
        """Answers to lines that were given up are nobody's, but they are paid for all the same."""
        context, row = self._context, self._row
        spent = {line.place: (line, result) for line, result in found if result.usage is not None}
        if not spent:
            return
        fresh = await context.records.do(lambda store: store.lines.detach(row.id, list(spent)))
        pipeline = context.in_force().pipeline
        for place in fresh:
            line, result = spent[place]
            journey = answered(line, result, self._outlet, pipeline.fleet)
            journey.outcome, journey.error = "cancelled", line.code
            pipeline.ledger.record(journey)

    async def _tidy(self) -> None:
        try:
            await self._outlet.api.tidy(self._row.remote)
        except UpstreamError:
            self._context.counts["untidied"] += 1


def when_again(row: SubmissionRow, pause: float) -> float:
    """When lines that a submission leaves behind may go again: not at all where their batch is
    being given up, which then says of them how they end."""
    if row.cancel:
        return NEVER if row.pool else time.time()
    return time.time() + pause
