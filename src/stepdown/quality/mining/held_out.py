"""What held-out pairs say of regions that were found on others.

Half of the pairs, by a hash of their ids, have no part in the search. So each region is asked about
on pairs that it was not chosen for, and its bounds are exact; as several are asked about at once,
the error is split over them (Bonferroni). Then the chance that any region is certified whose regret
is above the budget is at most the error, however the regions were found.

Where it is known how the judge errs, the bounds are of the regret itself (``correction``): a third
of the error each goes to what the judge says and to both of its rates.
"""

from collections.abc import Sequence

from msgspec import Struct

from stepdown.quality.correction import JudgeErrors, corrected
from stepdown.quality.intervals import each_of, error_of, lower, upper
from stepdown.quality.mining.samples import Sample
from stepdown.quality.mining.search import Region
from stepdown.quality.offline.recorded import shuffled_by
from stepdown.quality.offline.sampled_mean import Draw, sampled_mean


class Held(Struct, frozen=True):
    """A region on held-out pairs.

    ``pairs`` of them are in it, and ``regrets`` of these were regretted, as the judge says;
    ``regret`` weights them by what they stand for, None without pairs. ``low`` and ``high`` are
    one-sided bounds. ``share`` of what all held-out pairs stand for is in it; ``saved`` is US
    dollars for each of these requests.
    """

    pairs: int
    regrets: int
    regret: float | None
    low: float
    high: float
    share: float
    saved: float


def split(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Those to search, and those held out, both in random order."""
    named = [(shuffled_by(sample.id, "suggest"), sample) for sample in samples]
    named.sort(key=lambda each: each[0])
    searched = [sample for name, sample in named if name[-1] % 2 == 0]
    return searched, [sample for name, sample in named if name[-1] % 2 == 1]


def held(
    region: Region,
    samples: Sequence[Sample],
    confidence: float,
    judge: JudgeErrors | None = None,
) -> Held:
    """``confidence`` is that of one bound. ``judge``: how the judge errs, where that is known.
    Raises ValueError."""
    inside = [s for s in samples if all(t.test(s.readings) is True for t in region.terms)]
    weight = sum(sample.weight for sample in inside)
    regretted = sum(sample.weight for sample in inside if sample.regret)
    regret = regretted / weight if weight else None
    if judge is None:
        low, high = _bounds(inside, samples, confidence)
    else:
        each = each_of(confidence, 3)
        both = 1.0 - 2.0 * error_of(each)
        said = _bounds(inside, samples, each)
        regret, low, high = corrected((regret, *said), judge, both)
    return Held(
        len(inside),
        sum(sample.regret for sample in inside),
        regret,
        low,
        high,
        weight / sum(sample.weight for sample in samples) if samples else 0.0,
        sum(s.weight * s.saved for s in inside) / weight if weight else 0.0,
    )


def of_each(confidence: float, family: int) -> float:
    """The confidence of one bound where so many regions are asked about."""
    return each_of(confidence, max(1, family))


def _bounds(
    inside: Sequence[Sample], samples: Sequence[Sample], confidence: float
) -> tuple[float, float]:
    """Exact where all pairs have one weight, as is usual; else by bets: as valid, but wider."""
    heaviest = max((sample.weight for sample in samples), default=1.0)
    regrets = sum(sample.regret for sample in inside)
    if all(sample.weight == heaviest for sample in samples):
        count = len(inside)
        return lower(regrets, count, confidence), upper(regrets, count, confidence)
    draws = [Draw(float(sample.regret), sample.weight) for sample in inside]
    both = 1.0 - 2.0 * error_of(confidence)
    mean = sampled_mean(draws, 0.0, 1.0, both, heaviest=heaviest)
    return mean.low, mean.high
