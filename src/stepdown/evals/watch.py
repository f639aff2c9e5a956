"""An evaluation at fixed times: each one recorded, and what its series shows then.

The times are slots of the wall clock: whole multiples of a period since 1970 (UTC), so that they
do not drift and are the same after a restart. An evaluation is salted with its slot: the models are
asked anew in each, and one that was broken off goes on from the answers that it has. A slot is run
once in a series; two watches of it in one database share its runs and add none.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol, cast

from msgspec import Struct
from sqlalchemy import Engine

from stepdown.evals import history
from stepdown.evals.drift import Look, look
from stepdown.evals.report import Report

LONGEST_WAIT = 60.0
"""Seconds after which the wall clock is read again: it may have been set, or the host asleep."""

Evaluate = Callable[[str], Awaitable[Report]]
"""Evaluates, with a salt under which the models have to be asked anew."""


class Clock(Protocol):
    """The time, and the wish to stop."""

    @property
    def stopped(self) -> bool: ...

    def now(self) -> float:
        """Seconds since 1970."""
        ...

    async def wait(self, seconds: float) -> None:
        """Wait for so long, or until told to stop."""
        ...


class Round(Struct, frozen=True):
    """What became of one slot (its beginning in seconds since 1970).

    ``look`` is at the series after it, None where the evaluation failed: ``problem`` says why.
    ``recorded`` is whether a run was added.
    """

    slot: int
    look: Look | None = None
    recorded: bool = False
    problem: str | None = None


class Watch:
    """Evaluates on a schedule. ``every`` is whole seconds; ``since`` (seconds since 1970) leaves
    earlier runs out of the looks; ``limit`` is the regret to be told of, in 0..1."""

    def __init__(
        self,
        evaluate: Evaluate,
        database: Engine,
        every: int,
        *,
        since: float | None = None,
        limit: float | None = None,
    ) -> None:
        self._evaluate = evaluate
        self._database = database
        self._every = every
        self._since = since
        self._limit = limit

    async def run(
        self, clock: Clock, told: Callable[[Round], None], most: int | None = None
    ) -> None:
        """Run the slot that it is now, then each that begins, until told to stop; ``most`` of them.

        A slot that passes while an evaluation runs, or the host sleeps, is left out. What the first
        evaluation raises ends the watch, for it is likely to be raised again; what a later one
        raises is told, and the schedule goes on.
        """
        done = 0
        last: int | None = None
        while not clock.stopped and done != most:
            slot = slot_of(clock.now(), self._every)
            if last is not None and slot <= last:
                await clock.wait(min(last + self._every - clock.now(), LONGEST_WAIT))
                continue
            told(await (self.once(slot) if last is None else self._guarded(slot)))
            last = slot
            done += 1

    async def once(self, slot: int) -> Round:
        """Run one slot. Raises DatabaseUnavailable, and what evaluating does."""
        report = await self._evaluate(salt_of(slot))
        try:
            recorded = history.record(self._database, report, slot) is not None
        except history.Incomplete as problem:
            return Round(slot, problem=str(problem))
        runs = history.runs(self._database, history.series_of(report), self._since)
        return Round(slot, look(runs, self._limit) if runs else None, recorded)

    async def _guarded(self, slot: int) -> Round:
        try:
            return await self.once(slot)
        except Exception as error:  # noqa: BLE001  the schedule goes on, whatever it was
            return Round(slot, problem=_told(error))


def slot_of(time: float, every: int) -> int:
    """The beginning of the slot of a moment; both in seconds since 1970."""
    return int(time // every) * every


def salt_of(slot: int) -> str:
    """The same after a restart, another in the next slot."""
    return f"watch-{slot}"


def _told(error: BaseException) -> str:
    """What went wrong; of a group, the first of it."""
    if isinstance(error, BaseExceptionGroup):
        return _told(cast("BaseExceptionGroup[BaseException]", error).exceptions[0])
    message = getattr(error, "message", None)  # of an error that is worded for people
    if isinstance(message, str):
        return message
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
