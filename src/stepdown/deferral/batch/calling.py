"""Calls lines that go into no batch, each as a journey of its own through the pipeline, at a pace.

A call that was under way when its process died is made again: no provider can be asked whether it
answered. Its end is written once all the same.
"""

import asyncio
import time

from stepdown.batch_ports import Result
from stepdown.deferral.batch.accounting import ended
from stepdown.deferral.batch.answers import envelope
from stepdown.deferral.batch.context import Context, log
from stepdown.deferral.batch.facts import request_of_line
from stepdown.deferral.run import Keeper
from stepdown.errors import StepdownError
from stepdown.storage.batch_rows import Ended, LineRow
from stepdown.types import Journey

MORE_ROUNDS = 3
"""How often a line whose call failed in passing is called again, beside the pipeline's tries."""
PAUSE = 60.0
"""Seconds before that; doubled each time."""


class Pace:
    """Starts of calls, at most ``rpm`` a minute, evenly. None: as fast as they come."""

    def __init__(self) -> None:
        self._next = 0.0

    async def wait(self, rpm: int | None) -> None:
        if rpm is None:
            return
        now = time.monotonic()
        start = self._next = max(now, self._next)
        self._next += 60.0 / rpm
        await asyncio.sleep(start - now)


async def call(context: Context, line: LineRow, pace: Pace) -> None:
    """Call a line that this process holds, and write how it ended. Raises BatchesUnavailable."""
    await pace.wait(context.terms.rpm)
    context.at("calling")
    keeper = Keeper()
    pipeline = context.in_force().pipeline
    try:
        journey = await pipeline.handle(request_of_line(line), keeper)
    except StepdownError as error:
        if error.retryable and line.round < context.terms.rounds + MORE_ROUNDS:
            await _again(context, line)
            return
        end = Ended(line.batch, line.seq, error.status, envelope(error))
    except Exception:  # noqa: BLE001  logged; the line must end
        log.exception("a request failed in the gateway itself")
        failure = StepdownError("The gateway failed; its log says why.")
        end = Ended(line.batch, line.seq, failure.status, envelope(failure))
    else:
        end = _answered(line, journey, keeper.body)
    context.at("called")
    written = await context.records.do(lambda store: store.lines.end_calls(context.owner, [end]))
    context.at("call written")
    if not written:
        context.counts["late"] += 1
    else:
        context.counts["answered" if end.good else "failed"] += 1
        context.counts["called"] += 1


def _answered(line: LineRow, journey: Journey, body: bytes) -> Ended:
    return ended(line, journey, Result(0, 200, body, journey.usage))


async def _again(context: Context, line: LineRow) -> None:
    due = time.time() + PAUSE * 2 ** max(0, line.round - context.terms.rounds)
    context.counts["again"] += 1
    await context.records.do(lambda store: store.lines.call_again(line, context.owner, due))
