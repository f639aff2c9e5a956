"""Writes small data sets of every kind of file."""

import csv
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]


def jsonl(path: Path, rows: Iterable[Row]) -> Path:
    return text(path, "".join(f"{json.dumps(row)}\n" for row in rows))


def table(path: Path, rows: Sequence[Row]) -> Path:
    """CSV; an object or a list becomes the JSON of it, None an empty cell."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _cell(value) for name, value in row.items()})
    return path


def parquet(path: Path, rows: Sequence[Row]) -> Path:
    arrow: Any = import_module("pyarrow")
    import_module("pyarrow.parquet").write_table(arrow.Table.from_pylist(list(rows)), path)
    return path


def text(path: Path, content: str | bytes) -> Path:
    """The file with this content, compressed where its name ends in ``.gz``."""
    body = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(body) if path.suffix == ".gz" else body)
    return path


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value
