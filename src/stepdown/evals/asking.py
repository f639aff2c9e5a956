"""Asks models in bulk: each call is made once, kept at once, and never made again.

    ask ─ known? ─ under way already? ─ a free slot ─ the budget ─ the call ─ kept

A call that has begun is finished and kept, even where whoever asked is gone: it is paid for. Only
``Stop.break_off`` and leaving the asker by a cancellation give it up.
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterable
from decimal import Decimal
from types import TracebackType
from typing import Self

from msgspec import Struct, structs

from stepdown.errors import ConfigError, NoDeployment, UpstreamFailed
from stepdown.evals.account import Account
from stepdown.evals.budget import Budget
from stepdown.evals.calls import Call
from stepdown.evals.keys import call_key
from stepdown.evals.report import Spent
from stepdown.evals.stopping import Stop, Stopped
from stepdown.evals.store import Store, Stored
from stepdown.names import known_names
from stepdown.ports import Fleet, Price
from stepdown.types import Choice, Request, Role, Usage

SHORTEST_PAUSE = 0.05
"""Seconds at least before a call that no deployment could take is tried again."""
_UNWANTED = "Nobody waits for the answer any more."


class Answer(Struct, frozen=True):
    """What a model said. ``error`` says why there are no choices.

    ``cost`` is US dollars at today's price, None where usage or price are unknown; for a ``cached``
    answer it is what the call would cost. ``seconds`` is how long the call took when it was made.
    """

    choices: tuple[Choice, ...]
    usage: Usage | None
    cost: Decimal | None
    seconds: float
    error: str | None
    cached: bool

    @property
    def choice(self) -> Choice | None:
        """The first one, or None."""
        return self.choices[0] if self.choices else None


class _Flight(Struct, eq=False):
    """A call that is wanted by so many, and begun or not."""

    key: bytes
    model: str
    request: Request
    role: Role
    task: "asyncio.Task[Answer] | None" = None
    wanted: int = 0
    begun: bool = False


class Asker:
    """Asks the models of a fleet, so many at once. An asynchronous context manager.

    ``identity`` names the upstreams behind a model (their names for it and their base URLs, no
    keys): where it changes, earlier answers are not used. Answers under another ``salt`` are not
    used either. ``dearest`` gives a price that no deployment of a model exceeds, for the budget;
    None where one is unknown. By default it is the fleet's price, which is that of the cheapest.

    The fleet should have no fallbacks, which answer in another model's name, and no cooldowns,
    which make calls wait for others' failures.
    """

    def __init__(
        self,
        fleet: Fleet,
        store: Store,
        identity: Callable[[str], str],
        *,
        salt: str = "",
        concurrency: int = 8,
        budget: Budget | None = None,
        stop: Stop | None = None,
        dearest: Callable[[str], Price | None] | None = None,
    ) -> None:
        self._fleet = fleet
        self._store = store
        self.identity = identity
        self._salt = salt
        self._slots = asyncio.Semaphore(concurrency)
        self._account = Account(budget, fleet.price if dearest is None else dearest)
        self._stop = Stop() if stop is None else stop
        self._stop.when_broken_off(self._break_off)
        self._flights: dict[bytes, _Flight] = {}

    @property
    def spent(self) -> Spent:
        """What this run has cost so far; the judges' calls and cost are counted apart.

        ``failed`` counts answers that are failures, those from the cache included. ``unpriced``
        are calls whose cost is not wholly known.
        """
        return self._account.spent

    def check(self, models: Iterable[str]) -> None:
        """Raises ConfigError for models that are not there or, with a budget, have no price."""
        problems: list[str] = []
        for model in dict.fromkeys(models):
            if not self._fleet.serves(model):
                hint = known_names(model, self._fleet.models())
                problems.append(f"there is no model {model!r} that can be asked.{hint}")
            elif (problem := self._account.problem(model)) is not None:
                problems.append(problem)
        if problems:
            raise ConfigError(problems)

    async def ask(
        self, model: str, request: Request, role: Role = "answer", sample: int = 0
    ) -> Answer:
        """The model's answer, or how it failed; from the store where it is known.

        The request's own model and ``stream`` do not count. ``sample`` numbers the calls of role
        ``sample``: equal requests of other numbers are other calls. Raises Stopped, OutOfBudget
        (neither is a StepdownError: they are no way for a call to fail), AnswersUnavailable, and
        ConfigError or UnknownModel for what ``check`` finds.
        """
        number = sample if role == "sample" else None
        key = call_key(request, self.identity(model), salt=self._salt, sample=number)
        stored = self._store.get(key)
        if stored is not None:
            return self._given(self._answer(model, request, stored, cached=True))
        flight = self._flights.get(key)
        first = flight is None
        if flight is None:
            self._stop.check()
            flight = self._begin(_Flight(key, model, request, role))
        answer = await self._landed(flight)
        if first:
            return answer
        return self._given(structs.replace(answer, cached=True))

    # ── calls under way ──────────────────────────────────────────────────────────────────────

    def _begin(self, flight: _Flight) -> _Flight:
        def ended(task: asyncio.Task[Answer]) -> None:
            self._forget(flight)
            if not task.cancelled():
                task.exception()  # looked at, whether or not anybody waits for it

        flight.task = asyncio.get_running_loop().create_task(self._fly(flight))
        flight.task.add_done_callback(ended)
        self._flights[flight.key] = flight
        return flight

    def _forget(self, flight: _Flight) -> None:
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]

    async def _landed(self, flight: _Flight) -> Answer:
        """Wait for a call; one that nobody waits for any more is not begun."""
        task = flight.task
        assert task is not None
        flight.wanted += 1
        try:
            await asyncio.wait([task])
        finally:
            flight.wanted -= 1
            if not flight.wanted and not flight.begun:
                self._forget(flight)
                task.cancel()
        if task.cancelled():
            raise Stopped(self._stop.reason or _UNWANTED)
        return task.result()

    async def _fly(self, flight: _Flight) -> Answer:
        while flight.wanted:
            async with self._slots:
                self._stop.check()
                stored = self._store.get(flight.key)
                if stored is not None:  # another process asked meanwhile
                    answer = self._answer(flight.model, flight.request, stored, cached=True)
                    return self._given(answer)
                call = await self._call(flight)
                pause = _pause(call)
                if pause is None:
                    return self._keep(flight, call)
            await self._stop.pause(pause)
        raise Stopped(_UNWANTED)

    async def _call(self, flight: _Flight) -> Call:
        reserved = await self._account.reserve(flight.model, flight.request)
        call = Call(flight.model, flight.request)
        flight.begun = True
        try:
            self._stop.check()  # it may have waited for money
            await call.make(self._fleet)
        finally:
            flight.begun = False
            self._account.settle(call, flight.role, reserved)
        return call

    # ── what came of them ────────────────────────────────────────────────────────────────────

    def _keep(self, flight: _Flight, call: Call) -> Answer:
        self._check_who_answered(call)
        stored = Stored(
            choices=call.choices,
            usage=call.usage,
            seconds=call.seconds,
            error=call.error,
            model=call.served_by or call.model,
            role=flight.role,
            at=time.time(),
        )
        if call.is_final:
            self._store.put(flight.key, stored)
        return self._given(self._answer(flight.model, flight.request, stored, cached=False))

    def _check_who_answered(self, call: Call) -> None:
        """A fallback's answer is not the model's. An alias and its model are the same."""
        other = call.served_by
        if other is None or call.failure is not None:
            return
        if other != call.model and self.identity(other) != self.identity(call.model):
            call.failure = UpstreamFailed(f"It was answered by {other}, not {call.model}.")

    def _answer(self, model: str, request: Request, stored: Stored, *, cached: bool) -> Answer:
        usage, price = stored.usage, self._fleet.price(model)
        self._account.learn(model, request, usage)
        cost = None if price is None or usage is None else price.cost(usage)
        return Answer(stored.choices, usage, cost, stored.seconds, stored.error, cached)

    def _given(self, answer: Answer) -> Answer:
        self._account.count(cached=answer.cached, failed=answer.error is not None)
        return answer

    # ── its life ─────────────────────────────────────────────────────────────────────────────

    def _break_off(self, *, but_begun: bool = False) -> None:
        for flight in list(self._flights.values()):
            if flight.task is not None and not (but_begun and flight.begun):
                flight.task.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for the calls that have begun; give them up where this is cancelled."""
        try:
            await self._end(at_once=isinstance(error, asyncio.CancelledError))
        finally:
            self._stop.forget(self._break_off)

    async def _end(self, *, at_once: bool) -> None:
        self._break_off(but_begun=not at_once)
        tasks = [flight.task for flight in self._flights.values() if flight.task is not None]
        if not tasks:
            return
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError:
            self._break_off()
            await asyncio.wait(tasks)
            raise


def _pause(call: Call) -> float | None:
    """Seconds to wait before asking, where nobody could be asked yet; None where it is over."""
    failure = call.failure
    if call.was_made or not isinstance(failure, NoDeployment) or failure.retry_after is None:
        return None
    if not math.isfinite(failure.retry_after):
        return None
    return max(failure.retry_after, SHORTEST_PAUSE)
