"""A judge measured: every figure by hand, and the intervals by simulated judges."""

import math
import random
from collections.abc import Iterable, Mapping

import pytest

from stepdown.quality.judge_check import NO_REASON, JudgeCheck, check_judge, verdict
from stepdown.quality.judges.pairwise import Pairwise
from stepdown.quality.kappa import kappa
from stepdown.quality.labelled import BETTER, Better, LabelledPair
from stepdown.quality.shares import Share, share
from stepdown.types import Choice, Request, Scores
from support.judging import between_marks, play

SCORES: Mapping[Better, Scores] = {
    "served": Scores((1.0, 0.5), judged=1),
    "tie": Scores((0.5, 0.5), judged=1),
    "reference": Scores((0.0, 0.5), judged=1),
}
FLIPPED = Scores((0.5, 0.5), flips=1, judged=1)


def pair(better: Better, served: str = "aa", reference: str = "bb") -> LabelledPair:
    return LabelledPair("1", 1, ({"role": "user", "content": "?"},), served, reference, better)


def check(*counts: tuple[Better, Better, int], confidence: float = 0.95) -> JudgeCheck:
    """Of so many pairs: what people said, what the judge said, how often."""
    return check_judge(
        ((pair(people), SCORES[judge]) for people, judge, times in counts for _ in range(times)),
        confidence=confidence,
    )


# ── One verdict ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("served", "reference", "margin", "found"),
    [
        (0.0, 0.5, 0.1, "reference"),
        (1.0, 0.5, 0.1, "served"),
        (0.5, 0.5, 0.0, "tie"),
        (0.5, 0.75, 0.25, "tie"),
        (0.75, 0.5, 0.25, "tie"),
        (0.6, 0.7, 0.1, "tie"),  # 0.7 - 0.6 is a little less than 0.1, 0.9 - 0.8 a little more
        (0.8, 0.9, 0.1, "tie"),
        (0.9, 0.8, 0.1, "tie"),
        (0.79, 0.9, 0.1, "reference"),
        (0.5, 0.51, 0.0, "reference"),
        (0.0, 1.0, 1.0, "tie"),
    ],
)
def test_verdicts(served: float, reference: float, margin: float, found: Better) -> None:
    assert verdict(Scores((served, reference)), margin) == found


def test_no_verdict_without_both_scores() -> None:
    assert verdict(Scores((None, 0.5))) is None
    assert verdict(Scores((0.5, None))) is None


@pytest.mark.parametrize("margin", [-0.1, 1.1, math.nan])
def test_no_such_margin(margin: float) -> None:
    with pytest.raises(ValueError, match="margin: expected 0 to 1, got "):
        verdict(SCORES["tie"], margin)


# ── The figures ──────────────────────────────────────────────────────────────────────────────


def test_every_figure_by_hand() -> None:
    found = check(
        *(("served", "served", 10), ("served", "tie", 2), ("served", "reference", 1)),
        *(("tie", "served", 3), ("tie", "tie", 20), ("tie", "reference", 4)),
        *(("reference", "served", 5), ("reference", "tie", 6), ("reference", "reference", 30)),
        confidence=0.9,
    )
    assert (found.pairs, found.unjudged, found.margin, found.confidence) == (81, 0, 0.1, 0.9)
    assert found.agreement == share(60, 81, 0.9)
    assert found.kappa == kappa([[10, 2, 1], [3, 20, 4], [5, 6, 30]], 0.9)
    assert found.confusion == {
        "served": {"served": 10, "tie": 2, "reference": 1},
        "tie": {"served": 3, "tie": 20, "reference": 4},
        "reference": {"served": 5, "tie": 6, "reference": 30},
    }
    assert found.false_positive == share(1 + 4, 13 + 27, 0.9)
    assert found.false_negative == share(5 + 6, 41, 0.9)
    assert found.flips == share(0, 81, 0.9)
    assert found.why == {}


def test_the_margin_decides_what_is_a_regret() -> None:
    graded = [(pair("tie"), Scores((0.5, 0.75)))]
    assert check_judge(graded, margin=0.1).false_positive.events == 1
    assert check_judge(graded, margin=0.3).false_positive.events == 0


def test_pairs_that_could_not_be_judged_count_in_nothing_else() -> None:
    found = check_judge(
        [
            (pair("reference"), SCORES["reference"]),
            (pair("reference"), Scores((None, 0.5), why="failed")),
            (pair("tie"), Scores((None, None), why="failed")),
            (pair("tie"), Scores((0.5, None))),
        ]
    )
    assert (found.pairs, found.unjudged) == (4, 3)
    assert found.why == {"failed": 2, NO_REASON: 1}
    assert found.agreement == share(1, 1, 0.95)
    assert found.false_negative.trials == 1
    assert found.flips.trials == 1


def test_flips_are_counted_of_the_comparisons_that_were_asked() -> None:
    same = Scores((0.5, 0.5))
    told = [FLIPPED, FLIPPED, SCORES["served"], same]
    found = check_judge((pair("tie"), scores) for scores in told)
    assert found.flips == share(2, 3, 0.95)


def test_no_pairs() -> None:
    found = check_judge([])
    nothing = Share(0, 0, 0.0, 1.0)
    assert (found.pairs, found.unjudged) == (0, 0)
    assert found.agreement == found.flips == found.false_positive == found.false_negative == nothing
    assert found.kappa.value is None


def test_no_such_confidence() -> None:
    with pytest.raises(ValueError, match="confidence"):
        check_judge([], confidence=1.0)


# ── Length ───────────────────────────────────────────────────────────────────────────────────

LONG_SERVED = ("longer", "short")
LONG_REFERENCE = ("short", "longer")


def lengths(*rows: tuple[tuple[str, str], Better, Better]) -> tuple[Share, Share, Share]:
    bias = check_judge(
        (pair(people, *answers), SCORES[judge]) for answers, people, judge in rows
    ).length
    return bias.longer_at_ties, bias.shorter_at_ties, bias.errors_to_longer


def test_ties_that_the_judge_gives_to_the_longer_answer() -> None:
    longer, shorter, _ = lengths(
        (LONG_SERVED, "tie", "served"),
        (LONG_REFERENCE, "tie", "reference"),
        (LONG_SERVED, "tie", "reference"),
        (LONG_SERVED, "tie", "tie"),
        (LONG_SERVED, "served", "served"),
    )
    assert longer == share(2, 4, 0.95)
    assert shorter == share(1, 4, 0.95)


@pytest.mark.parametrize(
    ("answers", "people", "judge", "to_longer"),
    [
        (LONG_SERVED, "tie", "served", 1),
        (LONG_SERVED, "reference", "tie", 1),
        (LONG_SERVED, "reference", "served", 1),
        (LONG_SERVED, "served", "tie", 0),
        (LONG_SERVED, "tie", "reference", 0),
        (LONG_REFERENCE, "tie", "reference", 1),
        (LONG_REFERENCE, "served", "tie", 1),
        (LONG_REFERENCE, "reference", "served", 0),
    ],
)
def test_errors_for_the_longer_answer(
    answers: tuple[str, str], people: Better, judge: Better, to_longer: int
) -> None:
    assert lengths((answers, people, judge))[2] == share(to_longer, 1, 0.95)


def test_right_verdicts_and_equal_lengths_say_nothing_of_length() -> None:
    found = lengths(
        (LONG_SERVED, "served", "served"),
        (LONG_REFERENCE, "reference", "reference"),
        (("same", "size"), "tie", "served"),
        ((" same \n", "size"), "served", "reference"),
    )
    assert found == (Share(0, 0), Share(0, 0), Share(0, 0))


# ── Simulated judges ─────────────────────────────────────────────────────────────────────────

SHARES = {"served": 0.1, "tie": 0.6, "reference": 0.3}
ERRORS = {
    "served": {"served": 0.7, "tie": 0.25, "reference": 0.05},
    "tie": {"served": 0.1, "tie": 0.78, "reference": 0.12},
    "reference": {"served": 0.04, "tie": 0.16, "reference": 0.8},
}
"""People's verdict → how often the judge gives each."""
FALSE_POSITIVE = (0.1 * 0.05 + 0.6 * 0.12) / 0.7
FALSE_NEGATIVE = 0.2
AGREEMENT = 0.1 * 0.7 + 0.6 * 0.78 + 0.3 * 0.8
FLIP = 0.3
"""Of the judge's ties."""


def simulated(drawing: random.Random, size: int) -> Iterable[tuple[LabelledPair, Scores]]:
    for people in drawing.choices(BETTER, [SHARES[each] for each in BETTER], k=size):
        [judge] = drawing.choices(BETTER, [ERRORS[people][each] for each in BETTER])
        flips = judge == "tie" and drawing.random() < FLIP
        yield PAIRS[people], FLIPPED if flips else SCORES[judge]


PAIRS = {better: pair(better, *LONG_SERVED) for better in BETTER}


@pytest.mark.parametrize(("size", "confidence"), [(40, 0.9), (150, 0.95)])
def test_a_simulated_judge_is_measured_within_its_intervals(size: int, confidence: float) -> None:
    ties = sum(SHARES[people] * ERRORS[people]["tie"] for people in BETTER)
    # All served answers are the longer ones: an error leans to them where it is above the truth.
    to_longer = 0.6 * 0.1 + 0.3 * 0.2
    wrong = 1 - AGREEMENT
    agreed = {each: SHARES[each] * ERRORS[each][each] for each in BETTER}
    judge_says = {
        each: sum(SHARES[people] * ERRORS[people][each] for people in BETTER) for each in BETTER
    }
    chance = sum(SHARES[each] * judge_says[each] for each in BETTER)
    true = {
        "agreement": AGREEMENT,
        "false_positive": FALSE_POSITIVE,
        "false_negative": FALSE_NEGATIVE,
        "flips": ties * FLIP,
        "longer_at_ties": ERRORS["tie"]["served"],
        "shorter_at_ties": ERRORS["tie"]["reference"],
        "errors_to_longer": to_longer / wrong,
        "kappa": (sum(agreed.values()) - chance) / (1 - chance),
    }
    sets = 3_000
    missed = dict.fromkeys(true, 0)
    drawing = random.Random(4)
    for _ in range(sets):
        found = check_judge(simulated(drawing, size), confidence=confidence)
        for name, value in true.items():
            interval = getattr(found, name, None) or getattr(found.length, name)
            missed[name] += not interval.low <= value <= interval.high
    error = 1 - confidence
    allowed = error + 3 * math.sqrt(error * confidence / sets)
    assert {name: count / sets for name, count in missed.items() if count / sets > allowed} == {}
    assert sum(missed.values()) > 0


def test_a_judge_asked_in_both_orders_is_measured() -> None:
    def model(request: Request) -> Choice:
        """Knows the right answer 4, else takes what stands first; fails at a mark of its own."""
        shown = between_marks(request)
        if "fail" in shown.values():
            return Choice("I cannot.")
        better = "B" if shown["answer B"] == "4" else "A"
        return Choice(f'{{"better": "{better}"}}')

    pairs = [
        pair("reference", "5", "4"),
        pair("served", "4", "5"),
        pair("tie", "4 ", "4"),
        pair("reference", "6", "four"),
        pair("tie", "fail", "4"),
    ]
    judge = Pairwise("gpt-4o")
    found = check_judge(
        (each, play(judge, each.choices(), model, each.task())[0]) for each in pairs
    )
    assert (found.pairs, found.unjudged) == (5, 1)
    assert (found.agreement.events, found.agreement.trials) == (3, 4)
    assert (found.flips.events, found.flips.trials) == (1, 3)
    assert (found.false_negative.events, found.false_negative.trials) == (1, 2)
    assert (found.false_positive.events, found.false_positive.trials) == (0, 2)
    assert found.why == {"the judge's verdict cannot be read": 1}
