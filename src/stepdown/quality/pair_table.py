"""Pairs as a Parquet table, some hundred rows at a time. Needs the extra ``parquet``.

What has no fixed shape (readings, prompt, an answer that calls tools) is JSON text in its column;
money is a decimal with twelve places, in US dollars.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

AT_ONCE = 500
_PLACES = Decimal(1).scaleb(-12)
_MONEY = ("candidate_cost", "reference_cost", "judge_cost")
_SCORES = ("candidate_score", "reference_score")
_WHOLE = ("served", "candidate", "reference", "stint", "flips", "judged")
_TEXTS = (
    *("id", "route", "rule", "policy", "candidate_model", "reference_model", "saver", "key"),
    *("scorer", "why", "tenant", "readings", "prompt", "candidate_answer", "reference_answer"),
)

_encode = msgspec.json.Encoder(enc_hook=str).encode


def write_parquet(rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write rows, the fields of pairs with their texts. Raises ValueError without the extra."""
    try:
        arrow: Any = import_module("pyarrow")
        parquet: Any = import_module("pyarrow.parquet")
    except ImportError:
        raise ValueError("Parquet needs `pip install 'stepdown[parquet]'`") from None
    schema = _schema(arrow)
    remaining = iter(rows)
    with parquet.ParquetWriter(path, schema) as writer:
        while batch := list(islice(_cells(remaining), AT_ONCE)):
            writer.write_table(arrow.Table.from_pylist(batch, schema=schema))


def _schema(arrow: Any) -> Any:
    kinds: dict[str, Any] = dict.fromkeys(_TEXTS, arrow.string())
    kinds |= dict.fromkeys(_MONEY, arrow.decimal128(38, 12))
    kinds |= dict.fromkeys(("time", "propensity", *_SCORES), arrow.float64())
    kinds |= dict.fromkeys(_WHOLE, arrow.int64())
    kinds |= {"regret": arrow.bool_(), "tags": arrow.list_(arrow.string())}
    return arrow.schema(list(kinds.items()))


def _cells(rows: Iterator[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield {name: _cell(name, value) for name, value in row.items()}


def _cell(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _MONEY:
        return value.quantize(_PLACES)
    if name in _TEXTS and not isinstance(value, str):
        return _encode(value).decode()
    return list(value) if name == "tags" else value
