"""What became of sampled requests: counted and summed by hour, route and reason."""

from collections.abc import Mapping
from decimal import Decimal

from stepdown.storage.money import to_pico

HOUR = 3600

Key = tuple[int, str, str]
"""The values of ``SHADOW.key``: an hour's start in seconds since 1970, a route, a reason."""
Sums = tuple[int, Decimal]
"""How often, and for how many US dollars."""


class Counters:
    """The sums since the last ``take``: a handful of keys, however long the database is away.

    Not safe for two threads: the writer holds a lock.
    """

    def __init__(self) -> None:
        self._sums: dict[Key, Sums] = {}

    def add(self, time: float, route: str, reason: str, amount: int, cost: Decimal) -> None:
        """Count it in the hour of ``time`` (seconds since 1970); ``cost`` is US dollars."""
        self._add((int(time) // HOUR * HOUR, route, reason), amount, cost)

    def take(self) -> Mapping[Key, Sums]:
        """Hand over what was summed up and begin anew."""
        taken, self._sums = self._sums, {}
        return taken

    def put_back(self, taken: Mapping[Key, Sums]) -> None:
        """Take back what could not be written."""
        for key, (amount, cost) in taken.items():
            self._add(key, amount, cost)

    def _add(self, key: Key, amount: int, cost: Decimal) -> None:
        before, spent = self._sums.get(key, (0, Decimal(0)))
        self._sums[key] = before + amount, spent + cost


def rows(taken: Mapping[Key, Sums]) -> list[tuple[object, ...]]:
    """The rows to write, money in picodollars; in one order, so that replicas never lock each
    other."""
    return [(*key, amount, to_pico(cost)) for key, (amount, cost) in sorted(taken.items())]
