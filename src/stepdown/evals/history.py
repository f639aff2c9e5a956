"""Evaluations over time: keeps each one in the ledger's database, and reads them back by series.

A series is the evaluations that differ in nothing but when they were made: one route, one data set
(by its SHA-256), one margin, one policy, one ladder, the same upstreams behind the models' names,
the same judge and the same scorers. With another configuration another series begins, so that what
moves within one has moved at a provider; going back to an earlier configuration goes on with its
series.

No prompt and no answer is kept, only each item's id, scores and whether it was regretted.
"""

import zlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Engine, Select, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from stepdown.evals.report import Report, Share
from stepdown.evals.rows import Row
from stepdown.quality.intervals import exact_interval
from stepdown.storage.address import DatabaseUnavailable
from stepdown.storage.money import from_pico, to_pico
from stepdown.storage.tables import eval_runs

FORMAT = 2
"""Of the body. New fields go to the end of a Struct, with a default, and keep the format."""


class Outcome(Struct, frozen=True, array_like=True):
    """One item in one run.

    ``regretted`` is None where the item was not downgraded, or is unscored. ``scores`` are in the
    ladder's order, each in 0..1, or None.
    """

    item: str
    regretted: bool | None
    scores: tuple[float | None, ...]


class _Body(Struct, frozen=True, array_like=True):
    """What is kept of a run in one value, packed."""

    outcomes: tuple[Outcome, ...]
    setup: str


class Series(Struct, frozen=True):
    """What the runs of a series have in common. ``digest`` is the SHA-256 of the data set,
    ``setup`` a hash of who answers and who scores (see ``Report``)."""

    route: str
    digest: str
    margin: float
    policy: str
    ladder: tuple[str, ...]
    setup: str = ""

    @property
    def key(self) -> str:
        """Sixteen hexadecimal digits that differ between series."""
        return sha256(msgspec.json.encode(self)).hexdigest()[:16]


class Run(Struct, frozen=True):
    """One evaluation, due at ``slot`` and reported at ``time`` (seconds since 1970).

    Of the ``rows``, ``down`` were downgraded; of these ``scored`` are scored, ``regrets`` regretted
    and ``unscored`` not scored. ``cost`` is what the route would have spent and ``reference_cost``
    what the last rung would have, in US dollars, None where a price is unknown. ``means`` is each
    model's mean score.
    """

    id: int
    series: Series
    slot: int
    time: float
    dataset: str
    confidence: float
    rows: int
    down: int
    scored: int
    regrets: int
    unscored: int
    cost: Decimal | None
    reference_cost: Decimal | None
    means: Mapping[str, float]
    outcomes: tuple[Outcome, ...]

    @property
    def regret(self) -> Share:
        """The downgrade regret with its exact interval (Clopper & Pearson 1934)."""
        ends = exact_interval(self.regrets, self.scored, self.confidence)
        return Share(self.regrets, self.scored, *ends)


class Incomplete(ValueError):
    """A report of an evaluation that did not come to its end: no run of a series."""


class DamagedRun(ValueError):
    """A run in the database that cannot be read, or that another version wrote."""


def series_of(report: Report) -> Series:
    """The series that an evaluation belongs to."""
    return Series(
        report.route,
        report.source.digest,
        report.margin,
        report.policy,
        tuple(report.ladder),
        report.setup,
    )


# ── Writing ──────────────────────────────────────────────────────────────────────────────────


def record(database: Engine, report: Report, slot: int) -> int | None:
    """Keep an evaluation that was due at ``slot`` (seconds since 1970); the run's id.

    None where its series has a run of this slot: whoever came second took the same answers from
    the cache, and counting them twice would make chance look like drift.
    Raises Incomplete, and DatabaseUnavailable where the database fails.
    """
    if report.stopped is not None:
        raise Incomplete(f"not recorded, since it is not whole: {report.stopped}")
    outcomes = [_outcome(row, report) for row in report.rows]
    if all(score is None for outcome in outcomes for score in outcome.scores):
        raise Incomplete(f"not recorded: no row is scored{_first_reason(report)}")
    insert = eval_runs.insert().values(_values(report, slot, outcomes)).returning(eval_runs.c.id)
    try:
        with database.begin() as connection:
            kept: int = connection.execute(insert).scalar_one()
    except IntegrityError:
        return None
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(f"The evaluation cannot be recorded: {error}") from error
    return kept


def _outcome(row: Row, report: Report) -> Outcome:
    regretted = row.regretted(report.margin) if row.downgraded else None
    return Outcome(row.id, regretted, tuple(rung.score for rung in row.rungs))


def _first_reason(report: Report) -> str:
    return next((f": {row.why}" for row in report.rows if row.why), "")


def _values(report: Report, slot: int, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    series, overall = series_of(report), report.overall
    return {
        "series": series.key,
        "slot": slot,
        "time": report.time,
        "route": series.route,
        "policy": series.policy,
        "ladder": msgspec.json.encode(series.ladder).decode(),
        "dataset": report.source.name,
        "digest": series.digest,
        "margin": series.margin,
        "confidence": report.confidence,
        "rows": overall.rows,
        "down": overall.down,
        "scored": overall.regret.trials,
        "regrets": overall.regret.events,
        "unscored": overall.unscored,
        "cost": _pico(overall.cost),
        "reference_cost": _pico(overall.reference_cost),
        "scores": msgspec.json.encode(_means(series.ladder, outcomes)).decode(),
        "format": FORMAT,
        "body": zlib.compress(msgspec.msgpack.encode(_Body(tuple(outcomes), series.setup))),
    }


def _pico(amount: Decimal | None) -> int | None:
    return None if amount is None else to_pico(amount)


def _means(ladder: Sequence[str], outcomes: Sequence[Outcome]) -> dict[str, float]:
    """The mean score of each model that has one."""
    means: dict[str, float] = {}
    for rung, model in enumerate(ladder):
        scores = [each.scores[rung] for each in outcomes]
        known = [score for score in scores if score is not None]
        if known:
            means[model] = sum(known) / len(known)
    return means


# ── Reading ──────────────────────────────────────────────────────────────────────────────────


def runs(database: Engine, series: Series, since: float | None = None) -> list[Run]:
    """A series' runs since a moment (seconds since 1970; None: ever), oldest first.

    Raises DatabaseUnavailable where the database fails, DamagedRun.
    """
    return _read(database, _since(since).where(eval_runs.c.series == series.key))


def histories(
    database: Engine,
    route: str | None = None,
    digest: str | None = None,
    since: float | None = None,
) -> list[list[Run]]:
    """The runs of each series, oldest first; the series that had a run last stands last.

    Of one route or data set, where they are given. Raises as ``runs`` does.
    """
    query = _since(since)
    if route is not None:
        query = query.where(eval_runs.c.route == route)
    if digest is not None:
        query = query.where(eval_runs.c.digest == digest)
    by_series: dict[Series, list[Run]] = {}
    for run in _read(database, query):
        by_series.setdefault(run.series, []).append(run)
    return sorted(by_series.values(), key=lambda series: (series[-1].slot, series[-1].id))


def _since(since: float | None) -> Select[Any]:
    query = select(eval_runs).order_by(eval_runs.c.slot, eval_runs.c.id)
    return query if since is None else query.where(eval_runs.c.time >= since)


def _read(database: Engine, query: Select[Any]) -> list[Run]:
    try:
        with database.connect() as connection:
            return [_run(row) for row in connection.execute(query)]
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(f"The evaluations cannot be read: {error}") from error


_body = msgspec.msgpack.Decoder(_Body)


def _run(row: Any) -> Run:
    if row.format != FORMAT:
        raise DamagedRun(f"format: expected {FORMAT}, got {row.format} in run {row.id}")
    try:
        body = _body.decode(zlib.decompress(row.body))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise DamagedRun(f"run {row.id} is damaged: {error}") from error
    ladder = msgspec.json.decode(row.ladder, type=tuple[str, ...])
    return Run(
        id=row.id,
        series=Series(row.route, row.digest, row.margin, row.policy, ladder, body.setup),
        slot=row.slot,
        time=row.time,
        dataset=row.dataset,
        confidence=row.confidence,
        rows=row.rows,
        down=row.down,
        scored=row.scored,
        regrets=row.regrets,
        unscored=row.unscored,
        cost=None if row.cost is None else from_pico(row.cost),
        reference_cost=None if row.reference_cost is None else from_pico(row.reference_cost),
        means=msgspec.json.decode(row.scores, type=dict[str, float]),
        outcomes=body.outcomes,
    )
