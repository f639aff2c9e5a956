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

from stepdown.storage.columns import EXPIRED_PAIRS, ROLLUP_SUMS, SHADOW, TRIES_SUMS

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
    *(Column(name, BigInteger, nullable=False, server_default="0") for name in ROLLUP_SUMS),
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

pairs = Table(
    "pairs",
    metadata,
    Column("id", String, primary_key=True),
    Column("time", Double, nullable=False),
    Column("route", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("policy", String, nullable=False),
    Column("served", SmallInteger, nullable=False),
    Column("candidate", SmallInteger, nullable=False),
    Column("reference", SmallInteger, nullable=False),
    Column("candidate_model", String, nullable=False),
    Column("reference_model", String, nullable=False),
    Column("propensity", Double, nullable=False),
    Column("saver", String, primary_key=True),
    Column("key", String, nullable=False),
    Column("stint", Integer, nullable=False),
    Column("candidate_score", Double),
    Column("reference_score", Double),
    Column("regret", SmallInteger),
    Column("scorer", String, nullable=False),
    Column("flips", Integer, nullable=False),
    Column("judged", Integer, nullable=False),
    Column("why", String),
    Column("candidate_cost", BigInteger),
    Column("reference_cost", BigInteger),
    Column("judge_cost", BigInteger, nullable=False),
    Column("tenant", String, nullable=False),
    Column("tags", String, nullable=False),
    Column("readings", String, nullable=False),
    Index("pairs_evidence", "key", "stint", "propensity", "regret"),
    Index("pairs_recent", "key", "stint", "time"),
    Index("pairs_route", "route", "time"),
    Index("pairs_time", "time"),
)
"""Requests that were answered twice: the fields of ``quality.pairs.Pair``, in their order.

``regret`` is 0 or 1; ``tags`` is a JSON array, ``readings`` a JSON object. The first index alone
answers what a guard asks every few seconds."""

pair_texts = Table(
    "pair_texts",
    metadata,
    Column("id", String, primary_key=True),
    Column("saver", String, primary_key=True),
    Column("time", Double, nullable=False),
    Column("format", SmallInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("pair_texts_time", "time"),
)
"""What was asked and answered, where the configuration asks for it; apart, since it is kept for a
time of its own."""

expired_pairs = Table(
    EXPIRED_PAIRS.name,
    metadata,
    Column("key", String, primary_key=True),
    Column("stint", Integer, primary_key=True, autoincrement=False),
    Column("propensity", Double, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in EXPIRED_PAIRS.sums),
)
"""What a guard counted of pairs that are deleted. Never dropped."""

shadow_counters = Table(
    SHADOW.name,
    metadata,
    Column("bucket", BigInteger, primary_key=True, autoincrement=False),
    Column("route", String, primary_key=True),
    Column("reason", String, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in SHADOW.sums),
)
"""Sums per hour of what became of sampled requests. Never dropped."""

guard_events = Table(
    "guard_events",
    metadata,
    Column("key", String, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("time", Double, nullable=False),
    Column("route", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("from_state", String, nullable=False),
    Column("to_state", String, nullable=False),
    Column("why", String, nullable=False),
    Column("who", String, nullable=False),
    Column("evidence", String, nullable=False),
    Index("guard_events_time", "time"),
)
"""Each change of a guard's state, numbered by ``seq`` for its key, so that of two replicas one is
first. Never dropped."""

guard_alerts = Table(
    "guard_alerts",
    metadata,
    Column("id", String, primary_key=True),
    Column("target", String, primary_key=True),
    Column("time", Double, nullable=False),
    Index("guard_alerts_time", "time"),
)
"""Which alerts of a guard's events a webhook has taken, and when; others are sent again."""
