"""The sampled pairs of a log, by the requests that they tell of."""

from collections import Counter, defaultdict
from collections.abc import Callable

from msgspec import Struct

from stepdown.quality.offline.tally import Cell, Group, Tally
from stepdown.quality.pairs import Pair

ModelOf = Callable[[Cell], str]
"""Who answers a cell's requests: under the recorded policy, or under the new one."""


class Sampling(Struct):
    """How requests were sampled that were decided alike: pairs per request, and the greatest of the
    weights (1 / propensity)."""

    pairs: int = 0
    rate: float = 0.0
    heaviest: float = 1.0


class PairedLog:
    """A log with its pairs. ``reference`` is the last rung.

    In the worst case a pair that could not be scored is a regret, otherwise it tells nothing.
    """

    def __init__(self, tally: Tally, reference: str, *, worst_case: bool = False) -> None:
        self.tally = tally
        self.reference = reference
        self._worst_case = worst_case
        self._sampling = self._sampled()

    def told(self, cell: Cell, model: str) -> list[Pair]:
        """The pairs that say what becomes of a cell's requests if ``model`` answers them."""
        return [
            pair
            for pair in self._compared(cell, model)
            if self._worst_case or pair.regret is not None
        ]

    def unscored(self, cell: Cell, model: str) -> int:
        """How many pairs would say it, had they been scored."""
        return sum(pair.regret is None for pair in self._compared(cell, model))

    def sampling(self, cell: Cell, model: str) -> Sampling:
        """Of the requests that were decided as the cell's were, for pairs with ``model``."""
        return self._sampling.get((cell.group, model)) or Sampling()

    def requests(self, cell: Cell) -> int:
        return self.tally.cells[cell].requests

    def _compared(self, cell: Cell, model: str) -> list[Pair]:
        pairs = (seen.pair for seen in self.tally.pairs.get(cell, ()))
        wanted = model, self.reference
        return [pair for pair in pairs if (pair.candidate_model, pair.reference_model) == wanted]

    def _sampled(self) -> dict[tuple[Group, str], Sampling]:
        requests: Counter[Group] = Counter()
        found: dict[tuple[Group, str], Sampling] = defaultdict(Sampling)
        for cell, sums in self.tally.cells.items():
            requests[cell.group] += sums.requests
            for model in {seen.pair.candidate_model for seen in self.tally.pairs.get(cell, ())}:
                sampling = found[cell.group, model]
                for pair in self.told(cell, model):
                    sampling.pairs += 1
                    sampling.heaviest = max(sampling.heaviest, 1.0 / pair.propensity)
        for (group, _), sampling in found.items():
            sampling.rate = sampling.pairs / requests[group]
        return dict(found)
