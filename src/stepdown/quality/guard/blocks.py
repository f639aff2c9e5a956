"""Cuts a stint's pairs into the blocks that drift looks at, and carries the watch over them on.

Pairs are read by stretches of time. One that is over, and some minutes more, is settled: its pairs
are not read again, and those that still come late are left out of the watch. Settled stretches make
a block once they have enough pairs; what is there beyond is looked at as a block in the making. So
cuts depend on times and numbers, and on no outcome.
"""

from collections.abc import Mapping

from stepdown.quality.evidence import Counts
from stepdown.quality.guard.drift import BLOCK, Watch, watched
from stepdown.quality.guard.states import Standing
from stepdown.quality.guard.terms import Terms
from stepdown.quality.records.guard_store import EXPIRED

STRETCH = 300
"""Seconds."""
SETTLED = 900.0
"""Seconds after a stretch until no more pairs of it are waited for."""


class Blocks:
    """The watch over one stint, from look to look. ``after``: the last settled stretch."""

    def __init__(self, standing: Standing, terms: Terms) -> None:
        self.standing = standing
        self.terms = terms
        self.after = EXPIRED - 1
        self._watch = watched(standing, (), terms)
        self._gathered = Counts()

    @property
    def watching(self) -> bool:
        """Whether there is anything to watch."""
        return self._watch is not None

    def look(self, stretches: Mapping[int, Counts], now: float) -> Watch | None:
        """The watch at Unix time ``now`` with the stretches after the last settled one.

        Stretches have the number of STRETCHes since 1970. Raises ValueError (``Watch.after``).
        """
        if self._watch is None:
            return None
        unsettled = Counts()
        for number, counts in sorted(stretches.items()):
            if (number + 1) * STRETCH + SETTLED > now:
                unsettled += counts
            else:
                self.after = number
                self._settle(counts)
        begun = self._gathered + unsettled
        return self._watch.after(begun) if begun.pairs else self._watch

    def _settle(self, counts: Counts) -> None:
        assert self._watch is not None
        self._gathered += counts
        if self._gathered.pairs >= BLOCK:
            self._watch = self._watch.after(self._gathered)
            self._gathered = Counts()
