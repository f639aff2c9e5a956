"""Whether a report is good enough to go on: shown to be, shown not to be, or neither.

**What is tested.** The downgrade regret of all rows; with ``by_rule`` that of every rule; with
``min_saving`` the share of the reference cost that is saved.

**Passing.** Each of them alone must be shown to be within its limit, one-sided at ``confidence``.
To pass when one of them is not, that one would have to be shown wrongly; so the gate passes a route
that it should not with probability 1 - confidence at most, however many rules there are, and no
error is split (an intersection-union test: Berger 1982, "Multiparameter hypothesis testing and
acceptance sampling", Technometrics 24).

**Failing.** One that is shown beyond its limit is enough, and with many, chance has many tries. So
each is shown at the confidence that ``intervals.each_of`` gives (Bonferroni), and the gate fails a
route that it should not with probability 1 - confidence at most.

**The judge's errors.** Where the report has the regret without them (``corrected``), that is what
is tested of all rows; the rules' regrets are as judged. Its interval is two-sided at the report's
confidence, so that either end alone is wrong at most as often, and mostly half as often. Hence the
report's confidence must be at least the gate's.

**One look.** This holds for a report that is looked at once. Whoever adds rows until the gate
passes errs more often: with k looks, up to k times.
"""

import math
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from stepdown.evals.enough import more_to_fail, more_to_pass, more_to_tell
from stepdown.evals.report import Corrected, Group, Report
from stepdown.evals.spending import least_saved, most_saved, priced
from stepdown.quality.intervals import each_of, lower, upper
from stepdown.quality.shares import Share

Outcome = Literal["pass", "fail", "unknown"]
_LEAST_CONFIDENCE = 0.5
_SAME = 1e-12
"""Confidences this near are the same: 1 - (1 - 0.95) is not quite 0.95."""


class Unusable(ValueError):
    """A report from which the question cannot be answered."""


class Needed(Struct, frozen=True):
    """What is likely to settle a check, should what is seen go on: the outcome it would have, and
    how many more rows it takes. ``downgrades`` are the scored ones among these (see ``enough``);
    None for a saving, whose interval is taken to narrow with the root of the rows."""

    outcome: Outcome
    rows: int
    downgrades: int | None = None


class Check(Struct, frozen=True):
    """One thing tested, of all rows or of a rule's.

    ``low`` and ``high`` are one-sided bounds: the end that can make it pass (``high`` of a regret,
    ``low`` of a saving) has the gate's confidence, the end that can make it fail the one of a
    family. All are shares, which may be negative for a saving; None where nothing is known.
    ``events`` of ``trials`` are regrets. ``unscored`` downgrades are left out of these or, in the
    worst case, are regrets among them. ``failed`` rows are left out of a saving, as a model did not
    answer. ``why`` says what else than rows is missing.
    """

    of: Literal["regret", "saving"]
    rule: str | None
    outcome: Outcome
    limit: float
    value: float | None
    low: float | None
    high: float | None
    events: int = 0
    trials: int = 0
    unscored: int = 0
    failed: int = 0
    needed: Needed | None = None
    why: str | None = None


class Verdict(Struct, frozen=True):
    """What the gate says. ``corrected``: the first check's regret is without the judge's errors."""

    outcome: Outcome
    confidence: float
    margin: float
    worst_case: bool
    corrected: bool
    checks: tuple[Check, ...]


def gate(
    report: Report,
    *,
    max_regret: float,
    confidence: float,
    min_saving: float | None = None,
    worst_case: bool = False,
    by_rule: bool = False,
) -> Verdict:
    """Test a report. ``max_regret`` is in 0..1; ``min_saving`` is a share of the reference cost.

    ``confidence`` is above 0.5, or no bound is on its side. ``worst_case`` counts every unscored
    downgrade as a regret. Raises Unusable, or ValueError for a confidence out of bounds.
    """
    if not _LEAST_CONFIDENCE < confidence < 1.0:
        raise ValueError(f"confidence: expected between 0.5 and 1, got {confidence}")
    rules = _rules(report) if by_rule else ()
    family = 1 + len(rules) + (min_saving is not None)
    limits = _Limits(max_regret, confidence, family, worst_case)
    if report.corrected is None:
        checks = [_regret(report.overall, None, limits, report.overall.rows)]
    else:
        checks = [_corrected(report, report.corrected, limits)]
    checks += [_regret(group, group.name, limits, report.overall.rows) for group in rules]
    if min_saving is not None:
        checks.append(_saving(report, min_saving, limits))
    return Verdict(
        _together(check.outcome for check in checks),
        confidence,
        report.margin,
        worst_case,
        report.corrected is not None,
        tuple(checks),
    )


class _Limits(Struct, frozen=True):
    max_regret: float
    confidence: float
    family: int
    worst_case: bool

    @property
    def each(self) -> float:
        """The confidence of one check of the family: what failing takes."""
        return each_of(self.confidence, self.family)


def _rules(report: Report) -> tuple[Group, ...]:
    """The rules that sent rows down. Which these are, no score has a say in."""
    for grouping in report.groupings:
        if grouping.by == "rule":
            return tuple(group for group in grouping.groups if group.down)
    return ()


def _together(outcomes: Iterable[Outcome]) -> Outcome:
    found = set(outcomes)
    if "fail" in found:
        return "fail"
    return "unknown" if "unknown" in found else "pass"


# ── Regret ───────────────────────────────────────────────────────────────────────────────────


def _regret(group: Group, rule: str | None, limits: _Limits, rows: int) -> Check:
    share = group.worst if limits.worst_case else group.regret
    low = lower(share.events, share.trials, limits.each)
    high = upper(share.events, share.trials, limits.confidence)
    outcome = _outcome(low, high, limits.max_regret)
    return Check(
        "regret",
        rule,
        outcome,
        limits.max_regret,
        share.value,
        low,
        high,
        share.events,
        share.trials,
        group.unscored,
        needed=_needed(share, limits, rows) if outcome == "unknown" else None,
        why=None if share.trials else _nothing_scored(group),
    )


def _outcome(low: float, high: float, limit: float) -> Outcome:
    if low > limit:
        return "fail"
    return "pass" if high <= limit else "unknown"


def _nothing_scored(group: Group) -> str:
    return "no downgrade is scored" if group.down else "no row was sent down"


def _needed(share: Share, limits: _Limits, rows: int) -> Needed | None:
    if not share.trials:
        return None
    limit, rate = limits.max_regret, share.events / share.trials
    if rate < limit:
        outcome: Outcome = "pass"
        more = more_to_pass(share.events, share.trials, limit, limits.confidence)
    else:
        outcome = "fail"
        more = more_to_fail(share.events, share.trials, limit, limits.each)
    return None if more is None else Needed(outcome, math.ceil(more * rows / share.trials), more)


def _corrected(report: Report, corrected: Corrected, limits: _Limits) -> Check:
    """The regret of all rows, without the judge's errors."""
    if report.confidence < limits.confidence - _SAME:
        raise Unusable(
            f"the regret without the judge's errors has a confidence of {report.confidence:g} in "
            f"this report, less than the {limits.confidence:g} asked for: evaluate with "
            f"--confidence {limits.confidence:g} or more"
        )
    group = report.overall
    may_fail = report.confidence >= limits.each - _SAME
    low, high = corrected.low if may_fail else 0.0, corrected.high
    value = corrected.value
    if limits.worst_case and group.unscored:
        high = 1.0 - (1.0 - high) * (1.0 - _most_unscored(report, limits))
        value = 1.0 - (1.0 - value) * (1.0 - group.unscored / group.down)
    outcome = _outcome(low, high, limits.max_regret)
    why = "more rows and more labelled pairs would narrow it"
    if not may_fail and corrected.low > limits.max_regret:
        why = (
            f"to fail it among {limits.family} checks takes a report of confidence {limits.each:g}"
        )
    return Check(
        "regret",
        None,
        outcome,
        limits.max_regret,
        value,
        low,
        high,
        group.regret.events,
        group.regret.trials,
        group.unscored,
        why=why if outcome == "unknown" else None,
    )


def _most_unscored(report: Report, limits: _Limits) -> float:
    """What share of downgrades is unscored at most, with the error that the interval leaves."""
    left = report.confidence - limits.confidence
    if left <= _SAME:
        raise Unusable(
            "the worst case on top of the judge's errors takes a report whose confidence is above "
            f"the {limits.confidence:g} asked for: evaluate with --confidence "
            f"{(1.0 + limits.confidence) / 2.0:g}"
        )
    return upper(report.overall.unscored, report.overall.down, 1.0 - left)


# ── Saving ───────────────────────────────────────────────────────────────────────────────────


def _saving(report: Report, minimum: float, limits: _Limits) -> Check:
    known = priced(report.rows)
    value = known.saved
    if known.unpriced or value is None:
        count = "1 row" if known.unpriced == 1 else f"{known.unpriced:,} rows"
        why = f"the cost of {count} is unknown, as a price is"
        if not known.unpriced:
            why = "no row has a cost of the last rung"
        return Check("saving", None, "unknown", minimum, None, None, None, why=why)
    low = least_saved(known, limits.confidence)
    high = most_saved(known, limits.each)
    outcome: Outcome = "unknown"
    if low >= minimum:
        outcome = "pass"
    elif high < minimum:
        outcome = "fail"
    needed: Needed | None = None
    if outcome == "unknown":
        likely: Outcome = "pass" if value > minimum else "fail"
        sure, wide = (limits.confidence, value - low)
        if likely == "fail":
            sure, wide = limits.each, high - value
        more = more_to_tell(report.overall.rows, wide, abs(value - minimum), sure)
        needed = None if more is None else Needed(likely, more)
    return Check(
        "saving", None, outcome, minimum, value, low, high, failed=known.failed, needed=needed
    )
