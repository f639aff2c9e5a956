"""The SQL that the serving process runs, for a backend's parameter marker (``?`` or ``%s``)."""

# ruff: noqa: S608  # only names written in this package are put together; values are parameters

from collections.abc import Sequence

from stepdown.storage.columns import SEGMENT, Summed


def upsert_sums(table: Summed, marker: str) -> str:
    """Adds one row's sums to what is there: a value for each key column, then each sum."""
    return _upsert(table, f"VALUES ({_markers(marker, len(table.key) + len(table.sums))})")


def insert_new(table: str, columns: Sequence[str], key: Sequence[str], marker: str) -> str:
    """Adds one row, unless its key is there: a value for each column."""
    return (
        f"INSERT INTO {table} ({_list(columns)}) VALUES ({_markers(marker, len(columns))})"
        f" ON CONFLICT ({_list(key)}) DO NOTHING"
    )


def insert_segment(log: str, marker: str) -> str:
    """Adds one segment to a log: a value for each of ``SEGMENT``."""
    return f"INSERT INTO {log} ({_list(SEGMENT)}) VALUES ({_markers(marker, len(SEGMENT))})"


def expire_segments(log: str, marker: str, count: int) -> str:
    """Deletes the oldest segments, at most ``count``, that end before a moment."""
    old = f"SELECT id FROM {log} WHERE last_time < {marker} ORDER BY last_time LIMIT {count}"
    return f"DELETE FROM {log} WHERE id IN ({old})"


def fold_sums(table: Summed, marker: str) -> tuple[str, str]:
    """Adds the minutes before a moment to their hours, then deletes them. Run both at once."""
    percent = "%%" if marker == "%s" else "%"
    hour = f"bucket - bucket {percent} 3600"
    rest = _list(table.key[1:])
    sums = _list([f"SUM({name})" for name in table.sums])
    minutes = f"WHERE bucket < {marker} AND {hour} <> bucket"
    hours = f"SELECT {hour}, {rest}, {sums} FROM {table.name} {minutes} GROUP BY {hour}, {rest}"
    return _upsert(table, hours), f"DELETE FROM {table.name} {minutes}"


def _upsert(table: Summed, rows: str) -> str:
    sums = _list([f"{name} = {table.name}.{name} + excluded.{name}" for name in table.sums])
    return (
        f"INSERT INTO {table.name} ({_list([*table.key, *table.sums])}) {rows}"
        f" ON CONFLICT ({_list(table.key)}) DO UPDATE SET {sums}"
    )


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)


def _markers(marker: str, count: int) -> str:
    return _list([marker] * count)
