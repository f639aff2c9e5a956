"""Pairs as a Parquet table."""

from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

from msgspec import structs

from stepdown.quality.pair_table import write_parquet
from stepdown.quality.pairs import Pair
from support.pairs import make_pair

TEXTS = {"prompt": None, "candidate_answer": None, "reference_answer": None}


def rows(*pairs: Pair) -> list[dict[str, Any]]:
    return [{**structs.asdict(pair), **TEXTS} for pair in pairs]


def test_every_field_of_a_pair_has_a_column_in_its_order(tmp_path: Path) -> None:
    parquet: Any = import_module("pyarrow.parquet")
    path = tmp_path / "pairs.parquet"
    write_parquet(iter(rows(make_pair(flips=1, judge_cost=Decimal("0.1")), make_pair())), path)
    table = parquet.read_table(path)
    assert set(table.column_names) == {*Pair.__struct_fields__, *TEXTS}
    first = table.to_pylist()[0]
    assert (first["flips"], first["judge_cost"], first["regret"]) == (1, Decimal("0.1"), False)


def test_money_is_kept_to_the_twelfth_place(tmp_path: Path) -> None:
    parquet: Any = import_module("pyarrow.parquet")
    path = tmp_path / "pairs.parquet"
    write_parquet(rows(make_pair(candidate_cost=Decimal("1.23456789012345"))), path)
    [row] = parquet.read_table(path).to_pylist()
    assert row["candidate_cost"] == Decimal("1.234567890123")


def test_no_rows_make_an_empty_table(tmp_path: Path) -> None:
    parquet: Any = import_module("pyarrow.parquet")
    path = tmp_path / "pairs.parquet"
    write_parquet([], path)
    assert parquet.read_table(path).num_rows == 0
