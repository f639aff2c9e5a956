"""Regret without the judge's errors: which way it is corrected, and that the interval holds."""

import asyncio
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepdown.evals.budget import OutOfBudget
from stepdown.evals.correct import ENOUGH_OVERLAP, Checked, checked, corrected, judged_by
from stepdown.evals.report import Corrected, Report
from stepdown.evals.rows import Row
from stepdown.quality.correction import JudgeErrors, prediction_powered, rogan_gladen
from stepdown.quality.driving import Told
from stepdown.quality.intervals import each_of, exact_interval
from stepdown.quality.judge_check import JudgeCheck, check_judge
from stepdown.quality.judges.pairwise import Pairwise
from stepdown.quality.labelled import Better, LabelledPair
from stepdown.types import Choice, Consult, Scores
from support.eval_series import make_report, make_row
from support.judging import between_marks

JUDGE = "judge"


def pair(
    number: int, better: Better = "tie", served: str = "a", reference: str = "b"
) -> LabelledPair:
    messages = ({"role": "user", "content": f"{number}?"},)
    return LabelledPair(f"pair-{number}", number, messages, served, reference, better)


def row(number: int, *, regret: bool, scorer: str = JUDGE, rung: int = 0) -> Row:
    """A downgrade, unless its rung is another; it is the pair of its number."""
    scores = (0.0, 0.5) if regret else (0.5, 0.5)
    return make_row(f"row-{number}", number, scores, rung, scorer=scorer, pair=pair(number).key)


def check(
    false_alarms: int = 0, negatives: int = 0, misses: int = 0, positives: int = 0
) -> JudgeCheck:
    """A judge that erred so often."""
    said = {True: Scores((0.0, 0.5)), False: Scores((0.5, 0.5))}
    judged = [(pair(n), said[n < false_alarms]) for n in range(negatives)]
    judged += [(pair(n, "reference"), said[n >= misses]) for n in range(positives)]
    return check_judge(judged, 0.1, 0.95)


def correct(report: Report, pairs: Sequence[LabelledPair], found: JudgeCheck) -> Corrected:
    result = corrected(report, pairs, found, JUDGE).corrected
    assert result is not None
    return result


def rows(regrets: int, others: int) -> list[Row]:
    return [row(number, regret=number < regrets) for number in range(regrets + others)]


# ── Which way ────────────────────────────────────────────────────────────────────────────────


def test_other_pairs_tell_the_judges_error_rates() -> None:
    found = correct(make_report(rows(30, 70)), [], check(10, 100, 20, 100))
    estimate = rogan_gladen(30, 100, JudgeErrors(10, 100, 20, 100), 0.95)
    assert (found.method, found.overlap, found.labelled) == ("rogan-gladen", 0, 0)
    assert (found.value, found.low, found.high) == (estimate.value, estimate.low, estimate.high)
    assert found.value == pytest.approx((0.3 - 0.1) / (0.8 - 0.1))
    assert (found.false_positive.events, found.false_negative.events) == (10, 20)


@pytest.mark.parametrize("many", [ENOUGH_OVERLAP - 1, ENOUGH_OVERLAP])
def test_enough_of_the_very_pairs_are_used_themselves(many: int) -> None:
    report = make_report(rows(30, 70))
    labelled = [pair(number, "reference" if number % 2 else "served") for number in range(many)]
    found = correct(report, [*labelled, pair(999)], check(1, 10, 1, 10))
    powered = many == ENOUGH_OVERLAP
    assert found.method == ("ppi" if powered else "rogan-gladen")
    assert (found.overlap, found.labelled) == (many, many + 1)
    if powered:
        judged = judged_by(report, JUDGE)
        numbers = [each.line for each in judged if each.line < many]
        assert numbers != sorted(numbers), "the order has nothing to do with the rows"
        overlap = [(number % 2 == 1, number < 30) for number in numbers]
        estimate = prediction_powered((30, 100), overlap, 0.95)
        assert (found.value, found.low, found.high) == (estimate.value, estimate.low, estimate.high)


def test_pairs_are_known_by_what_they_say() -> None:
    """A pair of the same prompt and other answers is another pair."""
    report = make_report(rows(30, 70))
    labelled = [pair(number, served="another") for number in range(ENOUGH_OVERLAP)]
    assert correct(report, labelled, check(1, 10, 1, 10)).overlap == 0


def test_without_a_judged_downgrade_nothing_is_corrected() -> None:
    kept = [row(1, regret=True, rung=1), row(2, regret=True, scorer="exact")]
    report = make_report([*kept, make_row("x", 3, (None, 0.5), scorer=JUDGE)])
    assert judged_by(report, JUDGE) == []
    assert corrected(report, [], check(1, 10, 1, 10), JUDGE) is report


# ── Rows of both kinds ───────────────────────────────────────────────────────────────────────


def test_rows_that_another_scorer_settled_are_taken_as_they_are() -> None:
    others = [row(1000 + number, regret=number < 5, scorer="exact") for number in range(50)]
    found = correct(make_report([*rows(30, 70), *others]), [], check(10, 100, 20, 100))
    each = each_of(0.95, 3)
    judged = rogan_gladen(30, 100, JudgeErrors(10, 100, 20, 100), each)
    low, high = exact_interval(5, 50, each)
    shares = exact_interval(100, 150, each)
    assert found.value == pytest.approx((100 * judged.value + 5) / 150)
    assert found.low == min(share * judged.low + (1 - share) * low for share in shares)
    assert found.high == max(share * judged.high + (1 - share) * high for share in shares)


@settings(max_examples=60, deadline=None)
@given(
    regrets=st.integers(0, 20),
    rest=st.integers(0, 20),
    exact=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    errors=st.tuples(st.integers(0, 9), st.integers(0, 9)),
)
def test_the_estimate_is_within_its_interval_and_more_rows_of_another_kind_keep_it_so(
    regrets: int, rest: int, exact: tuple[int, int], errors: tuple[int, int]
) -> None:
    if not regrets + rest:
        return
    others = [
        row(1000 + number, regret=number < exact[0], scorer="exact") for number in range(sum(exact))
    ]
    found = correct(
        make_report([*rows(regrets, rest), *others]), [], check(errors[0], 10, errors[1], 10)
    )
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0


def test_the_interval_covers_the_true_regret_of_both_kinds() -> None:
    """Of 400 sets whose regret is 0.6 * 0.2 + 0.4 * 0.05; at 95 % some 380 have to cover it."""
    rng = Random(4)
    covered = sum(_covers(rng) for _ in range(400))
    assert covered >= 385


def _covers(rng: Random) -> bool:
    truth = 0.6 * 0.2 + 0.4 * 0.05
    drawn: list[Row] = []
    for number in range(150):
        if rng.random() < 0.6:
            regret = rng.random() < (0.9 if rng.random() < 0.2 else 0.1)
            drawn.append(row(number, regret=regret))
        else:
            drawn.append(row(number, regret=rng.random() < 0.05, scorer="exact"))
    labelled = [rng.random() < 0.5 for _ in range(200)]
    positives = sum(labelled)
    misses = sum(rng.random() < 0.1 for _ in range(positives))
    alarms = sum(rng.random() < 0.1 for _ in range(200 - positives))
    found = correct(make_report(drawn), [], check(alarms, 200 - positives, misses, positives))
    return found.low <= truth <= found.high


# ── Asking the judge ─────────────────────────────────────────────────────────────────────────


class Umpire:
    """Prefers the answer ``b``; runs out of money after so many questions.

    It answers nobody before ``together`` ask at once.
    """

    def __init__(self, most: int = 1000, together: int = 1) -> None:
        self.left = most
        self.under_way = self.most = 0
        self._together = together
        self._all_there = asyncio.Event()

    async def __call__(self, wish: Consult) -> Told:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        if self.under_way == self._together:
            self._all_there.set()
        async with asyncio.timeout(10):
            await self._all_there.wait()
        self.under_way -= 1
        if self.left == 0:
            raise OutOfBudget("The budget is used up.")
        self.left -= 1
        better = ["A" if between_marks(each)["answer A"] == "b" else "B" for each in wish.requests]
        return [Choice(f'{{"better": "{each}"}}') for each in better]


def checked_by(umpire: Umpire, pairs: Sequence[LabelledPair], at_once: int = 3) -> Checked:
    progress: list[int] = []
    found = asyncio.run(
        checked(
            pairs,
            Pairwise("strong"),
            umpire,
            margin=0.1,
            confidence=0.9,
            at_once=at_once,
            progress=progress.append,
        )
    )
    assert progress == list(range(1, found.check.pairs + 1))
    return found


def test_a_judge_is_asked_about_several_pairs_at_once() -> None:
    umpire = Umpire(together=3)
    pairs = [pair(number, "reference" if number < 8 else "served") for number in range(10)]
    found = checked_by(umpire, pairs)
    assert (found.left, found.stopped) == (0, None)
    assert (found.check.pairs, found.check.unjudged, found.check.flips.events) == (10, 0, 0)
    assert (found.check.margin, found.check.confidence) == (0.1, 0.9)
    assert (found.check.false_positive.events, found.check.false_positive.trials) == (2, 2)
    assert (found.check.false_negative.events, found.check.false_negative.trials) == (0, 8)
    assert umpire.most == 3


@pytest.mark.parametrize("most", [0, 4])
def test_what_was_judged_before_the_money_ran_out_is_kept(most: int) -> None:
    found = checked_by(Umpire(most), [pair(number, "reference") for number in range(10)])
    assert (found.check.pairs, found.left, found.stopped) == (
        most,
        10 - most,
        "The budget is used up.",
    )
