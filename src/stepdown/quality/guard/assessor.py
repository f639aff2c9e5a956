"""Looks at the evidence of what is guarded, and writes down what follows. Waits for the database:
it is to be called in a thread, by one caller at a time.

    assess ─ the latest events ─ the stints' counts ─ what follows ─ its event, unless another
                                                                    replica has written one first

Pairs that no scorer could tell are left out, but for one thing: nothing is certified that would not
be if each of them were a regret.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from stepdown.quality.evidence import Counts
from stepdown.quality.guard.blocks import STRETCH, Blocks
from stepdown.quality.guard.drift import drifted
from stepdown.quality.guard.recorded import recorded, standing_after
from stepdown.quality.guard.states import Standing, Transition
from stepdown.quality.guard.terms import Terms
from stepdown.quality.guard.transitions import after_probation, step
from stepdown.quality.guard.wards import Ward
from stepdown.quality.records.events import GuardEvent
from stepdown.quality.records.guard_store import GuardStore

Events = Mapping[str, GuardEvent]
"""The latest event by key."""


class Assessed(Struct, frozen=True):
    """The latest events of all keys there are, and the counts of the wards' stints, by key."""

    events: Events
    counts: Mapping[str, Counts]


class Assessor:
    """``clock`` gives seconds since 1970. ``written``: the events that it added, to be taken."""

    def __init__(self, store: GuardStore, clock: Callable[[], float]) -> None:
        self.written: list[GuardEvent] = []
        self._store = store
        self._clock = clock
        self._blocks: dict[str, Blocks] = {}

    def assess(self, wards: Sequence[Ward], *, follow: bool = True) -> Assessed:
        """Without ``follow``, nothing follows from the evidence.

        Raises DatabaseUnavailable; what was written by then stays in ``written``.
        """
        events = self._store.standings()
        standings = {ward.key: standing_of(ward, events) for ward in wards}
        counts = self._counts(standings.values())
        self._forget(standings)
        changed = False
        for ward in wards if follow else ():
            transition = self._follows(ward, standings[ward.key], counts, events)
            if transition is not None:
                changed = True
                self._write(transition, ward, events)
        return Assessed(self._store.standings() if changed else events, counts)

    def _counts(self, standings: Iterable[Standing]) -> dict[str, Counts]:
        found = self._store.counts({standing.key: standing.stint for standing in standings})
        return {key: Counts(counts) for key, counts in found.items()}

    def _follows(
        self, ward: Ward, standing: Standing, counts: Mapping[str, Counts], events: Events
    ) -> Transition | None:
        mine = counts[ward.key]
        terms = ward.terms_in(standing.state, mine)
        if standing.state == "tripped":
            return self._restored(ward, standing, terms, events.get(ward.key))
        follows = step(standing, mine, terms)
        if follows is not None and follows.cause == "certified":
            every = mine + self._unsettled(standing)
            worst = step(standing, every, ward.terms_in(standing.state, every))
            return follows if worst is not None and worst.cause == "certified" else None
        return follows or self._drifted(standing, terms)

    def _restored(
        self, ward: Ward, standing: Standing, terms: Terms, trip: GuardEvent | None
    ) -> Transition | None:
        """Back from a trip. Requests are counted once the seconds alone would do: the ledger has
        them, of all replicas and over restarts."""
        if trip is None or terms.probation is None:
            return None
        seconds = self._clock() - trip.time
        requests = 0
        if seconds >= terms.probation.seconds and terms.probation.requests:
            requests = self._store.claimed(ward.route, ward.decided, trip.time)
        return after_probation(standing, terms, requests=requests, seconds=seconds)

    def _unsettled(self, standing: Standing) -> Counts:
        """The pairs that no scorer could tell, each taken for a regret: where only differing
        answers need a judge, one that fails would leave the harmless pairs alone to be counted."""
        found = self._store.unsettled({standing.key: standing.stint})[standing.key]
        return Counts({propensity: (count, count) for propensity, count in found.items()})

    def _drifted(self, standing: Standing, terms: Terms) -> Transition | None:
        blocks = self._blocks.get(standing.key)
        if blocks is None or (blocks.standing, blocks.terms) != (standing, terms):
            blocks = self._blocks[standing.key] = Blocks(standing, terms)
        if not blocks.watching:
            return None
        found = self._store.stretches(standing.key, standing.stint, STRETCH, blocks.after)
        stretches = {number: Counts(counts) for number, counts in found.items()}
        watch = blocks.look(stretches, self._clock())
        return None if watch is None else drifted(standing, watch, terms)

    def _write(self, transition: Transition, ward: Ward, events: Events) -> None:
        before = events.get(ward.key)
        seq = 1 if before is None else before.seq + 1
        event = recorded(transition, seq, self._clock(), ward.route, ward.rule)
        if self._store.append_event(event):
            self.written.append(event)

    def _forget(self, standings: Mapping[str, Standing]) -> None:
        for key in [key for key in self._blocks if key not in standings]:
            del self._blocks[key]


def standing_of(ward: Ward, events: Events) -> Standing:
    """Where a ward stands by its latest event."""
    event = events.get(ward.key)
    return ward.beginning() if event is None else standing_after(event)
