"""Drives a climb over the network: makes the calls that it wishes for, and serves what it chose.

The climb decides (``cascade/climb.py``); here is the waiting. Every call runs in a task of its own
that puts what comes into one bounded queue, so a cheap call and the hedge beside it are heard in
the order in which they speak.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Protocol

from msgspec import Raw, Struct, field, structs

from stepdown.calls import Call, total
from stepdown.cascade.climb import asks_logprobs, climb
from stepdown.cascade.plan import Cascade
from stepdown.cascade.steps import (
    Ask,
    Began,
    Begin,
    Broke,
    Done,
    Drop,
    Event,
    Lapsed,
    Listen,
    Ready,
    Said,
    Served,
    Step,
    Told,
)
from stepdown.errors import StepdownError
from stepdown.ports import Client, Transcript
from stepdown.types import ACCEPTED, Attempt, Choice, Journey, Request, Role

QUEUE = 64
"""Events that may wait to be heard, before the upstreams have to."""
KEEP_ALIVE = b": stepdown is checking the answer\n\n"

monotonic = time.monotonic


class Caller(Protocol):
    """Whoever makes the calls: the pipeline."""

    async def begin(
        self,
        journey: Journey,
        request: Request,
        model: str,
        *,
        rung: int | None = None,
        role: Role = "answer",
        alone: bool = False,
    ) -> Call: ...

    def end(self, journey: Journey, call: Call, error: BaseException | None = None) -> None: ...

    def settle(self, journey: Journey, call: Call) -> None: ...

    async def serve(self, journey: Journey, call: Call, client: Client) -> None: ...


class Heard(Struct, frozen=True):
    """What a rung's task tells: an event, or what nobody expected, and the bytes that it is of."""

    rung: int
    event: Event | Exception
    shown: bytes = b""


class Rung(Struct):
    """A rung that was called: its task, and what came of it so far."""

    task: asyncio.Task[None] | None = None
    call: Call | None = None
    transcript: Transcript | None = None
    heard: list[bytes] = field(default_factory=list[bytes])
    dropped: bool = False


class Ascent:
    """One request's way up the ladder."""

    def __init__(
        self,
        calls: Caller,
        journey: Journey,
        cascade: Cascade,
        ladder: Sequence[str],
        client: Client,
    ) -> None:
        self._calls = calls
        self._journey = journey
        self._cascade = cascade
        self._ladder = ladder
        self._client = client
        self._streams = journey.request.streams
        self._rungs: dict[int, Rung] = {}
        self._events: asyncio.Queue[Heard] = asyncio.Queue(QUEUE)
        self._spoke = monotonic()

    async def run(self, start: int) -> None:
        """Answer the client. Raises StepdownError where there is no answer to serve."""
        try:
            await self._serve(await self._climb(start))
        except StepdownError:
            if self._journey.served is None:
                self._claim_nothing()
            raise
        finally:
            await self._stop()

    async def _climb(self, start: int) -> Served:
        climbing = climb(self._cascade, self._journey.sent, start, len(self._ladder) - 1)
        step = next(climbing)
        while True:
            event = await self._take(step)
            try:
                step = climbing.send(event)
            except StopIteration as end:
                served: Served = end.value
                return served

    async def _take(self, step: Step) -> Event:
        """Do what the climb wants next; what came of it."""
        match step:
            case Listen():
                return await self._listen(step.seconds)
            case Begin():
                self._begin(step)
            case Drop():
                await self._drop(step)
            case Ask():
                choices = await self._ask(step)
                return Told(monotonic(), choices)
        return Began(monotonic())

    # ── calls ────────────────────────────────────────────────────────────────────────────────

    def _begin(self, step: Begin) -> None:
        rung = self._rungs[step.rung] = Rung()
        rung.task = asyncio.get_running_loop().create_task(self._call(step, rung))

    async def _call(self, step: Begin, rung: Rung) -> None:
        """One rung's call, from its beginning to the event that ends it."""
        try:
            if step.final:
                rung.call = await self._calls.begin(
                    self._journey, step.request, self._ladder[step.rung], rung=step.rung
                )
                event: Event | Exception = Ready(monotonic(), step.rung)
            else:
                choices = await self._read(step, rung)
                event = Done(monotonic(), step.rung, choices)
        except StepdownError as error:
            event = Broke(monotonic(), step.rung, error)
        except Exception as error:  # noqa: BLE001  whoever listens raises it
            event = error
        await self._events.put(Heard(step.rung, event))

    async def _read(self, step: Begin, rung: Rung) -> Sequence[Choice]:
        """Call a rung whose answer is checked; tell what it says, return all of it."""
        journey = self._journey
        request = _streamed(step.request) if step.watched else step.request
        call = rung.call = await self._calls.begin(
            journey, request, self._ladder[step.rung], rung=step.rung, alone=True
        )
        try:
            hides = asks_logprobs(request) and not asks_logprobs(journey.request)
            transcript = rung.transcript = call.transcript(hide_logprobs=hides)
            shown = call.body
            while shown:
                pieces = transcript.feed(shown)
                if call.tap is not None:
                    said = Said(monotonic(), step.rung, pieces)
                    await self._events.put(Heard(step.rung, said, shown))
                shown = await call.more()
        except BaseException as error:
            self._calls.end(journey, call, error)
            raise
        self._calls.end(journey, call)
        return transcript.choices

    async def _ask(self, ask: Ask) -> Sequence[Choice | None]:
        """A grader's calls, made at once; None for each that failed or was not done in time."""
        if not ask.requests:
            return ()
        loop, model = asyncio.get_running_loop(), ask.model or self._ladder[ask.rung]
        calls = [loop.create_task(self._graded(ask, model, each)) for each in ask.requests]
        end = None if ask.seconds is None else monotonic() + ask.seconds
        try:
            pending = set(calls)
            while pending and (end is None or monotonic() < end):
                _, pending = await asyncio.wait(
                    pending, timeout=self._pause(end), return_when=asyncio.FIRST_EXCEPTION
                )
                ended = [call.exception() for call in calls if call.done()]
                if any(ended):  # each was looked at, so asyncio complains of none
                    break
                await self._keep_alive()
            return [call.result() if call.done() else None for call in calls]
        finally:
            await _cancel(calls)

    async def _graded(self, ask: Ask, model: str, request: Request) -> Choice | None:
        journey = self._journey
        try:
            call = await self._calls.begin(
                journey, request, model, rung=ask.rung, role=ask.role, alone=True
            )
            try:
                transcript = call.transcript()
                shown = call.body
                while shown:
                    transcript.feed(shown)
                    shown = await call.more()
            except BaseException as error:
                self._calls.end(journey, call, error)
                raise
            self._calls.end(journey, call)
        except StepdownError:
            return None  # the attempt is on the journey, with its error
        return next(iter(transcript.choices), None)

    # ── what they say ────────────────────────────────────────────────────────────────────────

    async def _listen(self, seconds: float | None) -> Event:
        """The next event of a rung that still counts, within so many seconds."""
        end = None if seconds is None else monotonic() + seconds
        while True:
            if end is not None and monotonic() >= end and self._events.empty():
                return Lapsed(monotonic())
            event = await self._next(self._pause(end))
            if event is not None:
                return event

    async def _next(self, seconds: float | None) -> Event | None:
        """The next event, or None where it was of a dropped rung or did not come in time."""
        try:
            async with asyncio.timeout(seconds):
                heard = await self._events.get()
        except TimeoutError:
            await self._keep_alive()
            return None
        rung = self._rungs[heard.rung]
        if rung.dropped:
            return None
        if isinstance(heard.event, Exception):
            raise heard.event
        if self._streams and self._cascade.stream == "optimistic":
            rung.heard.append(heard.shown)
        return heard.event

    def _pause(self, end: float | None) -> float | None:
        """Seconds to wait at most: until then, or until the client has to hear something."""
        waits = [] if end is None else [end]
        if self._streams:
            waits.append(self._spoke + self._cascade.keep_alive)
        return max(0.0, min(waits) - monotonic()) if waits else None

    async def _keep_alive(self) -> None:
        """Tell a client that has waited long for a stream's first byte that somebody is at work."""
        if not self._streams or monotonic() < self._spoke + self._cascade.keep_alive:
            return
        self._spoke = monotonic()
        await self._client.open_stream(self._journey)
        await self._client.write(KEEP_ALIVE)

    async def _drop(self, step: Drop) -> None:
        rung = self._rungs[step.rung]
        rung.dropped = True
        await _cancel([rung.task])
        call = rung.call
        if call is None:
            attempt = self._last_attempt(step.rung)
        else:
            self._calls.end(self._journey, call, asyncio.CancelledError())
            attempt = call.attempt
        if attempt is None or attempt.error not in (None, "cancelled"):
            return  # never called, or failed by itself before it could be dropped
        attempt.verdict, attempt.reason, attempt.early = step.verdict, step.reason, step.early
        attempt.error = None

    def _last_attempt(self, rung: int) -> Attempt | None:
        for attempt in reversed(self._journey.attempts):
            if attempt.rung == rung and attempt.role == "answer":
                return attempt
        return None

    def _claim_nothing(self) -> None:
        """Without an answer nothing is saved: the reference has cost what the last rung did."""
        top = len(self._ladder) - 1
        attempts = self._journey.attempts
        asked = [each for each in attempts if each.rung == top and each.usage is not None]
        self._journey.reference_cost = total(asked) if asked else Decimal(0)

    async def _stop(self) -> None:
        """Break off what is still under way."""
        rungs = self._rungs.values()
        for rung in rungs:
            if rung.call is not None:
                self._calls.end(self._journey, rung.call, asyncio.CancelledError())
        await _cancel([rung.task for rung in rungs])

    # ── the answer ───────────────────────────────────────────────────────────────────────────

    async def _serve(self, served: Served) -> None:
        journey, client = self._journey, self._client
        rung = self._rungs[served.rung]
        call = rung.call
        assert call is not None
        journey.served = call.attempt
        self._calls.settle(journey, call)
        if served.passed:
            call.attempt.verdict = ACCEPTED
        if rung.transcript is None:
            await self._calls.serve(journey, call, client)
        elif not self._streams:
            await client.answer(journey, rung.transcript.body(call.attempt.usage))
        else:
            if served.whole:
                wanted = journey.request.prompt.wants_usage
                shown = rung.transcript.events(with_usage=wanted)
            else:
                shown = b"".join(rung.heard)
            await client.open_stream(journey)
            await client.write(shown)
            if not served.whole:
                await self._pass_on(served.rung)
            await client.close_stream()

    async def _pass_on(self, rung: int) -> None:
        """The rest of a stream whose checks can no longer fail."""
        while True:
            heard = await self._events.get()
            if heard.rung != rung:
                continue
            match heard.event:
                case Said():
                    if heard.shown:
                        await self._client.write(heard.shown)
                case Done():
                    return
                case Broke(error=error):
                    raise error
                case Exception() as error:
                    raise error
                case _:
                    raise AssertionError(f"a stream cannot tell this: {heard.event}")


def _streamed(request: Request) -> Request:
    """The same request with its answer as a stream, so that it can be dropped early."""
    if request.streams:
        return request
    return structs.replace(
        request,
        prompt=structs.replace(request.prompt, stream=True, stream_options=None),
        fields={**request.fields, "stream": Raw(b"true")},
    )


async def _cancel(tasks: Iterable[asyncio.Task[Any] | None]) -> None:
    """Cancel all of them, then wait until they have cleaned up."""
    running = [task for task in tasks if task is not None and not task.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)
