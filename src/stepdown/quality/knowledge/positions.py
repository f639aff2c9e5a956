"""Where guarded rules stand, since when, and on how many pairs."""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter

from msgspec import Struct

from stepdown.quality.evidence import Counts
from stepdown.quality.guard.assessor import standing_of
from stepdown.quality.guard.hypotheses import evidence, too_much
from stepdown.quality.guard.recorded import standing_after
from stepdown.quality.guard.states import Evidence, Standing
from stepdown.quality.guard.terms import Terms
from stepdown.quality.guard.wards import Ward
from stepdown.quality.records.events import GuardEvent
from stepdown.quality.records.guard_store import GuardStore


class Position(Struct, frozen=True):
    """Where a route's rule stands since ``event``, its latest (None: since the beginning).

    ``counts`` are the scored pairs of its present stint. ``ward`` says on which terms it is
    guarded; None where no configuration tells.
    """

    route: str
    rule: str
    standing: Standing
    counts: Counts = Counts()
    event: GuardEvent | None = None
    ward: Ward | None = None

    @property
    def terms(self) -> Terms | None:
        """On which it is guarded in its present state."""
        if self.ward is None:
            return None
        return self.ward.terms_in(self.standing.state, self.counts)

    @property
    def seen(self) -> Evidence | None:
        """What its pairs say, as the guard sees it; None where the terms are unknown."""
        terms = self.terms
        if terms is None:
            return None
        return evidence(too_much(terms, self.standing.epoch), self.counts, terms)


def in_force(store: GuardStore, wards: Sequence[Ward]) -> list[Position]:
    """Where a configuration's wards stand, in their order. Raises DatabaseUnavailable."""
    events = store.standings()
    standings = [standing_of(ward, events) for ward in wards]
    counts = _counts(store, standings)
    return [
        Position(ward.route, ward.rule, standing, counts[ward.key], events.get(ward.key), ward)
        for ward, standing in zip(wards, standings, strict=True)
    ]


def on_record(store: GuardStore) -> list[Position]:
    """Where everything stands that a state was ever changed of, by route and rule.

    Of a rule that has been guarded under several keys, the one that changed last. Raises
    DatabaseUnavailable.
    """
    latest = newest(store.standings().values())
    standings = {place: standing_after(event) for place, event in latest.items()}
    counts = _counts(store, standings.values())
    return [
        Position(*place, standing, counts[standing.key], latest[place])
        for place, standing in sorted(standings.items(), key=itemgetter(0))
    ]


def newest(events: Iterable[GuardEvent]) -> dict[tuple[str, str], GuardEvent]:
    """The last of these events by route and rule."""
    found: dict[tuple[str, str], GuardEvent] = {}
    for event in sorted(events, key=lambda event: (event.time, event.seq)):
        found[event.route, event.rule] = event
    return found


def _counts(store: GuardStore, standings: Iterable[Standing]) -> Mapping[str, Counts]:
    found = store.counts({standing.key: standing.stint for standing in standings})
    return {key: Counts(counts) for key, counts in found.items()}
