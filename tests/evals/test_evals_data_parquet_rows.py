"""Rows of Parquet: cells of every type as JSON would say them."""

import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from stepdown.evals.data import parquet_rows as module
from stepdown.evals.data.faults import BadDataset
from stepdown.evals.data.parquet_rows import parquet_rows
from stepdown.evals.data.reading import read_dataset
from stepdown.evals.data.records import Record
from stepdown.evals.items import BadRow
from support import datasets

arrow: Any = import_module("pyarrow")
parquet: Any = import_module("pyarrow.parquet")


def test_cells(tmp_path: Path) -> None:
    row = {
        "text": "a",
        "whole": 3,
        "number": 0.5,
        "nan": float("nan"),
        "missing": None,
        "flag": True,
        "bytes": b"b",
        "money": Decimal("0.25"),
        "day": date(2026, 1, 2),
        "moment": datetime(2026, 1, 2, 3, tzinfo=UTC),
        "list": [{"a": 1, "b": None}],
    }
    path = datasets.parquet(tmp_path / "d.parquet", [row, {**row, "bytes": b"\xff"}])
    good, bad = parquet_rows(path)
    assert good == Record(
        1,
        {
            **row,
            "nan": None,
            "bytes": "b",
            "money": 0.25,
            "day": "2026-01-02",
            "moment": "2026-01-02T03:00:00+00:00",
            "list": [{"a": 1}],
        },
        cells=True,
    )
    assert bad == BadRow(2, "bytes: expected text in UTF-8, got other bytes")


def test_what_json_cannot_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_LINE", 3)
    rows: list[dict[str, Any]] = [
        {"a": [1.0], "b": "x"},
        {"a": [float("inf")], "b": "x"},
        {"a": [], "b": "long"},
    ]
    assert list(parquet_rows(datasets.parquet(tmp_path / "d.parquet", rows)))[1:] == [
        BadRow(2, "a[0]: expected a number that JSON can say, got inf"),
        BadRow(3, "b: expected at most 3 characters, got more"),
    ]


def test_maps_and_many_rows(tmp_path: Path) -> None:
    scores = arrow.array(
        [[("m", 1.0), ("n", 0.0)]] * 1_000, type=arrow.map_(arrow.string(), arrow.float64())
    )
    prompts = arrow.array([f"{n}?" for n in range(1_000)])
    path = tmp_path / "d.parquet"
    parquet.write_table(arrow.table({"prompt": prompts, "scores": scores}), path)
    dataset = read_dataset(path)
    assert (len(dataset.items), dataset.bad) == (1_000, ())
    last = dataset.items[-1]
    assert (last.id, last.line, last.known["m"].score) == ("line-1000", 1_000, 1.0)


def test_messages_as_structs(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"messages": [{"role": "user", "content": "a?", "name": None}], "tags": ["x"]},
        {"messages": [{"role": "user", "content": "b?", "name": "Ana"}], "tags": []},
    ]
    dataset = read_dataset(datasets.parquet(tmp_path / "d.parquet", rows))
    assert dataset.items[0].body == {"messages": [{"role": "user", "content": "a?"}]}
    assert dataset.items[1].body["messages"][0]["name"] == "Ana"
    assert dataset.items[0].tags == ("x",)


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = datasets.parquet(tmp_path / "d.parquet", [{"prompt": "x" * 1_000}] * 10)
    monkeypatch.setattr(module, "MOST_BYTES", 5_000)
    with pytest.raises(BadDataset, match="at most 5,000 bytes"):
        list(parquet_rows(path))


def test_a_column_twice(tmp_path: Path) -> None:
    column = arrow.array(["a"])
    path = tmp_path / "d.parquet"
    parquet.write_table(arrow.Table.from_arrays([column, column], names=["p", "p"]), path)
    with pytest.raises(BadDataset, match="expected each column once, got 'p' twice"):
        list(parquet_rows(path))


def test_a_damaged_file(tmp_path: Path) -> None:
    path = datasets.parquet(tmp_path / "d.parquet", [{"prompt": f"{n}?"} for n in range(500)])
    body = bytearray(path.read_bytes())
    body[10:200] = bytes(190)
    path.write_bytes(body)
    with pytest.raises(BadDataset, match="expected Parquet, got: "):
        list(parquet_rows(path))


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = datasets.parquet(tmp_path / "d.parquet", [{"prompt": "a"}])
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(BadDataset, match=r"d.parquet: needs `pip install 'stepdown\[parquet\]'`"):
        read_dataset(path)
