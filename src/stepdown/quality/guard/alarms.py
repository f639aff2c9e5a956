"""Sees to it that people are told of the guard's alarms, though the process dies in between.

An event is in the record before anybody is told of it, and the record also says whom it was told
to. What is missing there is told again: at a start everything of the last day, and later what is
old enough for nobody to be at it any more. So an alarm is told once at least, and always under the
same id.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from stepdown.quality.guard.recorded import cause_of
from stepdown.quality.records.events import GuardEvent
from stepdown.quality.records.guard_store import GuardStore, Told

log = logging.getLogger("stepdown.guard")

ALARMS = ("above budget", "drift")
"""Causes of which people are told."""
LATE = 86_400.0
"""Seconds after which nobody is told of an event any more."""
UNDER_WAY = 600.0
"""Seconds for which whoever wrote an event may still be telling it."""
PACE = 60.0
"""Seconds between two looks for what has not been told."""
MOST_TOLD = 1000
"""That so many alerts were told is kept while the database is away; others are told again."""


class Alarms(Protocol):
    """Whoever tells people. All is called on the event loop."""

    def targets(self) -> Collection[str]:
        """The names of those that are to be told."""
        ...

    def tell(self, event: GuardEvent, target: str | None = None) -> None:
        """Tell a target, or all, in the background: unless it is being told of this just now."""
        ...

    def told(self) -> Sequence[Told]:
        """What was told since the last call."""
        ...


class Teller:
    """Tells of alarms, and tells again. ``clock`` gives seconds since 1970.

    ``look`` and ``note`` wait for the database: they are to be called in a thread, in turn with the
    rest, which belongs to the event loop.
    """

    def __init__(
        self, store: GuardStore, clock: Callable[[], float], alarms: Alarms | None
    ) -> None:
        self._store = store
        self._clock = clock
        self._alarms = alarms
        self._targets: Collection[str] = ()
        self._told = deque[Told](maxlen=MOST_TOLD)
        self._untold: list[tuple[GuardEvent, str]] = []
        self._began = False
        self._due = 0.0

    def tell(self, event: GuardEvent) -> None:
        """Tell everybody, where it is an alarm."""
        if self._alarms is not None and is_alarm(event):
            self._alarms.tell(event)

    def collect(self) -> None:
        """Take note of whom there is to tell, and of what was told. Before ``look`` or ``note``."""
        if self._alarms is not None:
            self._told.extend(self._alarms.told())
            self._targets = tuple(self._alarms.targets())

    def note(self) -> None:
        """Write down what was told. Raises DatabaseUnavailable."""
        told = tuple(self._told)
        if told:
            self._store.note_told(told)
            self._told.clear()

    def look(self) -> None:
        """The same, and find what was not told, where it is time to. Raises DatabaseUnavailable."""
        self.note()
        if not self._targets or time.monotonic() < self._due:
            return
        now = self._clock()
        self._find(now - LATE, now - UNDER_WAY if self._began else now)
        self._began, self._due = True, time.monotonic() + PACE

    def tell_again(self) -> None:
        """Tell what ``look`` has found."""
        untold, self._untold = self._untold, []
        if self._alarms is None:
            return
        for event, target in untold:
            log.warning("The guard's alert %s has not reached %r: sent again", id_of(event), target)
            self._alarms.tell(event, target)

    def _find(self, since: float, until: float) -> None:
        known = self._store.told(since)
        self._untold = [
            (event, target)
            for event in self._store.events(since, until)
            if is_alarm(event)
            for target in self._targets
            if (id_of(event), target) not in known
        ]


def is_alarm(event: GuardEvent) -> bool:
    """Whether people are told of it."""
    return cause_of(event) in ALARMS


def id_of(event: GuardEvent) -> str:
    """An event's own name, whoever tells of it."""
    return f"guard_{event.key[:16]}_{event.seq}"
