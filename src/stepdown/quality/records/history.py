"""Reads the record back for commands: pairs with or without their texts, counters, events."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Engine, Select, and_, select, tuple_
from sqlalchemy.exc import SQLAlchemyError

from stepdown.quality.pairs import Pair
from stepdown.quality.records import events as event_rows
from stepdown.quality.records import pair_rows
from stepdown.quality.records.counters import HOUR
from stepdown.quality.records.events import GuardEvent, event_of
from stepdown.quality.records.pair_texts import Texts, unpack
from stepdown.quality.records.selection import EVERYTHING, Selection, selected
from stepdown.storage.address import DatabaseUnavailable
from stepdown.storage.sums import read_sums, sums_of
from stepdown.storage.tables import guard_events, pair_texts, shadow_counters
from stepdown.storage.tables import pairs as pair_table

AT_A_TIME = 500
"""How many pairs are held at once; of those with texts, a tenth."""

_PAIR = [pair_table.c[name] for name in pair_rows.COLUMNS]
_ORDER = pair_table.c.time, pair_table.c.id, pair_table.c.saver
_PLACE = [pair_rows.COLUMNS.index(column.name) for column in _ORDER]


class Counter(Struct, frozen=True):
    """What became of a route's sampled requests for one reason. ``cost`` is US dollars."""

    route: str
    reason: str
    amount: int
    cost: Decimal


def pairs(database: Engine, selection: Selection = EVERYTHING) -> Iterator[Pair]:
    """The pairs, in the order of time, a few hundred in memory.

    Readings come back as JSON has them: a set is a sorted list.
    Raises DatabaseUnavailable where the database fails.
    """
    query = selected(select(*_PAIR), selection)
    return map(pair_rows.pair_of, _pages(database, query, AT_A_TIME))


def pairs_with_texts(
    database: Engine,
    selection: Selection = EVERYTHING,
) -> Iterator[tuple[Pair, Texts | None]]:
    """The pairs as ``pairs`` gives them, each with its texts where these are kept.

    Raises ValueError where texts are damaged.
    """
    joined = and_(pair_texts.c.id == pair_table.c.id, pair_texts.c.saver == pair_table.c.saver)
    query = select(*_PAIR, pair_texts.c.format, pair_texts.c.body).select_from(
        pair_table.outerjoin(pair_texts, joined)
    )
    for *row, written_as, body in _pages(database, selected(query, selection), AT_A_TIME // 10):
        pair = pair_rows.pair_of(row)
        try:
            texts = None if body is None else unpack(bytes(body), written_as)
        except ValueError as error:
            raise ValueError(f"pair {pair.id}: {error}") from error
        yield pair, texts


def counters(
    database: Engine, since: float | None = None, route: str | None = None
) -> list[Counter]:
    """What became of sampled requests, by route and reason, from the hour of ``since`` on.

    Raises DatabaseUnavailable where the database fails.
    """
    table = shadow_counters.c
    sums = sums_of(shadow_counters, ("amount",), ("cost",))
    query = select(table.route, table.reason, *sums).group_by(table.route, table.reason)
    if since is not None:
        query = query.where(table.bucket >= int(since) // HOUR * HOUR)
    if route is not None:
        query = query.where(table.route == route)
    return [
        Counter(name, reason, **read_sums(("amount",), ("cost",), found))
        for name, reason, *found in _rows(database, query.order_by(table.route, table.reason))
    ]


def events(
    database: Engine, key: str | None = None, route: str | None = None, rule: str | None = None
) -> list[GuardEvent]:
    """The events of a key, a route or a rule, oldest first. Raises as ``counters`` does."""
    query = select(*(guard_events.c[name] for name in event_rows.COLUMNS))
    for name, value in (("key", key), ("route", route), ("rule", rule)):
        if value is not None:
            query = query.where(guard_events.c[name] == value)
    order = guard_events.c.time, guard_events.c.key, guard_events.c.seq
    return [event_of(row) for row in _rows(database, query.order_by(*order))]


def _pages(database: Engine, query: Select[Any], size: int) -> Iterator[Sequence[Any]]:
    """A query over ``pairs`` whose rows begin with ``_PAIR``, a page at a time.

    Between two pages no transaction is open: a reader that takes its time blocks nobody.
    """
    query = query.order_by(*_ORDER).limit(size)
    after: ColumnElement[bool] | None = None
    while True:
        rows = _rows(database, query if after is None else query.where(after))
        yield from rows
        if len(rows) < size:
            return
        after = tuple_(*_ORDER) > tuple_(*(rows[-1][place] for place in _PLACE))


def _rows(database: Engine, query: Select[Any]) -> Sequence[Sequence[Any]]:
    try:
        with database.connect() as connection:
            return connection.execute(query).all()
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(f"The record of pairs cannot be read: {error}") from error
