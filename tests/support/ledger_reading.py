"""Reads a gateway's ledger from outside while the gateway writes it."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from stepdown.ledger.detail import Detail, unpack
from stepdown.storage.money import from_pico

PATIENCE = 5.0


def details(database: Path) -> list[Detail]:
    """Every request recorded so far, oldest first; none while there is no ledger yet."""
    if not database.exists():
        return []
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as ledger:
        try:
            rows = ledger.execute("SELECT body FROM request_log ORDER BY id").fetchall()
        except sqlite3.OperationalError:
            return []
    return [detail for (body,) in rows for detail in unpack(body)]


def totals(database: Path) -> tuple[int, Decimal]:
    """The rollup's requests, and their cost in US dollars."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as ledger:
        found = ledger.execute("SELECT sum(requests), sum(cost) FROM rollup").fetchone()
    return int(found[0] or 0), from_pico(found[1] or 0)


def recorded(database: Path, *, model: str, since: float = 0.0) -> Detail:
    """The first request for a model or route since then (seconds since 1970), once it is there."""
    return _awaited(
        database,
        lambda detail: model in (detail.model, detail.route) and detail.time >= since,
        f"a request for {model!r}",
    )


def recorded_as(database: Path, request: str) -> Detail:
    """The request of this id, once it is there."""
    return _awaited(database, lambda detail: detail.id == request, f"request {request}")


def _awaited(database: Path, wanted: Callable[[Detail], bool], what: str) -> Detail:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for detail in details(database):
            if wanted(detail):
                return detail
        time.sleep(0.02)
    raise AssertionError(f"{what} was not recorded in {PATIENCE:g} s")
