"""Two evaluations side by side, row by row: what the second does better, worse, cheaper.

Both answered the same rows, so that each row is its own control: what counts is how far its two
outcomes lie apart, and how hard the row is cancels out. The interval of a mean difference is the
betting interval of ``quality.means`` over the rows' differences, in a shuffled order; that of costs
is explained in ``spending``. Each interval is read by itself: all hold at once with less.

Rows that only one has are left out. For scores and regret so are rows that either did not score, as
a row without a score is no zero; for costs, those on which a model did not answer. Where a price is
unknown costs are not compared at all: which rows lack one depends on the model that answered.
"""

import math
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from stepdown.evals.order import shuffled
from stepdown.evals.report import Report
from stepdown.evals.rows import Row
from stepdown.evals.spending import mean_difference, priced, standing
from stepdown.quality.means import mean_interval

MOST_LISTED = 10
"""Losses, and gains."""

Pair = tuple[Row, Row]


class NotComparable(ValueError):
    """Two reports that have nothing in common."""


class Difference(Struct, frozen=True):
    """Means over the same rows, B less A, with an interval for it."""

    a: float
    b: float
    low: float
    high: float
    rows: int

    @property
    def value(self) -> float:
        return self.b - self.a


class Side(Struct, frozen=True):
    """What one of the two did with a row. ``score`` is in 0..1."""

    decision: str
    model: str
    score: float


class Changed(Struct, frozen=True):
    """A row on which the two scored differently."""

    id: str
    line: int
    prompt: str
    a: Side
    b: Side

    @property
    def gain(self) -> float:
        return self.b.score - self.a.score


class Comparison(Struct, frozen=True):
    """B less A, over the ``rows`` that both have.

    ``quality`` is the mean score served, ``regret`` the share of all rows that are downgrade
    regrets, ``down`` the share answered below the last rung, ``cost`` US dollars a row, ``saved_a``
    and ``saved_b`` shares of the reference cost; None where no row tells, or a price is unknown.
    ``unscored`` rows lack a score in either, ``failed`` rows a cost as a model did not answer,
    ``unpriced`` ones as a price is unknown. ``moved`` rows were answered by another model.
    ``losses`` and ``gains`` are the largest of those that are ``worse`` and ``better``.
    """

    confidence: float
    margin: float
    rows: int
    only_a: int
    only_b: int
    unscored: int
    failed: int
    unpriced: int
    quality: Difference | None
    regret: Difference | None
    down: Difference
    cost: Difference | None
    saved_a: float | None
    saved_b: float | None
    moved: int
    worse: int
    better: int
    losses: tuple[Changed, ...]
    gains: tuple[Changed, ...]
    notes: tuple[str, ...] = ()


def compare(a: Report, b: Report, confidence: float) -> Comparison:
    """What B does differently. Raises NotComparable; ValueError for a confidence out of bounds."""
    if a.margin != b.margin:
        raise NotComparable(
            f"the margin is {a.margin:g} in A and {b.margin:g} in B: evaluate both with the same"
        )
    pairs = _pairs(a, b)
    scored = [pair for pair in pairs if all(row.lead() is not None for row in pair)]
    money = _money(pairs, confidence)
    changed = sorted(_changed(scored), key=lambda each: (each.gain, each.line))
    losses = [each for each in changed if each.gain < 0]
    gains = [each for each in reversed(changed) if each.gain > 0]
    return Comparison(
        confidence,
        a.margin,
        len(pairs),
        len(a.rows) - len(pairs),
        len(b.rows) - len(pairs),
        len(pairs) - len(scored),
        money.failed,
        money.unpriced,
        _difference(scored, _score, confidence),
        _difference(scored, lambda row: float(bool(row.regretted(a.margin))), confidence),
        _mean_difference(pairs, lambda row: float(row.downgraded), confidence),
        money.cost,
        money.saved_a,
        money.saved_b,
        sum(first.served.model != second.served.model for first, second in pairs),
        len(losses),
        len(gains),
        tuple(losses[:MOST_LISTED]),
        tuple(gains[:MOST_LISTED]),
        _notes(a, b),
    )


def _pairs(a: Report, b: Report) -> list[Pair]:
    """The rows of both, by id, in a shuffled order. Raises NotComparable."""
    first, second = _by_id(a, "A"), _by_id(b, "B")
    pairs = [(row, second[row.id]) for row in shuffled(first.values()) if row.id in second]
    if not pairs:
        raise NotComparable(
            f"no row of A ({a.source.name}) has its id in B ({b.source.name}): "
            "compare evaluations of the same data"
        )
    return pairs


def _by_id(report: Report, side: str) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for row in report.rows:
        if row.id in rows:
            raise NotComparable(f"{side}: line {row.line}: the id {row.id!r} is there twice")
        rows[row.id] = row
    return rows


def _notes(a: Report, b: Report) -> tuple[str, ...]:
    """What makes the two less alike than they look."""
    notes: list[str] = []
    if a.source.digest != b.source.digest:
        notes.append(
            f"The data differ ({a.source.name}, {b.source.name}): rows are taken as the same by "
            "their ids."
        )
    if a.ladder[-1] != b.ladder[-1]:
        notes.append(
            f"The references differ ({a.ladder[-1]}, {b.ladder[-1]}): regret and saving are each "
            "against its own."
        )
    for side, report in (("A", a), ("B", b)):
        if report.stopped is not None:
            notes.append(f"{side} is not of the whole set: {report.stopped}")
    return tuple(notes)


# ── Differences ──────────────────────────────────────────────────────────────────────────────


def _score(row: Row) -> float:
    score = row.served.score
    assert score is not None
    return score


def _difference(
    pairs: Sequence[Pair], value_of: Callable[[Row], float], confidence: float
) -> Difference | None:
    return _mean_difference(pairs, value_of, confidence) if pairs else None


def _mean_difference(
    pairs: Sequence[Pair], value_of: Callable[[Row], float], confidence: float
) -> Difference:
    """Of values in 0..1."""
    before, after = ([value_of(pair[side]) for pair in pairs] for side in (0, 1))
    values = [new - old for old, new in zip(before, after, strict=True)]
    low, high = mean_interval(values, -1.0, 1.0, confidence)
    return Difference(_mean(before), _mean(after), low, high, len(pairs))


class _Money(Struct):
    failed: int
    unpriced: int
    cost: Difference | None = None
    saved_a: float | None = None
    saved_b: float | None = None


def _money(pairs: Sequence[Pair], confidence: float) -> _Money:
    stands = [{standing(row) for row in pair} for pair in pairs]
    unpriced = sum("unpriced" in each for each in stands)
    known = [pair for pair, each in zip(pairs, stands, strict=True) if each == {"known"}]
    failed = len(pairs) - len(known) - unpriced
    if unpriced or not known:
        return _Money(failed, unpriced)
    before, after = (priced(pair[side] for pair in known) for side in (0, 1))
    low, high = mean_difference(before.costs, after.costs, confidence)
    cost = Difference(_mean(before.costs), _mean(after.costs), low, high, len(known))
    return _Money(failed, unpriced, cost, before.saved, after.saved)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _changed(pairs: Iterable[Pair]) -> list[Changed]:
    return [
        Changed(first.id, first.line, first.prompt, _side(first), _side(second))
        for first, second in pairs
        if first.served.score != second.served.score
    ]


def _side(row: Row) -> Side:
    return Side(row.decision, row.served.model, _score(row))
