"""Climbs a held cascade in the background: what it would have served, were it at work.

    climb ─ Ascent, from the rung that was held ─ accepted below the last rung: a candidate
                                                └ the last rung is reached: nothing went down

The cascade's regret is over what it accepts. An answer that its checks turn down is no downgrade:
the request would have climbed to the last rung, which has answered it. So the last rung is never
called here; where a climb reaches it, there is nothing to compare.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from decimal import Decimal

from msgspec import Struct

from stepdown.ascent import Ascent
from stepdown.calls import Call
from stepdown.cascade.plan import Cascade
from stepdown.errors import StepdownError, UpstreamTimedOut
from stepdown.pipeline import Pipeline
from stepdown.ports import Fleet, Grader
from stepdown.quality.shadow.calls import Nowhere, Told, in_a_line
from stepdown.quality.shadow.excluded import asked_again
from stepdown.quality.shadow.kept import Transcripts, read
from stepdown.quality.shadow.money import Calling
from stepdown.types import Attempt, Choice, Journey, Request, Role, Usage

Learn = Callable[[str, Request, Usage], None]
"""Takes note of what a call to a model used."""


class Climb(Struct, frozen=True):
    """A cascade that was held, from which rung of the ladder it would have begun.

    ``reference_seconds`` is how long the last rung took until it answered: a hedge beside a slow
    cheap rung would have been there after as long.
    """

    cascade: Cascade
    ladder: tuple[str, ...]
    start: int
    reference_seconds: float = 0.0

    def calls(self) -> list[Calling]:
        """All calls that it may take below the last rung, those of graders among them.

        A grader that does not say how many ``samples`` it asks for is taken to ask once.
        """
        rungs = self.ladder[self.start : -1]
        found = [Calling(model) for model in rungs]
        for model in rungs:
            for grader in self.cascade.graders:
                found += _grading(grader, model)
        return found


def _grading(grader: Grader, model: str) -> list[Calling]:
    own = getattr(grader, "model", None)
    if isinstance(own, str):
        return [Calling(own, about=model)]
    return [Calling(model)] * max(1, getattr(grader, "samples", 2) - 1)


class Climbed(Struct, frozen=True):
    """``rung``'s answer was accepted, and ``told`` has it; None where none was.

    ``told.error`` then says why no rung below the last answered at all; it is empty where answers
    were turned down. ``told`` has what all calls cost together, but for its ``cost``.
    """

    rung: int | None
    told: Told


class Climber:
    """Makes the climbs. ``timeout``: seconds for one. A call that fails is not tried again: the
    cascade would have gone on to the next rung."""

    def __init__(self, fleet: Fleet, transcripts: Transcripts, timeout: float) -> None:
        self._pipeline = Pipeline({}, fleet, Nowhere())
        self._transcripts = transcripts
        self._timeout = timeout

    async def climb(self, climb: Climb, request: Request, learn: Learn) -> Climbed:
        """What would have been served below the last rung. Raises nothing that a call raises."""
        again = asked_again(request, climb.ladder[climb.start])
        journey = Journey(again, started=time.monotonic(), time=time.time(), attempts=[])
        below = _BelowTheLast(self._pipeline, climb, learn)
        ear = _Ear()
        ascent = Ascent(below, journey, climb.cascade, climb.ladder, ear)
        error = ""
        try:
            async with asyncio.timeout(self._timeout):
                await ascent.run(climb.start)
            choice = read(self._transcripts, ear.body, streamed=False)
        except _LastRung:
            return Climbed(None, _told(journey, error=_unanswered(journey.attempts)))
        except TimeoutError:
            error = f"{UpstreamTimedOut.code}: no answer within {self._timeout:g} s"
        except StepdownError as failure:
            error = in_a_line(failure)
        else:
            served = journey.served
            assert served is not None
            return Climbed(served.rung, _told(journey, choice, served))
        return Climbed(None, _told(journey, error=error))


def _told(
    journey: Journey, choice: Choice | None = None, served: Attempt | None = None, error: str = ""
) -> Told:
    """Calls that were broken off count as the gateway estimates them, as everywhere."""
    ended = [attempt for attempt in journey.attempts if attempt.usage is not None]
    known = [attempt.cost for attempt in ended if attempt.cost is not None]
    timed_out = sum(
        attempt.usage is None and attempt.error == UpstreamTimedOut.code
        for attempt in journey.attempts
    )
    return Told(
        choice,
        cost=None if served is None else served.cost,
        spent=sum(known, Decimal(0)),
        unknown=len(ended) - len(known) + timed_out,
        error=error,
    )


def _unanswered(attempts: Sequence[Attempt]) -> str:
    """Why no rung answered; nothing where one did and was turned down, or was overtaken."""
    answers = [attempt for attempt in attempts if attempt.role == "answer"]
    if any(attempt.error in (None, "cancelled") for attempt in answers):
        return ""
    last = answers[-1].error if answers else "no_deployment"
    return f"{last}: no rung below the last answered"


class _LastRung(Exception):
    """The climb wants the last rung, or the last rung was faster."""


class _BelowTheLast:
    """Implements ``ascent.Caller``: makes the calls of all rungs but the last."""

    def __init__(self, pipeline: Pipeline, climb: Climb, learn: Learn) -> None:
        self._pipeline = pipeline
        self._top = len(climb.ladder) - 1
        hedged = climb.cascade.patience.hedge_after is not None
        self._wait = climb.reference_seconds if hedged else 0.0
        self._learn = learn
        self._asked: dict[int, str] = {}
        """The models of calls that began, under the names by which they were asked for."""

    async def begin(
        self,
        journey: Journey,
        request: Request,
        model: str,
        *,
        rung: int | None = None,
        role: Role = "answer",
        alone: bool = False,
    ) -> Call:
        if rung == self._top and role == "answer":
            await asyncio.sleep(self._wait)
            raise _LastRung
        call = await self._pipeline.begin(
            journey, request, model, rung=rung, role=role, alone=alone
        )
        self._asked[id(call)] = model
        return call

    def end(self, journey: Journey, call: Call, error: BaseException | None = None) -> None:
        ended = call.attempt.ended is not None
        self._pipeline.end(journey, call, error)
        usage = call.attempt.usage
        if not ended and usage is not None and not call.attempt.estimated:
            self._learn(self._asked[id(call)], call.request, usage)

    def settle(self, journey: Journey, call: Call) -> None:
        self._pipeline.settle(journey, call)

    async def serve(self, journey: Journey, call: Call, client: object) -> None:
        raise AssertionError("only the last rung's answer is served as it comes")


class _Ear:
    """Implements ``ports.Client``: keeps the accepted answer."""

    def __init__(self) -> None:
        self.body = b""

    async def answer(self, journey: Journey, body: bytes) -> None:
        self.body = body

    async def open_stream(self, journey: Journey) -> None: ...

    async def write(self, data: bytes) -> None: ...

    async def close_stream(self) -> None: ...
