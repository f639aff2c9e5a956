"""Rules that few pairs certify, and the pairs that count for them."""

from collections.abc import Collection, Sequence
from typing import Any

from stepdown.ledger.rollup import Sums, rows
from stepdown.quality.guard.alarms import id_of
from stepdown.quality.guard.terms import Probation, Terms
from stepdown.quality.guard.wards import Ward
from stepdown.quality.records.events import GuardEvent
from stepdown.quality.records.guard_store import Told
from stepdown.storage.address import parse
from stepdown.storage.store import Slice, Store
from support.pairs import NOON, make_pair, store_pairs

HOUR = 3600.0
BUDGET = 0.2


def loose_ward(rule: str = "easy", *, trusted: bool = False, **terms: Any) -> Ward:
    """A rule of the route ``auto`` that is sampled wholly: 22 good pairs certify it."""
    given = {"budget": BUDGET, "least": 1.0, "probation": Probation(seconds=HOUR), **terms}
    return Ward(f"key of {rule}", "auto", rule, Terms(**given), given["least"], trusted)


def add_pairs(
    url: str, ward: Ward, count: int, *, regrets: int = 0, stint: int = 1, at: float = NOON
) -> None:
    """Scored pairs of a ward's stint, some of them regrets, all at one moment."""
    pairs = [
        make_pair(time=at, key=ward.key, stint=stint, propensity=1.0, regret=number < regrets)
        for number in range(count)
    ]
    store_pairs(url, *pairs)


def add_claimed(url: str, rule: str, count: int, *, at: float, route: str = "auto") -> None:
    """Requests that a rule decided, all in one minute, as the ledger sums them up."""
    key = int(at) // 60 * 60, route, rule, 0, "weak", "answered", ""
    store = Store(parse(url))
    store.write(Slice(None, None, rows({key: Sums(requests=count)})))
    store.close()


class People:
    """Implements ``guard.alarms.Alarms``: is told at once, or, with ``hear`` false, never."""

    def __init__(self, *names: str, hear: bool = True) -> None:
        self.names = names or ("ops",)
        self.hear = hear
        self.events: list[GuardEvent] = []
        self.sent: list[tuple[str, str]] = []
        self._told: list[Told] = []

    def targets(self) -> Collection[str]:
        return self.names

    def tell(self, event: GuardEvent, target: str | None = None) -> None:
        self.events.append(event)
        for each in self.names if target is None else (target,):
            self.sent.append((id_of(event), each))
            if self.hear:
                self._told.append(Told(id_of(event), each, event.time))

    def told(self) -> Sequence[Told]:
        told, self._told = self._told, []
        return told
