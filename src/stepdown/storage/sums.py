"""Adds columns up in the database, exactly, whatever the size of the sums."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Table, func

from stepdown.storage.money import from_pico

_MICRO = 10**6


def sums_of(
    table: Table, counts: Sequence[str], amounts: Sequence[str]
) -> list[ColumnElement[int]]:
    """Each count's sum; each amount's in two parts, which no database's integers overflow."""
    parts = [part for name in amounts for part in (table.c[name] // _MICRO, table.c[name] % _MICRO)]
    columns = (*(table.c[name] for name in counts), *parts)
    return [func.coalesce(func.sum(column), 0) for column in columns]


def read_sums(counts: Sequence[str], amounts: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    """By name what a row of ``sums_of`` holds: counts as int, amounts as Decimal US dollars."""
    values = [int(value) for value in row]
    read: dict[str, int | Decimal] = dict(zip(counts, values, strict=False))
    parts = iter(values[len(counts) :])
    for name, high, low in zip(amounts, parts, parts, strict=True):
        read[name] = from_pico(high * _MICRO + low)
    return read
