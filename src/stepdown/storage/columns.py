"""The columns of the tables that the serving process writes, by name.

They stand apart from ``tables.py`` so that a serving process need not import SQLAlchemy, which
costs it a third of a second and ten megabytes.
"""

from typing import NamedTuple

REVISION = "0009"
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
    "saved_exact",
    "saved_semantic",
    "saved_cascade",
    "saved_compression",
    "saved_batch",
)
"""What a rollup row adds up. Money in picodollars; see ``ledger/rollup.py`` for each one."""

TRIES_KEY = ("bucket", "route", "decision", "rung", "model", "role", "verdict")
"""What a row of tries is about. ``bucket`` is as in a rollup; ``ledger/tries.py`` has the rest."""

TRIES_SUMS = (
    "tries",
    "early",
    "estimated",
    "unpriced",
    "input_tokens",
    "output_tokens",
    "early_output_tokens",
    "milliseconds",
    "early_milliseconds",
    "cost",
    "reference_cost",
    "saved",
)
"""What a row of tries adds up. Money in picodollars; see ``ledger/tries.py`` for each one."""


class Summed(NamedTuple):
    """A table of sums: the columns that tell its rows apart, and the sums.

    Of what is summed up per minute or hour, its start stands first.
    """

    name: str
    key: tuple[str, ...]
    sums: tuple[str, ...]


ROLLUP = Summed("rollup", ROLLUP_KEY, ROLLUP_SUMS)
TRIES = Summed("tries", TRIES_KEY, TRIES_SUMS)

SHADOW = Summed("shadow_counters", ("bucket", "route", "reason"), ("amount", "cost"))
"""What became of sampled requests. ``bucket`` is the hour's start in seconds since 1970 (UTC);
money in picodollars; ``quality/records/counters.py`` has the rest."""

EXPIRED_PAIRS = Summed("expired_pairs", ("key", "stint", "propensity"), ("pairs", "regrets"))
"""The scored pairs that were deleted: what a guard counts outlives them."""

SEGMENT = ("writer", "first_time", "last_time", "details", "dropped", "format", "body")
"""One flush's worth of details: how many there are, how many were dropped before, the blob."""
