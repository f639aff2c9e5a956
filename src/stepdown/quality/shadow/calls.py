"""Asks one model in the background: outside of any route, with no entry in the ledger."""

import asyncio
import time
from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from stepdown.errors import StepdownError, UpstreamError, UpstreamTimedOut
from stepdown.pipeline import Pipeline
from stepdown.ports import Fleet
from stepdown.quality.shadow.kept import first
from stepdown.types import Attempt, Choice, Journey, Request, Role, Usage

PAUSES = (1.0, 4.0)
"""Seconds before a call that failed is made again, where the upstream names none."""
LONGEST_PAUSE = 30.0
LONGEST_ERROR = 300
"""Characters of a failure's message that are kept."""


class Told(Struct, frozen=True):
    """What came of a call: a choice, or the error that stood in the way, its code first.

    ``cost`` is the answer's in US dollars, None where it is unknown. ``spent`` is what is known of
    all tries together; of ``unknown`` ones the cost is not.
    """

    choice: Choice | None = None
    usage: Usage | None = None
    cost: Decimal | None = None
    spent: Decimal = Decimal(0)
    unknown: int = 0
    error: str = ""

    def most(self, each: Decimal) -> Decimal:
        """What was spent where no try of unknown cost cost more than ``each``."""
        return self.spent + self.unknown * each


class Caller:
    """Makes the calls. ``timeout``: seconds for one, its tries and the pauses between together.

    A call is tried again where that may help. It does not fall back to another model, whose answer
    would say nothing of this one.
    """

    def __init__(self, fleet: Fleet, timeout: float) -> None:
        self._pipeline = Pipeline({}, fleet, Nowhere())
        self._timeout = timeout

    async def ask(self, request: Request, model: str, role: Role = "answer") -> Told:
        """What the model says. Raises nothing."""
        journey = Journey(request, started=time.monotonic(), time=time.time(), attempts=[])
        choice, error = None, ""
        try:
            async with asyncio.timeout(self._timeout):
                choice = await self._answer(journey, model, role)
        except TimeoutError:
            error = f"{UpstreamTimedOut.code}: no answer within {self._timeout:g} s"
        except StepdownError as failure:
            error = in_a_line(failure)
        spent, unknown = bill(journey.attempts)
        if choice is None:
            return Told(spent=spent, unknown=unknown, error=error)
        last = journey.attempts[-1]
        usage = None if last.estimated else last.usage
        return Told(choice, usage, last.cost, spent, unknown)

    async def _answer(self, journey: Journey, model: str, role: Role) -> Choice:
        """Raises StepdownError."""
        for pause in PAUSES:
            try:
                return await self._try(journey, model, role)
            except UpstreamError as failure:
                pause = max(pause, failure.retry_after or 0.0)
                if not failure.retryable or pause > LONGEST_PAUSE:
                    raise
            await asyncio.sleep(pause)
        return await self._try(journey, model, role)

    async def _try(self, journey: Journey, model: str, role: Role) -> Choice:
        """Ask each of the model's deployments once, until one answers. Raises StepdownError."""
        call = await self._pipeline.begin(journey, journey.request, model, role=role, alone=True)
        try:
            transcript = call.transcript()
            transcript.feed(call.body)
            choice = first(transcript)
        except BaseException as error:
            self._pipeline.end(journey, call, error)
            raise
        self._pipeline.end(journey, call)
        return choice


def bill(attempts: Sequence[Attempt]) -> tuple[Decimal, int]:
    """What is known of the attempts' cost in US dollars, and how many have an unknown one.

    One that timed out or was broken off may have been worked on to its end all the same.
    """
    known, unknown = Decimal(0), 0
    for attempt in attempts:
        if attempt.usage is None:
            unknown += attempt.error == UpstreamTimedOut.code
        elif attempt.cost is None or attempt.estimated:
            unknown += 1
        else:
            known += attempt.cost
    return known, unknown


def in_a_line(failure: StepdownError) -> str:
    """A failure in words, its code first, in one line that is not too long."""
    line = " ".join(f"{failure.code}: {failure.message}".split())
    return line if len(line) <= LONGEST_ERROR else f"{line[: LONGEST_ERROR - 1]}…"


class Nowhere:
    """Implements ``ports.Ledger``: nobody is to pay for these calls as for a client's."""

    def record(self, journey: Journey) -> None: ...
