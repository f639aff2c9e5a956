"""What a guard reads and writes in the serving process: evidence, and the events of its states.

Any of it may wait for the database: call it in a thread.
"""

# ruff: noqa: S608  # only names written in this package are put together; values are parameters

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from stepdown.quality.pairs import UNSETTLED, Counts
from stepdown.quality.records import events
from stepdown.quality.records.events import GuardEvent, event_of
from stepdown.storage import statements
from stepdown.storage.address import Address
from stepdown.storage.connection import Cursor
from stepdown.storage.money import from_pico
from stepdown.storage.session import Session

EXPIRED = -1
"""The stretch of the pairs that have expired."""


class Told(Struct, frozen=True):
    """The alert ``id`` was taken by a target, at Unix time ``time``."""

    id: str
    target: str
    time: float


class GuardStore(Session):
    """One connection to the evidence; ``Session`` says what goes for every method."""

    _failure = "The guard's evidence in {address} failed"

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self._append = statements.insert_new(
            "guard_events", events.COLUMNS, events.KEY, self.marker
        )
        self._note_told = statements.insert_new(
            "guard_alerts", Told.__struct_fields__, ("id", "target"), self.marker
        )
        self._stretches, self._expired, self._claimed, self._spent = map(
            self._marked, (_STRETCHES, _EXPIRED, _CLAIMED, _SPENT)
        )
        self._told, self._events = map(self._marked, (_TOLD, _EVENTS))

    def counts(self, stints: Mapping[str, int]) -> dict[str, Counts]:
        """The scored pairs of each key's stint, by key; those that have expired count too."""
        found: dict[str, dict[float, tuple[int, int]]] = {key: {} for key in stints}
        if not stints:
            return {}
        wanted = ", ".join(["(?, ?)"] * len(stints))
        values = [value for wish in stints.items() for value in wish]
        with self._transaction(writes=False) as cursor:
            cursor.execute(self._marked(_COUNTS.format(wanted=wanted)), values)
            for key, propensity, regrets, pairs in iter(cursor.fetchone, None):
                found[key][propensity] = int(regrets), int(pairs)
        return dict(found)

    def unsettled(self, stints: Mapping[str, int]) -> dict[str, dict[float, int]]:
        """How many pairs of each key's stint no scorer could tell (``pairs.UNSETTLED``), by
        propensity."""
        found: dict[str, dict[float, int]] = {key: {} for key in stints}
        if not stints:
            return {}
        wanted = ", ".join(["(?, ?)"] * len(stints))
        values = [value for wish in stints.items() for value in wish]
        with self._transaction(writes=False) as cursor:
            cursor.execute(self._marked(_UNSETTLED.format(wanted=wanted)), values)
            for key, propensity, pairs in iter(cursor.fetchone, None):
                found[key][propensity] = int(pairs)
        return found

    def stretches(
        self, key: str, stint: int, width: int, after: int = EXPIRED - 1
    ) -> dict[int, Counts]:
        """The scored pairs of a key's stint by stretches of ``width`` seconds, numbered since 1970.

        Those later than ``after``, in order; the pairs that have expired are EXPIRED together.
        """
        found: dict[int, dict[float, tuple[int, int]]] = {}
        with self._transaction(writes=False) as cursor:
            cursor.execute(self._expired, (EXPIRED, key, stint))
            _add(cursor, found)
            cursor.execute(self._stretches, (width, key, stint, after * width))
            _add(cursor, found)
        return {number: found[number] for number in sorted(found) if number > after}

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

    def events(self, since: float, until: float) -> list[GuardEvent]:
        """All events from one moment up to another (seconds since 1970), oldest first."""
        with self._transaction(writes=False) as cursor:
            cursor.execute(self._events, (since, until))
            return [event_of(row) for row in iter(cursor.fetchone, None)]

    def note_told(self, told: Sequence[Told]) -> None:
        """Write down which alerts were taken; what is known of already stays as it is."""
        with self._transaction() as cursor:
            cursor.executemany(
                self._note_told, sorted((each.id, each.target, each.time) for each in told)
            )

    def told(self, since: float) -> set[tuple[str, str]]:
        """The alerts taken since a moment (seconds since 1970), each with its target."""
        with self._transaction(writes=False) as cursor:
            cursor.execute(self._told, (since,))
            return {(name, target) for name, target in iter(cursor.fetchone, None)}

    def claimed(self, route: str, rule: str | None, since: float) -> int:
        """How many requests a rule (None: any) decided after a moment (seconds since 1970), however
        they ended.

        From the ledger's sums: those of the moment's own minute are left out, after a week those of
        its hour.
        """
        with self._transaction(writes=False) as cursor:
            cursor.execute(self._claimed, (int(since), route, rule))
            [found] = cursor.fetchone() or (0,)
        return int(found)

    def spent(self, since: float) -> dict[str, Decimal]:
        """US dollars by reason, from the hour of a moment on (seconds since 1970)."""
        with self._transaction(writes=False) as cursor:
            cursor.execute(self._spent, (int(since) // 3600 * 3600,))
            return {reason: from_pico(int(cost)) for reason, cost in iter(cursor.fetchone, None)}


def _add(cursor: Cursor, found: dict[int, dict[float, tuple[int, int]]]) -> None:
    for number, propensity, regrets, pairs in iter(cursor.fetchone, None):
        found.setdefault(int(number), {})[propensity] = int(regrets), int(pairs)


_COUNTS = """
WITH wanted (key, stint) AS (VALUES {wanted}),
found (key, propensity, regrets, pairs) AS (
  SELECT pairs.key, propensity, SUM(regret), COUNT(*)
  FROM wanted JOIN pairs ON pairs.key = wanted.key AND pairs.stint = wanted.stint
  WHERE regret IS NOT NULL GROUP BY pairs.key, propensity
  UNION ALL
  SELECT old.key, propensity, regrets, pairs
  FROM wanted JOIN expired_pairs AS old ON old.key = wanted.key AND old.stint = wanted.stint
)
SELECT key, propensity, SUM(regrets), SUM(pairs) FROM found GROUP BY key, propensity
"""
_UNSETTLED = f"""
WITH wanted (key, stint) AS (VALUES {{wanted}})
SELECT pairs.key, propensity, COUNT(*)
FROM wanted JOIN pairs ON pairs.key = wanted.key AND pairs.stint = wanted.stint
WHERE regret IS NULL AND SUBSTR(why, 1, {len(UNSETTLED) + 1}) = '{UNSETTLED}:'
GROUP BY pairs.key, propensity
"""
_STRETCHES = """
SELECT CAST(time / ? AS BIGINT) AS number, propensity, SUM(regret), COUNT(*) FROM pairs
WHERE key = ? AND stint = ? AND time >= ? AND regret IS NOT NULL GROUP BY number, propensity
"""
_EXPIRED = """
SELECT ?, propensity, regrets, pairs FROM expired_pairs WHERE key = ? AND stint = ?
"""
_STANDINGS = f"""
SELECT {", ".join(f"guard_events.{column}" for column in events.COLUMNS)} FROM guard_events
JOIN (SELECT key, MAX(seq) AS seq FROM guard_events GROUP BY key) AS latest
ON latest.key = guard_events.key AND latest.seq = guard_events.seq
"""
_EVENTS = f"""
SELECT {", ".join(events.COLUMNS)} FROM guard_events
WHERE time >= ? AND time <= ? ORDER BY time, key, seq
"""
_TOLD = "SELECT id, target FROM guard_alerts WHERE time >= ?"
_CLAIMED = """
SELECT COALESCE(SUM(requests), 0) FROM rollup
WHERE bucket > ? AND route = ? AND decision = COALESCE(?, decision)
"""
_SPENT = """
SELECT reason, SUM(cost) FROM shadow_counters
WHERE bucket >= ? GROUP BY reason HAVING SUM(cost) <> 0
"""
