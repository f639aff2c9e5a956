"""Pairs as the shadow leaves them, for tests of what comes after it."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine

from stepdown.quality.pairs import Pair
from stepdown.quality.records.pair_rows import row_of
from stepdown.quality.records.pair_store import Batch, PairStore
from stepdown.storage.address import parse
from stepdown.storage.database import open_database

NOON = 1_760_011_200.0
"""A moment in seconds since 1970, an hour's start."""

_numbers = itertools.count()


def make_pair(**changes: Any) -> Pair:
    """A scored pair whose candidate was served; ``changes`` are its fields."""
    usual: dict[str, Any] = {
        "id": f"req_{next(_numbers)}",
        "time": NOON,
        "route": "auto",
        "rule": "short-label",
        "policy": "a1b2",
        "served": 0,
        "candidate": 0,
        "reference": 1,
        "candidate_model": "gpt-4o-mini",
        "reference_model": "gpt-4o",
        "propensity": 0.02,
        "key": "auto/short-label",
        "stint": 1,
        "candidate_score": 1.0,
        "reference_score": 1.0,
        "regret": False,
        "scorer": "exact",
        "candidate_cost": Decimal("0.000024"),
        "reference_cost": Decimal("0.0004"),
    }
    return Pair(**usual | changes)


def store_pairs(url: str, *pairs: Pair) -> None:
    """Write pairs at once."""
    store = PairStore(parse(url))
    store.write(Batch(pairs=[row_of(pair) for pair in pairs]))
    store.close()


@contextmanager
def reading(url: str) -> Iterator[Engine]:
    """An engine over the database, for what reads with SQLAlchemy."""
    engine = open_database(url)
    try:
        yield engine
    finally:
        engine.dispose()
