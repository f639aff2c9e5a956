"""Corrects an evaluation's regret for the judge's own errors, from pairs that people judged.

The judge is asked about the labelled pairs too. Where people labelled enough of the very pairs that
were judged here, the correction is prediction-powered; otherwise the judge's error rates are taken
from the labelled pairs (Rogan & Gladen), which then have to be pairs of the same kind.
"""

from collections.abc import Callable, Sequence

from msgspec import Struct, structs

from stepdown.evals.order import shuffled
from stepdown.evals.report import Corrected, Report
from stepdown.evals.rows import Row
from stepdown.evals.working import work_through
from stepdown.ports import Judge
from stepdown.quality.correction import (
    Estimate,
    JudgeErrors,
    prediction_powered,
    rogan_gladen,
)
from stepdown.quality.driving import Make, OneThread, driven
from stepdown.quality.intervals import each_of, exact_interval
from stepdown.quality.judge_check import JudgeCheck, check_judge
from stepdown.quality.labelled import LabelledPair
from stepdown.types import Scores

ENOUGH_OVERLAP = 20
"""Pairs, judged here and labelled, from which on the correction is prediction-powered. It is fixed
beforehand, since a choice by what came of it would spoil the interval."""


class Checked(Struct, frozen=True):
    """A judge measured on the pairs that it was asked about, and why it was not asked about all.

    ``left`` pairs were not judged for that reason.
    """

    check: JudgeCheck
    left: int = 0
    stopped: str | None = None


async def checked(
    pairs: Sequence[LabelledPair],
    judge: Judge,
    make: Make,
    *,
    margin: float,
    confidence: float,
    at_once: int = 8,
    progress: Callable[[int], None] = lambda done: None,
) -> Checked:
    """The judge measured on labelled pairs, so many at once; ``make`` makes its calls.

    Ends early where the budget is used up or a stop is asked for: what is judged is kept.
    """
    apart = OneThread()

    async def judged(pair: LabelledPair) -> tuple[LabelledPair, Scores]:
        return pair, await driven(judge.judge(pair.choices(), pair.task()), make, apart)

    worked = await work_through(pairs, judged, at_once=at_once, progress=progress)
    return Checked(check_judge(worked.done, margin, confidence), worked.left, worked.stopped)


def judged_by(report: Report, judge: str) -> list[Row]:
    """The downgrades that this judge scored, in an order that has nothing to do with them."""
    return shuffled(row for row in _scored(report) if row.scorer == judge)


def corrected(
    report: Report, pairs: Sequence[LabelledPair], check: JudgeCheck, judge: str
) -> Report:
    """The report with its regret corrected, where this judge scored any downgrade.

    Rows that another scorer settled are taken as they are.
    """
    judged = judged_by(report, judge)
    if not judged:
        return report
    others = [row for row in _scored(report) if row.scorer != judge]
    labels = {pair.key: pair.better == "reference" for pair in pairs}
    margin = report.margin
    overlap = [
        (labels[row.pair], bool(row.regretted(margin))) for row in judged if row.pair in labels
    ]
    powered = len(overlap) >= ENOUGH_OVERLAP
    each = each_of(report.confidence, 3 if others else 1)
    regrets = _regrets(judged, margin), len(judged)
    estimate = (
        prediction_powered(regrets, overlap, each)
        if powered
        else rogan_gladen(*regrets, _errors(check), each)
    )
    if others:
        estimate = _together(estimate, len(judged), others, margin, each)
    found = Corrected(
        "ppi" if powered else "rogan-gladen",
        estimate.value,
        estimate.low,
        estimate.high,
        len(pairs),
        len(overlap),
        check.false_positive,
        check.false_negative,
    )
    return structs.replace(report, corrected=found)


def _scored(report: Report) -> list[Row]:
    return [row for row in report.rows if row.downgraded and row.lead() is not None]


def _regrets(rows: Sequence[Row], margin: float) -> int:
    return sum(bool(row.regretted(margin)) for row in rows)


def _errors(check: JudgeCheck) -> JudgeErrors:
    return JudgeErrors(
        check.false_positive.events,
        check.false_positive.trials,
        check.false_negative.events,
        check.false_negative.trials,
    )


def _together(
    judged: Estimate, count: int, others: Sequence[Row], margin: float, confidence: float
) -> Estimate:
    """Both kinds of rows. Three intervals hold together (Bonferroni): of either regret, and of the
    share that is judged; the regret of all is between the outermost that they allow."""
    of = count + len(others)
    regrets = _regrets(others, margin)
    low, high = exact_interval(regrets, len(others), confidence)
    shares = exact_interval(count, of, confidence)
    return Estimate(
        _mixed(count / of, judged.value, regrets / len(others)),
        min(_mixed(share, judged.low, low) for share in shares),
        max(_mixed(share, judged.high, high) for share in shares),
    )


def _mixed(share: float, judged: float, other: float) -> float:
    return share * judged + (1.0 - share) * other
