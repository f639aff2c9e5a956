"""What an evaluation found: the nouns of a report, and the JSON file that keeps one."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from stepdown.evals.items import BadRow
from stepdown.evals.rows import Row
from stepdown.evals.whole import write_whole
from stepdown.quality.shares import Share as Share  # a noun of reports, too
from stepdown.routing.rules import Match

VERSION = 1
"""Of the file. New fields go to the end of a Struct, with a default, and keep the version."""

By = Literal["rule", "rung", "tag", "length"]


class Mean(Struct, frozen=True):
    """A mean over so many rows, with an interval that holds for any bounded values."""

    value: float
    low: float
    high: float
    rows: int


class Group(Struct, frozen=True):
    """Some of the rows, and how the route did on them.

    ``down`` rows were answered below the last rung. ``regret`` is the downgrade regret: the share
    of those, as far as they are scored, on which the reference scored higher by more than the
    margin. ``unscored`` of them are not scored; ``worst`` counts each of these as a regret.

    Of the rows kept at the last rung that have a score of every rung, ``wasted`` is the share on
    which a cheaper rung was within the margin, and ``risked`` the share that would be regrets had
    the first rung answered. ``delta`` is the mean of served score less reference score over all
    rows that have both.

    Money is US dollars. ``unpriced`` rows have an unknown cost or reference cost and are in neither
    sum, so that the two can be compared; both are None where no row is priced.
    """

    name: str
    rows: int
    down: int
    regret: Share
    unscored: int
    worst: Share
    wasted: Share
    risked: Share
    delta: Mean | None = None
    cost: Decimal | None = None
    reference_cost: Decimal | None = None
    unpriced: int = 0

    @property
    def saved(self) -> Decimal | None:
        if self.cost is None or self.reference_cost is None:
            return None
        return self.reference_cost - self.cost

    @property
    def share_saved(self) -> float | None:
        """Of the reference cost; None where either is unknown or nothing was spent."""
        if self.saved is None or not self.reference_cost:
            return None
        return float(self.saved / self.reference_cost)


class Grouping(Struct, frozen=True):
    """The rows by one of their properties.

    The intervals of a quantity hold together: all groups' are right at once with the report's
    confidence (Bonferroni over the groups that have any trial of it). ``each`` is the confidence of
    one interval of the regret.
    """

    by: By
    groups: tuple[Group, ...]
    each: float


class Policy(Struct, frozen=True):
    """A way of choosing models, over the rows that every rung has a score for.

    ``down`` is the share answered below the last rung, ``quality`` the mean score, ``regret`` the
    downgrade regret of those sent down (None where none was), ``cost`` US dollars a row, None where
    it is unknown for any of them. For ``random`` these are expectations, and ``spread`` is the
    standard deviation of its quality.
    """

    name: str
    down: float
    quality: float
    regret: float | None = None
    cost: float | None = None
    spread: float | None = None


class Point(Struct, frozen=True, array_like=True):
    """One place of a curve: the share of rows that the last rung answers, the mean score, and the
    cost in US dollars a row."""

    strong: float
    quality: float
    cost: float | None = None


class Curve(Struct, frozen=True):
    """What a ranking of the rows gives as more of them go to the last rung, the rest to the first.

    ``apgr``: average performance gap recovered, the mean over the share of strong calls of
    (quality - all cheap) / (all strong - all cheap). ``cpt50``, ``cpt80``: the percentage of strong
    calls needed to recover 50 and 80 % of the gap. None where the last rung is not better than the
    first. ``at`` holds the quality at fixed costs: by the share of strong calls that it takes
    (0.2, 0.5, 0.8). Source: RouteLLM, arXiv 2406.18665.
    """

    name: str
    points: tuple[Point, ...]
    apgr: float | None
    cpt50: float | None
    cpt80: float | None
    at: Mapping[str, float] = {}


class Corrected(Struct, frozen=True):
    """The regret without the judge's errors, and what is known of those.

    ``method`` is ``rogan-gladen`` (error rates from pairs that people labelled) or ``ppi``
    (prediction-powered: people labelled ``overlap`` of the very pairs judged here).
    """

    method: Literal["rogan-gladen", "ppi"]
    value: float
    low: float
    high: float
    labelled: int
    overlap: int
    false_positive: Share
    false_negative: Share


class Spent(Struct, frozen=True):
    """What the run itself cost. Money is US dollars; ``unpriced`` calls are not in it."""

    calls: int = 0
    from_cache: int = 0
    failed: int = 0
    cost: Decimal = Decimal(0)
    judge_calls: int = 0
    judge_cost: Decimal = Decimal(0)
    unpriced: int = 0
    seconds: float = 0.0


class Source(Struct, frozen=True):
    """The data set. ``digest`` is the SHA-256 of its file."""

    name: str
    format: str
    digest: str
    rows: int
    bad: tuple[BadRow, ...] = ()


class Report(Struct, frozen=True):
    """An evaluation of one route on one data set.

    ``margin`` is in score, ``confidence`` in 0..1. ``time`` is seconds since 1970. ``rules`` are
    the route's, as the configuration would write them out, and ``match`` says how they are
    combined. ``scorers`` counts rows by what settled them. ``stopped`` says why not every item was
    asked (the budget, an interrupt). ``setup`` is a hash of who answered and who scored
    (``fingerprint``). ``simulated`` models made their answers up.
    """

    version: int
    time: float
    route: str
    ladder: tuple[str, ...]
    rules: Any
    policy: str
    source: Source
    margin: float
    confidence: float
    overall: Group
    groupings: tuple[Grouping, ...]
    policies: tuple[Policy, ...]
    curves: tuple[Curve, ...]
    rows: tuple[Row, ...]
    scorers: Mapping[str, int] = {}
    flips: int = 0
    judged: int = 0
    corrected: Corrected | None = None
    spent: Spent = Spent()
    stopped: str | None = None
    match: Match = "all"
    setup: str = ""
    simulated: tuple[str, ...] = ()


class NotAReport(ValueError):
    """A file that holds no report, or one of another version."""


_decoder = msgspec.json.Decoder(Report)


def write(report: Report, path: Path) -> None:
    """Write a report as JSON; the file appears whole or not at all. Raises OSError."""
    write_whole(path, msgspec.json.encode(report) + b"\n")


def read(path: Path) -> Report:
    """Raises NotAReport, or OSError."""
    return decode(path.read_bytes())


def decode(body: bytes) -> Report:
    """Raises NotAReport."""
    try:
        report = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotAReport(f"not a report of 'stepdown eval run --json': {error}") from error
    if report.version != VERSION:
        raise NotAReport(f"version: expected {VERSION}, got {report.version}")
    return report
