"""What the semantic cache counts."""

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct, field

from stepdown.caching.exact.store import StoreStats
from stepdown.caching.semantic.bound import Bound


class Tally(Struct):
    """Counts since the process began.

    ``misses`` had no entry near enough, or one that will not do, or were asked afresh: of these,
    held answers were ``right`` or ``wrong``, or ``untold`` where no scorer could tell; ``skipped``
    ones were not compared. ``reported`` hits were found to be bad by whoever got them. ``bypasses``
    are by reason. ``unstorable`` answers came well and must not be given again; ``dropped`` ones
    found no room in the queue. ``failures`` counts calls to the embedder or the index that failed.
    """

    hits: int = 0
    misses: int = 0
    right: int = 0
    wrong: int = 0
    untold: int = 0
    skipped: int = 0
    reported: int = 0
    stored: int = 0
    unstorable: int = 0
    dropped: int = 0
    failures: int = 0
    bypasses: Counter[str] = field(default_factory=Counter[str])


class Standing(Struct, frozen=True):
    """How a route's bound stands.

    ``served`` is the share of would-be hits, of those that the score was learned from, that is in
    the certified level; 0.0 where nothing is certified. ``pairs`` were tested in this ``epoch``.
    """

    phase: str
    epoch: int
    pairs: int
    served: float
    trips: int


class Status(Struct, frozen=True):
    """How the cache is doing in this process; counts as in ``Tally``.

    ``queued`` answers are to be compared or kept. ``held`` is what the cache holds, about.
    """

    store: str
    embedder: str
    held: StoreStats
    queued: int
    hits: int
    misses: int
    bypasses: Mapping[str, int]
    right: int
    wrong: int
    untold: int
    skipped: int
    reported: int
    stored: int
    unstorable: int
    dropped: int
    failures: int
    routes: Mapping[str, Standing]


def status_of(
    tally: Tally,
    store: str,
    held: StoreStats,
    queued: int,
    embedder: str,
    bounds: Mapping[str, Bound],
) -> Status:
    return Status(
        store=store,
        embedder=embedder,
        held=held,
        queued=queued,
        hits=tally.hits,
        misses=tally.misses,
        bypasses=dict(tally.bypasses),
        right=tally.right,
        wrong=tally.wrong,
        untold=tally.untold,
        skipped=tally.skipped,
        reported=tally.reported,
        stored=tally.stored,
        unstorable=tally.unstorable,
        dropped=tally.dropped,
        failures=tally.failures,
        routes={name: standing(bound) for name, bound in bounds.items()},
    )


def standing(bound: Bound) -> Standing:
    """How a bound stands."""
    state, served = bound.state, bound.served
    share = 0.0 if served is None else state.levels[served].share
    return Standing(bound.phase, state.epoch, bound.pairs, share, state.trips)
