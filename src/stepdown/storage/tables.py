"""The tables, for SQLAlchemy: what migrations are checked against and queries are built from."""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
)

from stepdown.storage.columns import ROLLUP_SUMS, TRIES_SUMS

metadata = MetaData()

_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by INTEGER keys only

rollup = Table(
    "rollup",
    metadata,
    Column("bucket", BigInteger, primary_key=True, autoincrement=False),
    Column("route", String, primary_key=True),
    Column("decision", String, primary_key=True),
    Column("rung", SmallInteger, primary_key=True, autoincrement=False),
    Column("model", String, primary_key=True),
    Column("outcome", String, primary_key=True),
    Column("tags", String, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in ROLLUP_SUMS),
)
"""Sums per minute (per hour once old), each key's empty parts as ``''``. Never dropped."""

tries = Table(
    "tries",
    metadata,
    Column("bucket", BigInteger, primary_key=True, autoincrement=False),
    Column("route", String, primary_key=True),
    Column("decision", String, primary_key=True),
    Column("rung", SmallInteger, primary_key=True, autoincrement=False),
    Column("model", String, primary_key=True),
    Column("role", String, primary_key=True),
    Column("verdict", String, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in TRIES_SUMS),
)
"""The calls of cascades, summed like ``rollup`` and kept as long."""


def _segments(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("id", _ID, primary_key=True),
        Column("writer", String, nullable=False),
        Column("first_time", Double, nullable=False),
        Column("last_time", Double, nullable=False),
        Column("details", Integer, nullable=False),
        Column("dropped", BigInteger, nullable=False),
        Column("format", SmallInteger, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Index(f"{name}_last_time", "last_time"),
    )


request_log = _segments("request_log")
"""Details of requests, a flush's worth a row: docs/money.md says why."""

prompt_log = _segments("prompt_log")
"""Prompts, where the configuration asks for them; apart, since they are kept for a shorter time."""

eval_runs = Table(
    "eval_runs",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("series", String, nullable=False),
    Column("slot", BigInteger, nullable=False),
    Column("time", Double, nullable=False),
    Column("route", String, nullable=False),
    Column("policy", String, nullable=False),
    Column("ladder", String, nullable=False),
    Column("dataset", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("margin", Double, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("down", Integer, nullable=False),
    Column("scored", Integer, nullable=False),
    Column("regrets", Integer, nullable=False),
    Column("unscored", Integer, nullable=False),
    Column("cost", BigInteger),
    Column("reference_cost", BigInteger),
    Column("scores", String, nullable=False),
    Column("format", SmallInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("eval_runs_series", "series", "slot", unique=True),
)
"""Evaluations on a schedule, each item's outcome in the body. Never dropped: a run of a thousand
items takes some kilobytes, and drift shows only against runs that are old. ``evals/history.py``
has the rest."""
