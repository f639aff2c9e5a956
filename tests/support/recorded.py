"""What the record holds beside pairs, for tests of the commands that read it."""

from decimal import Decimal

from stepdown.quality.records.counters import Counters, rows
from stepdown.quality.records.events import GuardEvent
from stepdown.quality.records.guard_store import GuardStore
from stepdown.quality.records.pair_store import Batch, PairStore
from stepdown.storage.address import parse


def store_counters(url: str, *counted: tuple[float, str, str, int, str]) -> None:
    """Count (time, route, reason, amount, US dollars) at once."""
    counters = Counters()
    for time, route, reason, amount, cost in counted:
        counters.add(time, route, reason, amount, Decimal(cost))
    store = PairStore(parse(url))
    store.write(Batch(counters=rows(counters.take())))
    store.close()


def store_events(url: str, *events: GuardEvent) -> None:
    """Add events, none of which may be there."""
    store = GuardStore(parse(url))
    for event in events:
        assert store.append_event(event)
    store.close()
