"""The regret that people would have found, from what a judge found and how the judge errs.

Two ways, by what people labelled. ``rogan_gladen`` needs the judge's error rates, from any pairs of
the same kind. ``prediction_powered`` needs labels on a random part of the very pairs judged; it
assumes nothing of the judge.

**What is guaranteed.** Either interval covers with its confidence at every sample size, if pairs
are independent draws: the error is split over the intervals of all that is estimated, and the
outermost regret that they allow is taken. That costs width, most where little was labelled. Either
end is wrong with half the error at most: the upper end at confidence 0.9 is a bound at 0.95.
"""

from collections.abc import Sequence

from msgspec import Struct

from stepdown.quality.intervals import each_of, error_of, exact_interval, lower
from stepdown.quality.means import mean_interval

_LABELS_ALONE, _JUDGED, _DIFFERENCE = 0.5, 0.1, 0.4
"""How ``prediction_powered`` splits the error. Set beforehand; the judged pairs are many, so that
their part is small."""


class JudgeErrors(Struct, frozen=True):
    """How a judge did on pairs that people labelled. Raises ValueError.

    ``negatives`` pairs were no regrets to people, of which the judge called ``false_positives``
    regrets; ``positives`` were regrets, of which it called ``false_negatives`` none.
    """

    false_positives: int
    negatives: int
    false_negatives: int
    positives: int

    def __post_init__(self) -> None:
        for wrong, of in (("false_positives", "negatives"), ("false_negatives", "positives")):
            most, count = getattr(self, of), getattr(self, wrong)
            if not 0 <= count <= most:
                raise ValueError(f"{wrong}: expected 0 to {most}, the {of}, got {count}")


class Estimate(Struct, frozen=True):
    """A fraction and where it is, all in 0..1; the value is never outside."""

    value: float
    low: float
    high: float


def rogan_gladen(regrets: int, trials: int, errors: JudgeErrors, confidence: float) -> Estimate:
    """The true regret where a judge called ``regrets`` of ``trials`` pairs regrets.

    Three Clopper-Pearson intervals have a third of the error each: for what the judge says, its
    false positives, and the regrets that it finds. (Splits by sample size were simulated: none was
    narrower by more than a few per cent.) All regrets that some rates inside them explain make the
    interval: [0, 1] for a judge that tells nothing, and also where nothing explains the counts,
    for then the labelled pairs are not of the kind that was judged. The value is the judge's own
    fraction where its errors are unknown or it does no better than chance.

    Source: Rogan & Gladen 1978, "Estimating prevalence from the results of a screening test",
    American Journal of Epidemiology 107 (1). Raises ValueError, also without trials.
    """
    if trials < 1:
        raise ValueError(f"trials: expected 1 or more judged pairs, got {trials}")
    each = each_of(confidence, 3)
    said = exact_interval(regrets, trials, each)
    wrongly = exact_interval(errors.false_positives, errors.negatives, each)
    found = errors.positives - errors.false_negatives
    rightly = exact_interval(found, errors.positives, each)
    low, high = _explained(said, wrongly, rightly)
    value = fraction = regrets / trials
    if errors.negatives and errors.positives:
        false = errors.false_positives / errors.negatives
        true = found / errors.positives
        if true > false:
            value = (fraction - false) / (true - false)
    return _estimate(value, low, high)


def corrected(
    said: tuple[float | None, float, float],
    errors: JudgeErrors,
    each: float,
    *,
    balance: float = 1.0,
) -> tuple[float | None, float, float]:
    """A mean of true regrets, from that of the regrets that the judge said: value, low and high.

    It is linear in the judge's rates, so that any interval of ``said`` can be carried through.
    ``each`` is the confidence of the two Clopper-Pearson intervals of these rates: the result is
    wrong with the error of ``said`` and twice this one's together, at either end with half of it.

    ``balance`` is the mean with which regrets count if all are: 1 for a rate, and less where some
    count as -1, in a difference of two rates, all in shares of one whole. A judge that is not shown
    to find regrets more often than it makes them up says nothing of a difference: then all of -1..1
    is left. Source: as for ``rogan_gladen``. Raises ValueError.
    """
    value, low, high = said
    found = errors.positives - errors.false_negatives
    wrongly = exact_interval(errors.false_positives, errors.negatives, each)
    rightly = exact_interval(found, errors.positives, each)
    if balance == 1.0:
        low, high = _explained((low, high), wrongly, rightly)
    else:
        low, high = _differing((low, high), wrongly, rightly, balance)
    if value is None:
        return None, low, high
    if errors.negatives and errors.positives:
        false, true = errors.false_positives / errors.negatives, found / errors.positives
        if true > false:
            value = (value - false * balance) / (true - false)
    return min(max(value, low), high), low, high


def said_within(regret: float, errors: JudgeErrors, confidence: float) -> float:
    """The rate of what the judge says, at which or below which the regret is shown to be at most
    ``regret``; 0 where it is not known to find regrets more often than it makes them up.
    ``confidence`` is that of each of its two rates' bounds, one-sided. Raises ValueError."""
    makes_up = lower(errors.false_positives, errors.negatives, confidence)
    finds = lower(errors.positives - errors.false_negatives, errors.positives, confidence)
    return makes_up + regret * (finds - makes_up) if finds > makes_up else 0.0


def prediction_powered(
    judged: tuple[int, int], labelled: Sequence[tuple[bool, bool]], confidence: float
) -> Estimate:
    """The true regret where people labelled a random part of the judged pairs.

    ``judged`` is (regrets, trials) by the judge over all pairs, the labelled ones included.
    ``labelled`` holds (people say regret, judge says regret) for some of them, in an order that has
    nothing to do with either (see ``means``). The value is the judge's fraction plus the mean of
    people less judge over the labelled pairs.

    Where the judge errs about as often as there are regrets, the labels alone say more. So half of
    the error goes to the exact interval of the labels alone, half to the prediction-powered one
    (a Clopper-Pearson interval of the judge's fraction, a betting interval of the difference), and
    the interval is what both allow. Should they not meet, one of them is wrong: it spans both.

    Source: Angelopoulos, Bates, Fannjiang, Jordan & Zrnic 2023, "Prediction-powered inference",
    Science 382, arXiv 2301.09633, with bounds that hold at every sample size. Raises ValueError,
    also without judged pairs.
    """
    regrets, trials = judged
    if trials < 1:
        raise ValueError(f"judged: expected 1 or more pairs, got {trials}")
    if len(labelled) > trials:
        raise ValueError(f"labelled: expected at most the {trials} pairs, got {len(labelled)}")
    error = error_of(confidence)
    differences = [float(people) - float(judge) for people, judge in labelled]
    said = exact_interval(regrets, trials, 1.0 - error * _JUDGED)
    more = mean_interval(differences, -1.0, 1.0, 1.0 - error * _DIFFERENCE)
    agreed = sum(people for people, _ in labelled)
    alone = exact_interval(agreed, len(labelled), 1.0 - error * _LABELS_ALONE)
    low, high = _in_both(alone, (said[0] + more[0], said[1] + more[1]))
    value = regrets / trials
    if differences:
        value += sum(differences) / len(differences)
    return _estimate(value, low, high)


def _explained(
    said: tuple[float, float], wrongly: tuple[float, float], rightly: tuple[float, float]
) -> tuple[float, float]:
    """The regrets at which a judge of such rates may say what it said.

    With regret r, it calls between ``wrongly[0] (1 - r) + rightly[0] r`` and the same of the upper
    ends regrets; this range has to meet ``said``.
    """
    not_too_often = _at_most(said[1], wrongly[0], rightly[0])
    often_enough = _at_most(-said[0], -wrongly[1], -rightly[1])
    low = max(not_too_often[0], often_enough[0])
    high = min(not_too_often[1], often_enough[1])
    return (low, high) if low <= high else (0.0, 1.0)


def _differing(
    said: tuple[float, float],
    wrongly: tuple[float, float],
    rightly: tuple[float, float],
    balance: float,
) -> tuple[float, float]:
    """The same for a difference: (said - wrongly balance) / (rightly - wrongly) is monotone in each
    of the three as long as the rates are apart, so that it is outermost at their ends."""
    if rightly[0] <= wrongly[1]:
        return -1.0, 1.0
    corners = [
        (one - false * balance) / (true - false)
        for one in said
        for false in wrongly
        for true in rightly
    ]
    return max(-1.0, min(corners)), min(1.0, max(corners))


def _at_most(limit: float, at_zero: float, at_one: float) -> tuple[float, float]:
    """Where in 0..1 a line is at most ``limit``; (1.0, 0.0) where nowhere."""
    if max(at_zero, at_one) <= limit:
        return 0.0, 1.0
    if min(at_zero, at_one) > limit:
        return 1.0, 0.0
    crossing = (limit - at_zero) / (at_one - at_zero)
    return (0.0, crossing) if at_one > at_zero else (crossing, 1.0)


def _in_both(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    low, high = max(one[0], other[0]), min(one[1], other[1])
    if low <= high:
        return low, high
    return min(one[0], other[0]), max(one[1], other[1])


def _estimate(value: float, low: float, high: float) -> Estimate:
    low, high = max(0.0, low), min(1.0, high)
    return Estimate(min(max(value, low), high), low, high)
