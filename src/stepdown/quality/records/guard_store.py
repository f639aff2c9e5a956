"""What a guard reads and writes in the serving process: evidence, and the events of its states.

Any of it may wait for the database: call it in a thread.
"""

# ruff: noqa: S608  # only names written in this package are put together; values are parameters

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from stepdown.quality.pairs import Counts
from stepdown.quality.records import events
from stepdown.quality.records.events import GuardEvent, event_of
from stepdown.storage import statements
from stepdown.storage.address import Address
from stepdown.storage.money import from_pico
from stepdown.storage.session import Session


class Outcome(Struct, frozen=True):
    """A scored pair, as drift looks at it. ``time`` is in seconds since 1970."""

    time: float
    propensity: float
    regret: bool


class GuardStore(Session):
    """One connection to the evidence; ``Session`` says what goes for every method."""

    _failure = "The guard's evidence in {address} failed"

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self._append = statements.insert_new(
            "guard_events", events.COLUMNS, events.KEY, self.marker
        )
        self._recent, self._spent = map(self._marked, (_RECENT, _SPENT))

    def counts(self, epochs: Mapping[str, int]) -> dict[str, Counts]:
        """The scored pairs of each key's epoch, by key; those that have expired count too."""
        found: dict[str, dict[float, tuple[int, int]]] = {key: {} for key in epochs}
        if not epochs:
            return {}
        wanted = ", ".join(["(?, ?)"] * len(epochs))
        values = [value for wish in epochs.items() for value in wish]
        with self._transaction(writes=False) as cursor:
            cursor.execute(self._marked(_COUNTS.format(wanted=wanted)), values)
            for key, propensity, regrets, pairs in iter(cursor.fetchone, None):
                found[key][propensity] = int(regrets), int(pairs)
        return dict(found)

    def recent(self, key: str, epoch: int, limit: int) -> list[Outcome]:
        """The latest scored pairs of a key's epoch, at most ``limit``, in the order of time."""
        with self._transaction(writes=False) as cursor:
            cursor.execute(self._recent, (key, epoch, limit))
            found = [
                Outcome(time, propensity, bool(regret))
                for time, propensity, regret in iter(cursor.fetchone, None)
            ]
        return found[::-1]

    def standings(self) -> dict[str, GuardEvent]:
        """The latest event of each key."""
        with self._transaction(writes=False) as cursor:
            cursor.execute(_STANDINGS)
            latest = [event_of(row) for row in iter(cursor.fetchone, None)]
        return {event.key: event for event in latest}

    def append_event(self, event: GuardEvent) -> bool:
        """Add an event; whether no other replica had added one with its ``seq``."""
        with self._transaction() as cursor:
            cursor.execute(self._append, events.row_of(event))
            return cursor.rowcount == 1

    def spent(self, since: float) -> dict[str, Decimal]:
        """US dollars by reason, from the hour of a moment on (seconds since 1970)."""
        with self._transaction(writes=False) as cursor:
            cursor.execute(self._spent, (int(since) // 3600 * 3600,))
            return {reason: from_pico(int(cost)) for reason, cost in iter(cursor.fetchone, None)}


_COUNTS = """
WITH wanted (key, epoch) AS (VALUES {wanted}),
found (key, propensity, regrets, pairs) AS (
  SELECT pairs.key, propensity, SUM(regret), COUNT(*)
  FROM wanted JOIN pairs ON pairs.key = wanted.key AND pairs.epoch = wanted.epoch
  WHERE regret IS NOT NULL GROUP BY pairs.key, propensity
  UNION ALL
  SELECT old.key, propensity, regrets, pairs
  FROM wanted JOIN expired_pairs AS old ON old.key = wanted.key AND old.epoch = wanted.epoch
)
SELECT key, propensity, SUM(regrets), SUM(pairs) FROM found GROUP BY key, propensity
"""
_RECENT = """
SELECT time, propensity, regret FROM pairs
WHERE key = ? AND epoch = ? AND regret IS NOT NULL ORDER BY time DESC, id DESC LIMIT ?
"""
_STANDINGS = f"""
SELECT {", ".join(f"guard_events.{column}" for column in events.COLUMNS)} FROM guard_events
JOIN (SELECT key, MAX(seq) AS seq FROM guard_events GROUP BY key) AS latest
ON latest.key = guard_events.key AND latest.seq = guard_events.seq
"""
_SPENT = """
SELECT reason, SUM(cost) FROM shadow_counters
WHERE bucket >= ? GROUP BY reason HAVING SUM(cost) <> 0
"""
