"""A guard's event as a row: every field comes back."""

from decimal import Decimal

from msgspec import structs

from stepdown.quality.records.events import COLUMNS, KEY, GuardEvent, event_of, row_of
from stepdown.storage.tables import guard_events
from support.pairs import NOON

EVENT = GuardEvent(
    "auto/short-label",
    1,
    NOON,
    "auto",
    "short-label",
    2,
    "observing",
    "active",
    why="certified",
    evidence={"pairs": 240, "upper": 0.0199, "counts": {"0.2": [0, 240]}},
)


def test_an_event_comes_back() -> None:
    assert event_of(row_of(EVENT)) == EVENT
    assert event_of(tuple(row_of(structs.replace(EVENT, evidence={})))).evidence == {}


def test_columns_agree_with_the_table() -> None:
    assert tuple(column.name for column in guard_events.columns) == COLUMNS
    assert tuple(column.name for column in guard_events.primary_key) == KEY


def test_what_json_and_databases_do_not_take_is_made_fit() -> None:
    odd = structs.replace(EVENT, why="a\0b", who="\udc80", evidence={"spent": Decimal("0.1")})
    found = event_of(row_of(odd))
    assert (found.why, found.who, found.evidence) == ("a\ufffdb", "\ufffd", {"spent": "0.1"})
