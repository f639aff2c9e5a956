"""The climb: try a rung, check its answer, go up where it does not hold. A generator, no I/O.

``climb`` yields the steps it wants (``steps.py``) and is sent what came of each; it returns what
to serve. The gateway drives it over HTTP (``ascent.py``), replay over recorded replies
(``replay.py``), and a test by hand.
"""

from collections.abc import Generator

from msgspec import DecodeError, Raw, json, structs

from stepdown.cascade.checks import Checks, Rejection, Watcher
from stepdown.cascade.plan import Cascade
from stepdown.cascade.steps import (
    Ask,
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
from stepdown.types import Request

Climbing = Generator[Step, Event, Served]


def climb(cascade: Cascade, request: Request, start: int, top: int) -> Climbing:
    """From the rung ``start``, up to ``top`` at most; what to serve.

    Raises the last rung's error where it fails: a rejected answer is served instead only where
    the cascade says so (``serve_best_effort``).
    """
    return _Climb(cascade, request, top).from_rung(start)


class _Climb:
    """One request's climb."""

    def __init__(self, cascade: Cascade, request: Request, top: int) -> None:
        self.cascade = cascade
        self.request = request
        self.top = top
        self.checks = Checks(cascade, request)
        self.checked = with_logprobs(request, self.checks.top_logprobs)
        self.best: int | None = None
        self.hedged = False
        self.failure: StepdownError | None = None

    def from_rung(self, start: int) -> Climbing:
        for rung in range(start, self.top):
            served = yield from self._try(rung)
            if served is not None:
                return served
            if self.hedged:
                break
        return (yield from self._last())

    # ── a rung below the last ────────────────────────────────────────────────────────────────

    def _try(self, rung: int) -> Generator[Step, Event, Served | None]:
        """Call one rung and check it; None where the climb goes on."""
        watcher = self.checks.watcher() if self.cascade.early_drop or self._optimistic else None
        watched = watcher is not None or self.cascade.patience.first_byte is not None
        began = (yield Begin(rung, self.checked, watched=watched)).at
        now, heard = began, False
        while True:
            event = yield Listen(self._seconds_left(now - began, heard))
            now = event.at
            heard = heard or isinstance(event, Said)
            match self._react(rung, event, watcher, now - began, heard):
                case Done() as answer:
                    return (yield from self._weigh(answer, began))
                case Served() as served:
                    yield from self._call_off_hedge()
                    return served
                case Begin() as hedge:
                    yield hedge
                case Drop() as drop:
                    yield drop
                    return Served(self.top) if isinstance(event, Ready) else None
                case Broke():
                    return None
                case None:
                    pass

    def _react(
        self, rung: int, event: Event, watcher: Watcher | None, since: float, heard: bool
    ) -> Done | Served | Begin | Drop | Broke | None:
        """What an event asks for while a rung is being tried; None: listen on."""
        match event:
            case Said():
                return self._hear(event, watcher)
            case Done():
                return event
            case Ready():
                return Drop(rung, "hedge", "the last rung's answer was there first")
            case Broke(rung=broken) if broken == rung:
                return event
            case Broke(error=error):
                self.failure = error
                return None
            case Lapsed():
                return self._due(rung, since, heard)
            case _:
                raise AssertionError(f"a climb cannot be told this now: {event}")

    def _hear(self, said: Said, watcher: Watcher | None) -> Drop | Served | None:
        """Drop an answer as soon as it cannot pass; let it through once it cannot fail."""
        if watcher is None:
            return None
        rejection = watcher.feed(said.pieces)
        if rejection is None:
            passes = self._optimistic and watcher.settled
            return Served(said.rung, whole=False) if passes else None
        if not self.cascade.early_drop:
            return None
        return Drop(said.rung, rejection.name, rejection.reason, early=True)

    def _weigh(self, answer: Done, began: float) -> Generator[Step, Event, Served | None]:
        """Check a whole answer: free checks first, then those that cost a call."""
        rejection = self.checks.reject(answer.choices)
        if rejection is None:
            rejection = yield from self._grade(answer, began)
        if rejection is None:
            yield from self._call_off_hedge()
            return Served(answer.rung)
        if answer.choices:
            self.best = answer.rung
        yield Drop(answer.rung, rejection.name, rejection.reason)
        return None

    def _grade(self, answer: Done, began: float) -> Generator[Step, Event, Rejection | None]:
        """What the graders say, as far as the rung's time allows for their calls."""
        total = self.cascade.patience.total
        grading = self.checks.grade(answer.choices)
        now = answer.at
        try:
            wish = next(grading)
            while True:
                left = None if total is None else max(0.0, began + total - now)
                told = yield Ask(answer.rung, wish.requests, wish.role, wish.model, left)
                assert isinstance(told, Told)
                now = told.at
                if total is not None and now >= began + total and None in told.choices:
                    return Rejection("timeout", f"not graded after {total:g} s")
                wish = grading.send(told.choices)
        except StopIteration as end:
            rejection: Rejection | None = end.value
            return rejection

    # ── the last rung ────────────────────────────────────────────────────────────────────────

    def _last(self) -> Climbing:
        """The last rung's answer is served unchecked; a stream may go straight through."""
        if not self.hedged:
            yield Begin(self.top, self.request, final=True)
        while self.failure is None:
            event = yield Listen()
            match event:
                case Ready():
                    return Served(self.top)
                case Broke():
                    self.failure = event.error
                case _:
                    raise AssertionError(f"a climb cannot be told this now: {event}")
        if self.best is not None and self.cascade.serve_best_effort:
            return Served(self.best, passed=False)
        raise self.failure

    def _call_off_hedge(self) -> Generator[Step, Event, None]:
        if self.hedged and self.failure is None:
            yield Drop(self.top, "hedge", "the cheaper answer passed first")

    # ── time ─────────────────────────────────────────────────────────────────────────────────

    @property
    def _optimistic(self) -> bool:
        """Whether the answer may be shown before its end: as it comes, so only where it holds
        nothing that the client did not ask for."""
        shows = self.request.streams and self.cascade.stream == "optimistic" and self.checks.settle
        return shows and asks_logprobs(self.checked) == asks_logprobs(self.request)

    def _seconds_left(self, since: float, heard: bool) -> float | None:
        """Seconds until the next thing is due, or None where nothing ever is."""
        patience = self.cascade.patience
        due = [patience.total]
        if not heard:
            due.append(patience.first_byte)
        if not self.hedged:
            due.append(patience.hedge_after)
        return min((max(0.0, each - since) for each in due if each is not None), default=None)

    def _due(self, rung: int, since: float, heard: bool) -> Drop | Begin | None:
        """What the time that has passed asks for: give the rung up, or start the last beside it."""
        patience = self.cascade.patience
        if patience.total is not None and since >= patience.total:
            return Drop(rung, "timeout", f"not done after {patience.total:g} s")
        if not heard and patience.first_byte is not None and since >= patience.first_byte:
            return Drop(rung, "timeout", f"no first byte after {patience.first_byte:g} s")
        if self.hedged or patience.hedge_after is None or since < patience.hedge_after:
            return None
        self.hedged = True
        return Begin(self.top, self.request, final=True)


def with_logprobs(request: Request, alternatives: int | None) -> Request:
    """The request that also asks for log probabilities, where a check needs them."""
    if alternatives is None:
        return request
    fields = {**request.fields, "logprobs": Raw(b"true")}
    if alternatives > _asked_for(request):
        fields["top_logprobs"] = Raw(b"%d" % alternatives)
    return structs.replace(request, fields=fields)


def asks_logprobs(request: Request) -> bool:
    """Whether the answer is to come with the tokens' log probabilities."""
    return bytes(request.fields.get("logprobs", b"")) == b"true"


def _asked_for(request: Request) -> int:
    """How many alternatives of each token the client itself wants."""
    try:
        return json.decode(request.fields.get("top_logprobs", b"0"), type=int)
    except DecodeError:
        return 0
