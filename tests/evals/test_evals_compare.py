"""Two evaluations of the same rows: what differs by hand, and by simulation how often it errs."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from stepdown.evals.compare import Comparison, Difference, NotComparable, compare
from stepdown.evals.report import Report
from stepdown.evals.rows import Row
from support.eval_series import Scores, make_report, make_row

SETS = 400


def report(scores: Sequence[Scores], down: Sequence[bool], **fields: Any) -> Report:
    rows = [
        make_row(f"{n}", n, each, rung=0 if cheap else 1)
        for n, (each, cheap) in enumerate(zip(scores, down, strict=True), 1)
    ]
    return without_groups(rows, **fields)


def without_groups(rows: Sequence[Row], **fields: Any) -> Report:
    """Comparing reads rows alone."""
    return structs.replace(make_report(()), rows=tuple(rows), **fields)


def compared(a: Report, b: Report, confidence: float = 0.95) -> Comparison:
    return compare(a, b, confidence)


def means(found: Difference | None) -> tuple[float, float]:
    assert found is not None
    return round(found.a, 9), round(found.b, 9)


# ── By hand ──────────────────────────────────────────────────────────────────────────────────

SCORES: list[Scores] = [[0.0, 1.0], [0.5, 1.0], [1.0, 1.0], [1.0, 0.0]]


def test_what_differs() -> None:
    found = compared(report(SCORES, [False] * 4), report(SCORES, [True, True, False, True]))
    assert (found.rows, found.only_a, found.only_b, found.unscored) == (4, 0, 0, 0)
    assert means(found.quality) == (0.75, 0.875 - 0.25)
    assert means(found.regret) == (0.0, 0.5)
    assert means(found.down) == (0.0, 0.75)
    assert means(found.cost) == (0.1, (3 * 0.01 + 0.1) / 4)
    assert found.saved_a == pytest.approx(0.0)
    assert found.saved_b == pytest.approx(0.27 / 0.4)
    assert (found.moved, found.worse, found.better) == (3, 2, 1)
    assert [(each.id, each.gain) for each in found.losses] == [("1", -1.0), ("2", -0.5)]
    [gain] = found.gains
    assert (gain.id, gain.gain, gain.prompt) == ("4", 1.0, "the prompt")
    assert (gain.a.model, gain.b.model) == ("gpt-4o", "gpt-4o-mini")
    assert found.notes == ()


def test_against_itself_nothing_differs() -> None:
    same = report(SCORES * 50, [True, False] * 100)
    found = compared(same, same)
    assert found.quality is not None
    assert found.quality.value == 0.0
    assert found.quality.low < 0.0 < found.quality.high
    assert (found.moved, found.worse, found.better) == (0, 0, 0)
    assert (found.losses, found.gains) == ((), ())


def test_turned_round_it_is_the_negative() -> None:
    a, b = report(SCORES * 50, [True, False] * 100), report(SCORES * 50, [True] * 200)
    there, back = compared(a, b), compared(b, a)
    for one, other in ((there.quality, back.quality), (there.cost, back.cost)):
        assert one is not None
        assert other is not None
        assert one.value == -other.value
        assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-9)
    assert (there.worse, there.better) == (back.better, back.worse)


def test_rows_are_paired_by_their_ids() -> None:
    a, b = report(SCORES, [True] * 4), report(SCORES, [True] * 4)
    turned = structs.replace(b, rows=(*reversed(b.rows[1:]), make_row("other", 9, [0.0, 0.0])))
    found = compared(a, turned)
    assert (found.rows, found.only_a, found.only_b, found.moved) == (3, 1, 1, 0)


def test_the_order_of_the_file_does_not_matter() -> None:
    """Files are often sorted; the intervals assume an order that says nothing of the values."""
    scores: list[Scores] = [[n / 99, 1.0] for n in range(100)]
    a, b = report(scores, [False] * 100), report(scores, [True] * 60 + [False] * 40)
    there, back = (structs.replace(each, rows=each.rows[::-1]) for each in (a, b))
    assert compared(there, back) == compared(a, b)


def test_the_ten_largest_are_listed() -> None:
    scores = [[n / 20, 1.0] for n in range(20)]
    found = compared(report(scores, [False] * 20), report(scores, [True] * 20))
    assert (found.worse, len(found.losses), found.gains) == (20, 10, ())
    assert [each.id for each in found.losses] == [f"{n}" for n in range(1, 11)]


# ── What is left out ─────────────────────────────────────────────────────────────────────────


def test_unscored_rows_are_left_out_and_counted() -> None:
    scores: Sequence[Scores] = [[None, 1.0], [0.0, None], [0.0, 1.0]]
    found = compared(report(scores, [False] * 3), report(scores, [True] * 3))
    assert (found.rows, found.unscored) == (3, 2)
    assert found.quality is not None
    assert found.quality.rows == 1
    assert means(found.regret) == (0.0, 1.0)
    assert means(found.down) == (0.0, 1.0)
    assert found.down.rows == 3


def test_without_a_score_there_is_no_quality() -> None:
    scores: Sequence[Scores] = [[None, None]] * 3
    found = compared(report(scores, [False] * 3), report(scores, [True] * 3))
    assert (found.unscored, found.quality, found.regret) == (3, None, None)


def test_an_unknown_price_leaves_costs_unknown() -> None:
    a, b = report(SCORES, [False] * 4), report(SCORES, [True] * 4)
    unpriced = structs.replace(b, rows=(structs.replace(b.rows[0], cost=None), *b.rows[1:]))
    found = compared(a, unpriced)
    assert (found.unpriced, found.failed, found.cost) == (1, 0, None)
    assert (found.saved_a, found.saved_b) == (None, None)


def test_rows_without_an_answer_are_left_out_of_costs() -> None:
    a, b = report(SCORES, [False] * 4), report(SCORES, [True] * 4)
    cheap, strong = b.rows[0].rungs
    rungs = (structs.replace(cheap, cost=None, score=None, error="503: overloaded"), strong)
    failed = structs.replace(b.rows[0], cost=None, rungs=rungs)
    found = compared(a, structs.replace(b, rows=(failed, *b.rows[1:])))
    assert (found.unpriced, found.failed, found.unscored) == (0, 1, 1)
    assert means(found.cost) == (0.1, 0.01)
    assert found.cost is not None
    assert found.cost.rows == 3


def test_models_that_cost_nothing() -> None:
    rows = [
        structs.replace(
            row,
            cost=Decimal(0),
            rungs=tuple(structs.replace(rung, cost=Decimal(0)) for rung in row.rungs),
        )
        for row in report(SCORES, [True] * 4).rows
    ]
    found = compared(without_groups(rows), without_groups(rows))
    assert found.cost == Difference(0.0, 0.0, 0.0, 0.0, 4)
    assert found.saved_a is None


# ── What cannot be compared, or with care ────────────────────────────────────────────────────


def test_reports_without_a_row_in_common() -> None:
    other = without_groups([make_row("other", 1, [1.0, 1.0])])
    with pytest.raises(NotComparable, match="no row of A"):
        compared(report(SCORES, [True] * 4), other)


def test_reports_of_another_margin() -> None:
    a, b = report(SCORES, [True] * 4), report(SCORES, [True] * 4, margin=0.2)
    with pytest.raises(NotComparable, match=r"the margin is 0\.1 in A and 0\.2 in B"):
        compared(a, b)


def test_an_id_that_is_there_twice() -> None:
    a = report(SCORES, [True] * 4)
    twice = structs.replace(a, rows=(*a.rows, structs.replace(a.rows[0], line=5)))
    with pytest.raises(NotComparable, match="B: line 5: the id '1' is there twice"):
        compared(a, twice)


def test_what_makes_them_less_alike_is_noted() -> None:
    a = report(SCORES, [True] * 4)
    source = structs.replace(a.source, name="other.jsonl", digest="00" * 32)
    b = structs.replace(a, source=source, ladder=("gpt-4o-mini", "gpt-5"), stopped="Out of budget.")
    data, references, stopped = compared(a, b).notes
    assert data.startswith("The data differ (prompts.jsonl, other.jsonl)")
    assert references.startswith("The references differ (gpt-4o, gpt-5)")
    assert stopped == "B is not of the whole set: Out of budget."


# ── How often it errs ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("regretted", "gained"), [(0.0, 0.0), (0.05, 0.01), (0.3, 0.1)])
def test_the_intervals_cover(regretted: float, gained: float) -> None:
    """A sends nothing down, B everything: sometimes to a worse answer, now and then to a better."""
    draw = np.random.default_rng(21)
    kinds: Sequence[Scores] = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    share = [regretted, gained, 1.0 - regretted - gained]
    outside = {"quality": 0, "regret": 0}
    for _ in range(SETS):
        scores = [kinds[kind] for kind in draw.choice(3, 80, p=share)]
        found = compared(report(scores, [False] * 80), report(scores, [True] * 80), 0.9)
        for name, true in (("quality", gained - regretted), ("regret", regretted)):
            interval = getattr(found, name)
            outside[name] += not interval.low <= true <= interval.high
    assert max(outside.values()) / SETS <= 0.1


def test_pairing_tells_what_two_sets_of_rows_would_not() -> None:
    """Hard and easy rows alternate; B is worse on one in twenty."""
    scores = [[float(n % 2), float(n % 2)] for n in range(600)]
    a = report(scores, [False] * 600)
    worse = [[0.0, 1.0] if n % 20 == 1 else each for n, each in enumerate(scores)]
    found = compared(a, report(worse, [True] * 600))
    assert found.quality is not None
    assert found.quality.high < 0.0
    assert found.quality.high - found.quality.low < 0.06
