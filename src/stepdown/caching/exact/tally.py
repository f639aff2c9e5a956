"""What the exact cache counts."""

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct, field

from stepdown.caching.exact.store import StoreStats


class Tally(Struct):
    """Counts since the process began.

    ``shared`` are the hits whose answer was still being made when they came. ``bypasses`` are by
    reason. ``unstorable`` answers came well and must not be given again (truncated, refused, too
    large, of a model that stood in for another); ``dropped`` ones found no room in a queue;
    ``damaged`` ones were in the store and could not be used.
    """

    hits: int = 0
    shared: int = 0
    misses: int = 0
    bypasses: Counter[str] = field(default_factory=Counter[str])
    unstorable: int = 0
    dropped: int = 0
    damaged: int = 0


class Status(Struct, frozen=True):
    """How the cache is doing in this process; counts as in ``Tally``.

    ``stored`` answers were written, ``dropped`` ones were not: no room in a queue, or a failing
    store. ``failures`` counts calls to the store that failed, ``skipped`` those that were spared
    because of it; ``error`` is the last failure, None once the store is well again. ``waiting`` are
    the answers to be made that others may wait for. ``held`` is what the store holds, where it is
    known without asking.
    """

    store: str
    hits: int
    shared: int
    misses: int
    bypasses: Mapping[str, int]
    stored: int
    unstorable: int
    dropped: int
    damaged: int
    failures: int
    skipped: int
    waiting: int
    error: str | None
    held: StoreStats | None
