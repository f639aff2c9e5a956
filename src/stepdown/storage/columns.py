"""The columns of the tables that the serving process writes, by name.

They stand apart from ``tables.py`` so that a serving process need not import SQLAlchemy, which
costs it a third of a second and ten megabytes.
"""

REVISION = "0001"
"""The newest migration: what ``alembic_version`` holds when the tables are up to date."""

ROLLUP_KEY = ("bucket", "route", "decision", "rung", "model", "outcome", "tags")
"""What a rollup row is about. ``bucket`` is the minute's start in seconds since 1970 (UTC)."""

ROLLUP_SUMS = (
    "requests",
    "downgraded",
    "unpriced",
    "estimated",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cost",
    "reference_cost",
    "saved",
)
"""What a rollup row adds up. Money in picodollars; see ``ledger/rollup.py`` for each one."""

SEGMENT = ("writer", "first_time", "last_time", "details", "dropped", "format", "body")
"""One flush's worth of details: how many there are, how many were dropped before, the blob."""
