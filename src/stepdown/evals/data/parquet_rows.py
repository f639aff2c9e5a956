"""Rows of Parquet, some hundred at a time. Needs the extra ``parquet``."""

from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal
from importlib import import_module
from math import isinf, isnan
from pathlib import Path
from typing import Any

from stepdown.evals.data.faults import BadDataset, BadField, expected, shown
from stepdown.evals.data.files import LONGEST_LINE, MOST_BYTES
from stepdown.evals.data.records import Record
from stepdown.evals.items import BadRow
from stepdown.routing.shapes import is_list, is_mapping

AT_ONCE = 256
INDEX = "__index_level_0__"
"""So pandas calls the column of an index without a name."""


def parquet_rows(path: Path) -> Iterator[Record | BadRow]:
    """The rows, numbered from 1. Raises BadDataset where it is no Parquet, or the extra is
    missing."""
    try:
        parquet: Any = import_module("pyarrow.parquet")
        faults: Any = import_module("pyarrow.lib").ArrowException
    except ImportError:
        raise BadDataset("needs `pip install 'stepdown[parquet]'`") from None
    number = 0
    with path.open("rb") as file:
        try:
            for cells in _cells(parquet.ParquetFile(file)):
                number += 1
                yield _record(cells, number)
        except (faults, OSError, ValueError) as error:
            if isinstance(error, BadDataset):
                raise
            raise BadDataset(f"expected Parquet, got: {str(error)[:200]}") from error


def _cells(file: Any) -> Iterator[dict[str, Any]]:
    names: list[str] = list(file.schema_arrow.names)
    for name in names:
        if names.count(name) > 1:
            raise BadDataset(f"expected each column once, got {shown(name)} twice")
    held = 0
    for batch in file.iter_batches(batch_size=AT_ONCE):
        held += batch.nbytes
        if held > MOST_BYTES:
            raise BadDataset(f"expected at most {MOST_BYTES:,} bytes, got more")
        yield from batch.to_pylist(maps_as_pydicts="strict")


def _record(cells: dict[str, Any], number: int) -> Record | BadRow:
    try:
        fields = {name: _plain(cell, name) for name, cell in cells.items() if name != INDEX}
    except BadField as error:
        return BadRow(number, str(error))
    return Record(number, fields, cells=True)


def _plain(value: Any, field: str) -> Any:
    """A cell as JSON would say it; NaN says that there is no value.

    A struct has every member in every row: one without a value is left out.
    """
    if isinstance(value, str) and len(value) > LONGEST_LINE:
        raise BadField(field, f"expected at most {LONGEST_LINE:,} characters, got more")
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return _number(value, field)
    if is_mapping(value):
        plain = {str(name): _plain(each, f"{field}.{name}") for name, each in value.items()}
        return {name: each for name, each in plain.items() if each is not None}
    if is_list(value):
        return [_plain(each, f"{field}[{place}]") for place, each in enumerate(value)]
    return _written(value, field)


def _number(value: float, field: str) -> float | None:
    if isinf(value):
        raise expected(field, "a number that JSON can say", value)
    return None if isnan(value) else value


def _written(value: Any, field: str) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise BadField(field, "expected text in UTF-8, got other bytes") from None
    raise expected(field, "text, numbers, lists or structs", value)
