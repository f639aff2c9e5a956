"""What was saved: the rollups since a moment, by rule, model, route or tag."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal, get_args

import msgspec
from msgspec import Struct
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from stepdown.ledger.minutes import first_bucket
from stepdown.storage.address import DatabaseUnavailable
from stepdown.storage.sums import read_sums, sums_of
from stepdown.storage.tables import request_log, rollup

By = Literal["rule", "model", "route", "tag"]
GROUPINGS: tuple[By, ...] = get_args(By)

_COLUMNS = {
    "rule": rollup.c.decision,
    "model": rollup.c.model,
    "route": rollup.c.route,
    "tag": rollup.c.tags,
}
_COUNTS = (
    "requests",
    "downgraded",
    "unpriced",
    "estimated",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
)
SAVERS = ("exact", "semantic", "route", "cascade", "compression", "batch")
"""The layers that save, in the order in which a request meets them."""
_AMOUNTS = (
    "cost",
    "reference_cost",
    "saved",
    *(f"saved_{saver}" for saver in SAVERS if saver != "route"),
)


class Savings(Struct, frozen=True):
    """The sums of one group. Money in US dollars.

    ``cost`` counts every known cost; ``reference_cost`` and ``saved`` count the requests with both
    costs known: all but ``unpriced``.
    """

    name: str
    requests: int = 0
    downgraded: int = 0
    unpriced: int = 0
    estimated: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost: Decimal = Decimal(0)
    reference_cost: Decimal = Decimal(0)
    saved: Decimal = Decimal(0)
    saved_exact: Decimal = Decimal(0)
    saved_semantic: Decimal = Decimal(0)
    saved_cascade: Decimal = Decimal(0)
    saved_compression: Decimal = Decimal(0)
    saved_batch: Decimal = Decimal(0)

    @property
    def saved_by(self) -> dict[str, Decimal]:
        """By saver what it saved, in the savers' order; together it is ``saved``."""
        others = {s: getattr(self, f"saved_{s}") for s in SAVERS if s != "route"}
        route = self.saved - sum(others.values(), Decimal(0))
        return {saver: others.get(saver, route) for saver in SAVERS}

    @property
    def share_down(self) -> float:
        """The share of the requests that was sent to another model than the reference, 0..1."""
        return self.downgraded / self.requests if self.requests else 0.0

    @property
    def share_saved(self) -> Decimal | None:
        """The share of the reference cost that was saved, or None where that is nothing."""
        return self.saved / self.reference_cost if self.reference_cost else None


class Report(Struct, frozen=True):
    """The groups, the most requests first, and their total.

    By tag, a request counts in each of its tags and once in the total. ``dropped`` is how many
    requests are in the sums without a detail, as far as the details reach back.
    """

    rows: list[Savings]
    total: Savings
    dropped: int


def savings(database: Engine, since: float | None = None, by: By = "rule") -> Report:
    """Sum up what happened since a moment (seconds since 1970; None: ever), from its minute on.

    Older than a week, sums are kept by the hour: ``since`` then counts from its hour on.
    Raises DatabaseUnavailable where the database fails.
    """
    column = _COLUMNS[by]
    sums = sums_of(rollup, _COUNTS, _AMOUNTS)
    grouped = select(column, *sums).group_by(column)
    whole = select(*sums)
    lost = select(func.coalesce(func.sum(request_log.c.dropped), 0))
    if since is not None:
        recent = rollup.c.bucket >= first_bucket(since)
        grouped, whole = grouped.where(recent), whole.where(recent)
        lost = lost.where(request_log.c.last_time >= since)
    try:
        with database.connect() as connection:
            rows = [
                Savings(row[0], **read_sums(_COUNTS, _AMOUNTS, row[1:]))
                for row in connection.execute(grouped)
            ]
            all_of_it = connection.execute(whole).one()
            total = Savings("total", **read_sums(_COUNTS, _AMOUNTS, all_of_it))
            dropped = int(connection.execute(lost).scalar_one())
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(f"The ledger cannot be read: {error}") from error
    if by == "tag":
        rows = _by_single_tag(rows)
    rows.sort(key=lambda row: (-row.requests, row.name))
    return Report(rows, total, dropped)


def _by_single_tag(rows: Iterable[Savings]) -> list[Savings]:
    """Spread groups of tag sets over their tags; requests without one are ``(untagged)``."""
    by_tag: dict[str, Savings] = {}
    for row in rows:
        for tag in msgspec.json.decode(row.name, type=list[str]) if row.name else ["(untagged)"]:
            mine = by_tag.get(tag, Savings(tag))
            by_tag[tag] = Savings(
                tag,
                *(getattr(mine, name) + getattr(row, name) for name in (*_COUNTS, *_AMOUNTS)),
            )
    return list(by_tag.values())
