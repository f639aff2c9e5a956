"""Keeps what is guarded: tells the routes where their rules stand, and has the evidence assessed.

    look ─ assess (a thread: ``assessor``) ─ show: each route's view, replaced whole ─ tell
                                                                      (``alarms``: and tell again)

Every replica looks every few seconds, so that a change by one of them, or by hand, reaches all.
Until it has looked once, a route sends nothing down: nobody knows yet what has been shown bad.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from stepdown.quality.evidence import Counts
from stepdown.quality.guard.alarms import Alarms, Teller, is_alarm
from stepdown.quality.guard.assessor import Assessed, Assessor, Events, standing_of
from stepdown.quality.guard.recorded import cause_of
from stepdown.quality.guard.wards import Ward
from stepdown.quality.records.events import GuardEvent
from stepdown.quality.records.guard_store import GuardStore
from stepdown.routing.guarded import Guarded, GuardView, State, view_of
from stepdown.storage.address import Address, DatabaseUnavailable

log = logging.getLogger("stepdown.guard")

INTERVAL = 2.0
"""Seconds between two looks."""
IDLE = 20
LONGEST_IDLE = 60.0
"""Evidence that takes long to read is read less often: IDLE times as long lies between, but no more
seconds than these."""
LEAVE = 10.0
"""Seconds that a look gets to finish when the server stops."""
_DAY = 86_400


class Route(Protocol):
    """What is told where its rules stand."""

    guard: GuardView | None


class WardStatus(Struct, frozen=True):
    """Where a ward stands, since when (seconds since 1970; None: from the beginning) and why.

    ``pairs`` and ``regrets`` are the scored ones of its present stint.
    """

    route: str
    rule: str
    key: str
    state: State
    epoch: int
    since: float | None
    why: str
    pairs: int
    regrets: int


class Status(Struct, frozen=True):
    """``events`` counts those that this process wrote, by cause. ``last_look`` is in seconds since
    1970; ``error`` says why the evidence cannot be read."""

    wards: tuple[WardStatus, ...]
    events: Mapping[str, int]
    failures: int
    error: str | None
    last_look: float | None


class Keeper:
    """One process's keeper, over the database that all of them share.

    ``clock`` gives seconds since 1970. ``alarms`` tells people, ``spent`` is told what all of them
    have spent on shadows today (UTC), in US dollars by reason.
    """

    def __init__(
        self,
        address: Address,
        *,
        interval: float = INTERVAL,
        clock: Callable[[], float] = time.time,
        alarms: Alarms | None = None,
        spent: Callable[[Mapping[str, Decimal]], None] | None = None,
    ) -> None:
        self._store = GuardStore(address)
        self._assessor = Assessor(self._store, clock)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="stepdown-guard")
        self._interval = interval
        self._clock = clock
        self._teller = Teller(self._store, clock, alarms)
        self._spent = spent
        self._wards: tuple[Ward, ...] = ()
        self._follows = True
        self._routes: Mapping[str, Route] = {}
        self._events: Events | None = None
        self._counts: Mapping[str, Counts] = {}
        self._assess_due = 0.0
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._tried = asyncio.Event()
        self._written = Counter[str]()
        self._failures = 0
        self._error: str | None = None
        self._last_look: float | None = None

    # ── from start to end ────────────────────────────────────────────────────────────────────

    def guard(
        self, wards: Sequence[Ward], routes: Mapping[str, Route], *, follow: bool = True
    ) -> None:
        """Guard these from now on, and tell their routes what is known. On the event loop.

        Without ``follow``, states change by hand only.
        """
        self._wards, self._routes, self._follows = tuple(wards), routes, follow
        self._assess_due = 0.0
        self._show()

    def start(self) -> None:
        """Begin to look, once."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def aclose(self) -> None:
        self._stopping.set()
        task, self._task = self._task, None
        if task is not None:
            _, late = await asyncio.wait({task}, timeout=LEAVE)
            for each in late:
                each.cancel()
        self._teller.collect()
        self._thread.submit(self._leave)
        await asyncio.to_thread(self._thread.shutdown)

    def _leave(self) -> None:
        """In the thread."""
        with suppress(DatabaseUnavailable):
            self._teller.note()
        self._store.close()

    @property
    def tried(self) -> bool:
        """Whether it has looked, or found that it cannot."""
        return self._tried.is_set()

    async def has_tried(self, patience: float) -> None:
        """Wait until it has, but no more than so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._tried.wait()

    async def _run(self) -> None:
        while not self._stopping.is_set():
            await self.look(paced=True)
            try:
                async with asyncio.timeout(self._interval):
                    await self._stopping.wait()
            except TimeoutError:
                continue

    # ── a look ───────────────────────────────────────────────────────────────────────────────

    async def look(self, *, paced: bool = False) -> None:
        """Look once; ``paced``: assess the evidence only where it is time to.

        Raises nothing: where the database is away, all stays as it is.
        """
        before = self._events
        loop = asyncio.get_running_loop()
        wards = () if paced and time.monotonic() < self._assess_due else self._wards
        self._teller.collect()
        try:
            assessed, day, spent = await loop.run_in_executor(self._thread, self._read, wards)
        except DatabaseUnavailable as error:
            self._failed(error.message)
        except Exception as error:
            log.exception("The guard's look failed.")
            self._failed(f"{type(error).__name__}: {error}")
        else:
            self._events, self._counts = assessed.events, assessed.counts or self._counts
            self._show()
            self._succeeded()
            if self._spent is not None and day == self._today():
                self._spent(spent)
        finally:
            self._tell(before)
            self._teller.tell_again()

    def _read(self, wards: Sequence[Ward]) -> tuple[Assessed, int, Mapping[str, Decimal]]:
        """In the thread. Raises DatabaseUnavailable."""
        self._store.open()  # a new one takes a second or two, which is not the evidence's weight
        self._teller.look()
        began = time.monotonic()
        assessed = self._assessor.assess(wards, follow=self._follows)
        ended = time.monotonic()
        if wards:
            self._assess_due = ended + min((ended - began) * IDLE, LONGEST_IDLE)
        day = self._today()
        spent = {} if self._spent is None else self._store.spent(day * _DAY)
        return assessed, day, spent

    def _today(self) -> int:
        return int(self._clock() // _DAY)

    # ── what the routes are told ─────────────────────────────────────────────────────────────

    def _show(self) -> None:
        rules: dict[str, dict[str, Guarded]] = {}
        for ward in self._wards:
            told = rules.setdefault(ward.route, {})
            if self._events is not None:
                standing = standing_of(ward, self._events)
                told[ward.rule] = Guarded(standing.state, standing.key, standing.stint)
        for name, told in rules.items():
            view = view_of(told) if self._events is not None else nothing_known(self._wards, name)
            self._routes[name].guard = view

    # ── what people are told ─────────────────────────────────────────────────────────────────

    def _tell(self, before: Events | None) -> None:
        written, self._assessor.written = self._assessor.written, []
        for event in written:
            cause = cause_of(event)
            self._written[cause] += 1
            log.log(logging.WARNING if is_alarm(event) else logging.INFO, _LINE, *_words(event))
            self._teller.tell(event)
        if before is None or self._events is None:
            return
        mine = {(event.key, event.seq) for event in written}
        for ward in self._wards:
            latest, known = self._events.get(ward.key), before.get(ward.key)
            if latest is None or (latest.key, latest.seq) in mine:
                continue
            if known is None or latest.seq > known.seq:
                log.info(_LINE, *_words(latest))

    def _failed(self, error: str) -> None:
        if self._error is None:
            log.error("The guard's evidence is out of reach; all stays as it is. %s", error)
        self._failures += 1
        self._error = error
        self._tried.set()

    def _succeeded(self) -> None:
        if self._error is not None:
            log.warning("The guard's evidence is within reach again.")
        self._error = None
        self._last_look = self._clock()
        self._tried.set()

    def status(self) -> Status:
        """How things stand now, as far as this process knows."""
        events = self._events or {}
        wards = tuple(self._status(ward, events) for ward in self._wards)
        return Status(wards, dict(self._written), self._failures, self._error, self._last_look)

    def _status(self, ward: Ward, events: Events) -> WardStatus:
        event, standing = events.get(ward.key), standing_of(ward, events)
        counts = self._counts.get(ward.key, Counts())
        return WardStatus(
            ward.route,
            ward.rule,
            ward.key,
            standing.state,
            standing.epoch,
            None if event is None else event.time,
            "" if event is None else event.why,
            counts.pairs,
            counts.regrets,
        )


def nothing_known(wards: Iterable[Ward], route: str) -> GuardView:
    """The view in which a route sends nothing down, and no pair counts for anything."""
    return GuardView({}, frozenset(ward.rule for ward in wards if ward.route == route))


_LINE = "The guard of route %r: rule %r is %s, after %s; %s by %s: %s"


def _words(event: GuardEvent) -> tuple[str, ...]:
    return (
        event.route,
        event.rule,
        event.to_state,
        event.from_state,
        cause_of(event) or "changed",
        event.who,
        event.why,
    )
