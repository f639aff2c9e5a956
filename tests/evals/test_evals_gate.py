"""The gate: what it says by hand, and how often it errs by simulation."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from stepdown.evals.gate import Check, Outcome, Unusable, Verdict, gate
from stepdown.evals.report import Corrected, Group, Grouping, Report
from stepdown.evals.rows import Row
from stepdown.quality.intervals import lower, upper
from stepdown.quality.shares import Share
from support.eval_series import make_report, make_row

LIMIT, CONFIDENCE = 0.02, 0.95
SETS = 20_000
EMPTY = make_report(())


def group(events: int, trials: int, *, unscored: int = 0, name: str = "overall") -> Group:
    down = trials + unscored
    worst = Share(events + unscored, down)
    none = Share(0, 0)
    return Group(name, 2 * down, down, Share(events, trials), unscored, worst, none, none)


def report_of(overall: Group, *rules: Group, **fields: Any) -> Report:
    groupings = (Grouping("rule", rules, 0.95),) if rules else ()
    return structs.replace(EMPTY, overall=overall, groupings=groupings, **fields)


def gated(report: Report, **options: Any) -> Verdict:
    return gate(report, **{"max_regret": LIMIT, "confidence": CONFIDENCE, **options})


def only(verdict: Verdict) -> Check:
    [check] = verdict.checks
    return check


# ── Regret of all rows ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("events", "trials", "outcome"),
    [(0, 149, "pass"), (0, 148, "unknown"), (2, 1000, "pass"), (40, 1000, "fail")],
)
def test_it_passes_and_fails_by_its_bounds(events: int, trials: int, outcome: Outcome) -> None:
    verdict = gated(report_of(group(events, trials)))
    check = only(verdict)
    assert (verdict.outcome, check.outcome) == (outcome, outcome)
    assert (check.of, check.rule, check.limit) == ("regret", None, LIMIT)
    assert (check.events, check.trials, check.value) == (events, trials, events / trials)
    assert check.low == lower(events, trials, CONFIDENCE)
    assert check.high == upper(events, trials, CONFIDENCE)


def test_how_many_more_rows_it_takes() -> None:
    check = only(gated(report_of(group(0, 20))))
    assert check.needed is not None
    assert (check.needed.outcome, check.needed.downgrades) == ("pass", 129)
    assert check.needed.rows == 258, "half of the rows are scored downgrades"


def test_above_the_limit_more_rows_would_show_a_failure() -> None:
    check = only(gated(report_of(group(9, 300))))
    assert (check.outcome, check.value) == ("unknown", 0.03)
    assert check.needed is not None
    assert check.needed.outcome == "fail"


def test_at_the_limit_no_number_of_rows_settles_it() -> None:
    check = only(gated(report_of(group(2, 100))))
    assert (check.outcome, check.needed, check.why) == ("unknown", None, None)


@pytest.mark.parametrize(
    ("unscored", "why"), [(0, "no row was sent down"), (5, "no downgrade is scored")]
)
def test_nothing_to_regret_is_no_evidence(unscored: int, why: str) -> None:
    check = only(gated(report_of(group(0, 0, unscored=unscored))))
    assert (check.outcome, check.value, check.why, check.needed) == ("unknown", None, why, None)


def test_the_worst_case_counts_the_unscored_as_regrets() -> None:
    report = report_of(group(0, 500, unscored=30))
    assert gated(report).outcome == "pass"
    check = only(gated(report, worst_case=True))
    assert (check.outcome, check.events, check.trials, check.unscored) == ("fail", 30, 530, 30)


def test_a_report_of_rows() -> None:
    rows = [make_row(f"{n}", n, [0.0 if n < 30 else 1.0, 1.0]) for n in range(300)]
    check = only(gated(make_report(rows)))
    assert (check.outcome, check.events, check.trials) == ("fail", 30, 300)


# ── By rule ──────────────────────────────────────────────────────────────────────────────────


def test_every_rule_is_to_pass_and_none_is_corrected_for_the_others() -> None:
    rules = [group(0, 149, name=f"rule {n}") for n in range(9)]
    assert gated(report_of(group(0, 1341), *rules), by_rule=True).outcome == "pass"


def test_a_rule_with_little_evidence_withholds_the_pass() -> None:
    report = report_of(group(0, 1000), group(0, 950, name="a"), group(0, 50, name="b"))
    assert gated(report).outcome == "pass"
    verdict = gated(report, by_rule=True)
    assert verdict.outcome == "unknown"
    assert [(check.rule, check.outcome) for check in verdict.checks] == [
        (None, "pass"),
        ("a", "pass"),
        ("b", "unknown"),
    ]


def test_failing_takes_more_where_there_are_many_rules() -> None:
    bad = group(6, 120, name="bad")
    alone = gated(report_of(bad))
    assert alone.outcome == "fail"
    others = [group(0, 400, name=f"rule {n}") for n in range(20)]
    verdict = gated(report_of(group(6, 8120), bad, *others), by_rule=True)
    assert verdict.outcome == "unknown"
    assert verdict.checks[1].low == lower(6, 120, 1.0 - 0.05 / 22) <= LIMIT
    assert verdict.checks[1].high == upper(6, 120, CONFIDENCE)


def test_rules_that_sent_nothing_down_are_not_asked() -> None:
    report = report_of(group(0, 200), group(0, 200, name="a"), group(0, 0, name="default"))
    verdict = gated(report, by_rule=True)
    assert [check.rule for check in verdict.checks] == [None, "a"]
    assert verdict.outcome == "pass"


# ── Without the judge's errors ───────────────────────────────────────────────────────────────

JUDGED = Corrected("rogan-gladen", 0.005, 0.001, 0.015, 80, 0, Share(0, 60), Share(0, 20))


def test_the_corrected_regret_is_what_counts() -> None:
    report = report_of(group(50, 1000), corrected=JUDGED)
    check = only(gated(report))
    assert (check.outcome, check.low, check.value, check.high) == ("pass", 0.001, 0.005, 0.015)
    worse = structs.replace(JUDGED, value=0.05, low=0.03, high=0.08)
    assert gated(report_of(group(0, 1000), corrected=worse)).outcome == "fail"
    wide = structs.replace(JUDGED, low=0.0, high=0.03)
    check = only(gated(report_of(group(0, 1000), corrected=wide)))
    assert (check.outcome, check.needed) == ("unknown", None)
    assert check.why == "more rows and more labelled pairs would narrow it"


def test_its_confidence_has_to_be_the_gates_or_more() -> None:
    report = report_of(group(0, 1000), corrected=JUDGED, confidence=0.9)
    assert gated(report, confidence=0.9).outcome == "pass"
    with pytest.raises(Unusable, match=r"confidence of 0\.9 .* less than the 0\.95 asked for"):
        gated(report)


def test_among_many_checks_it_fails_only_with_the_confidence_for_it() -> None:
    worse = structs.replace(JUDGED, value=0.05, low=0.03, high=0.08)
    report = report_of(group(0, 1000), group(0, 1000, name="a"), corrected=worse)
    verdict = gated(report, by_rule=True)
    assert (verdict.outcome, verdict.checks[0].low) == ("unknown", 0.0)
    assert verdict.checks[0].why == "to fail it among 2 checks takes a report of confidence 0.975"
    surer = structs.replace(report, confidence=0.975)
    assert gated(surer, by_rule=True).outcome == "fail"


def test_its_worst_case_takes_a_confidence_above_the_gates() -> None:
    report = report_of(group(0, 1000, unscored=2), corrected=JUDGED)
    with pytest.raises(Unusable, match=r"evaluate with --confidence 0\.975"):
        gated(report, worst_case=True)
    check = only(gated(structs.replace(report, confidence=0.975), worst_case=True))
    assert check.high == pytest.approx(1 - (1 - 0.015) * (1 - upper(2, 1002, 0.975)))
    assert check.value == pytest.approx(1 - (1 - 0.005) * (1 - 2 / 1002))


# ── Saving ───────────────────────────────────────────────────────────────────────────────────


def half_down(count: int) -> list[Row]:
    """Saves 45 %, and is never regretted."""
    return [make_row(f"{n}", n, [1.0, 1.0], rung=n % 2) for n in range(count)]


@pytest.mark.parametrize(
    ("minimum", "outcome"), [(0.3, "pass"), (0.44, "unknown"), (0.46, "unknown"), (0.6, "fail")]
)
def test_the_saving(minimum: float, outcome: Outcome) -> None:
    verdict = gated(make_report(half_down(600)), min_saving=minimum)
    regret, saving = verdict.checks
    assert (regret.outcome, saving.of, saving.outcome) == ("pass", "saving", outcome)
    assert verdict.outcome == outcome
    assert saving.value == pytest.approx(0.45)
    assert saving.low is not None
    assert saving.high is not None
    assert saving.low < 0.45 < saving.high


@pytest.mark.parametrize(("minimum", "likely"), [(0.4, "pass"), (0.5, "fail")])
def test_how_many_more_rows_a_saving_takes(minimum: float, likely: Outcome) -> None:
    few = half_down(200)
    needed = gated(make_report(few), min_saving=minimum).checks[1].needed
    assert needed is not None
    assert (needed.outcome, needed.downgrades) == (likely, None)
    for rows, expected in ((needed.rows, likely), (needed.rows // 4, "unknown")):
        many = half_down(len(few) + rows)
        assert gated(make_report(many), min_saving=minimum).checks[1].outcome == expected


def test_an_unknown_price_is_no_saving() -> None:
    rows = half_down(300)
    rows[7] = structs.replace(rows[7], cost=None)
    verdict = gated(make_report(rows), min_saving=0.1)
    saving = verdict.checks[1]
    assert (verdict.outcome, saving.outcome) == ("unknown", "unknown")
    assert (saving.value, saving.low, saving.high) == (None, None, None)
    assert saving.why == "the cost of 1 row is unknown, as a price is"


def test_rows_without_an_answer_are_left_out() -> None:
    rows = half_down(300)
    cheap, strong = rows[7].rungs
    broken = structs.replace(strong, score=None, cost=None, error="503: overloaded")
    rows[7] = structs.replace(rows[7], cost=None, rungs=(cheap, broken))
    saving = gated(make_report(rows), min_saving=0.1).checks[1]
    assert (saving.outcome, saving.failed) == ("pass", 1)


def test_a_last_rung_that_costs_nothing() -> None:
    rows = [
        structs.replace(
            row,
            cost=Decimal(0),
            rungs=tuple(structs.replace(rung, cost=Decimal(0)) for rung in row.rungs),
        )
        for row in half_down(300)
    ]
    saving = gated(make_report(rows), min_saving=0.1).checks[1]
    assert (saving.outcome, saving.why) == ("unknown", "no row has a cost of the last rung")


# ── How often it errs ────────────────────────────────────────────────────────────────────────


def outcomes(rate: float, trials: int, seed: int) -> dict[str, float]:
    """How often a gate says what, over SETS sets; by counts, as nothing else matters to it."""
    drawn = np.random.default_rng(seed).binomial(trials, rate, SETS).tolist()
    found: Counter[str] = Counter()
    for events, sets in Counter(drawn).items():
        found[gated(report_of(group(events, trials))).outcome] += sets
    return {outcome: count / SETS for outcome, count in found.items()}


@pytest.mark.parametrize("trials", [60, 150, 400, 1500, 5000])
def test_at_the_limit_it_seldom_passes_or_fails(trials: int) -> None:
    found = outcomes(LIMIT, trials, seed=trials)
    assert found.get("pass", 0.0) <= 1 - CONFIDENCE
    assert found.get("fail", 0.0) <= 1 - CONFIDENCE


def test_without_regret_it_passes_from_enough_rows_on() -> None:
    assert outcomes(0.0, 149, seed=1) == {"pass": 1.0}
    assert outcomes(0.0, 148, seed=1) == {"unknown": 1.0}


def test_well_beyond_the_limit_it_fails() -> None:
    assert outcomes(0.06, 1000, seed=1)["fail"] > 0.99


@pytest.mark.parametrize(("events", "trials"), [(1, 200), (4, 400), (12, 900)])
def test_with_the_rows_it_asks_for_it_mostly_passes(events: int, trials: int) -> None:
    needed = only(gated(report_of(group(events, trials)))).needed
    assert needed is not None
    assert needed.downgrades is not None
    drawn = np.random.default_rng(5).binomial(needed.downgrades, events / trials, SETS).tolist()
    passed = 0
    for more, sets in Counter(drawn).items():
        grown = group(events + more, trials + needed.downgrades)
        passed += sets * (gated(report_of(grown)).outcome == "pass")
    assert 0.75 < passed / SETS < 0.95


@pytest.mark.parametrize("rules", [2, 4])
def test_many_rules_at_the_limit_seldom_pass_or_fail(rules: int) -> None:
    found = by_rule([LIMIT] * rules)
    assert found["fail"] / SETS <= 1 - CONFIDENCE
    assert found["pass"] / SETS <= 1 - CONFIDENCE


def test_one_bad_rule_among_good_ones_seldom_passes() -> None:
    """The hardest case: all others are sure to pass."""
    found = by_rule([0.0] * 5 + [LIMIT])
    assert found["pass"] / SETS <= 1 - CONFIDENCE
    assert found["pass"] / SETS > 0.04, "no error is split"


def by_rule(rates: Sequence[float], trials: int = 150) -> Counter[str]:
    """What gates say of so many rules; which of them has which count does not matter."""
    drawn = np.random.default_rng(9).binomial(trials, rates, (SETS, len(rates)))
    found: Counter[str] = Counter()
    for counts, sets in Counter(map(tuple, np.sort(drawn).tolist())).items():
        rules = [group(events, trials, name=f"{n}") for n, events in enumerate(counts)]
        overall = group(sum(counts), trials * len(counts))
        found[gated(report_of(overall, *rules), by_rule=True).outcome] += sets
    return found


@pytest.mark.parametrize("confidence", [0.5, 0.1, 1.0])
def test_a_confidence_that_is_none(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        gated(report_of(group(0, 100)), confidence=confidence)


@given(st.integers(1, 3000), st.data())
def test_a_regret_less_is_never_worse(trials: int, data: st.DataObject) -> None:
    events = data.draw(st.integers(1, trials))
    order = ["fail", "unknown", "pass"]
    before = order.index(gated(report_of(group(events, trials))).outcome)
    assert order.index(gated(report_of(group(events - 1, trials))).outcome) >= before
