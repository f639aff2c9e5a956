"""What the recorded pairs say of the regret of each rule, tag or rung of a route."""

from collections.abc import Sequence

from msgspec import Struct

from stepdown.quality.evidence import Counts, bounds, estimate
from stepdown.quality.intervals import each_of
from stepdown.quality.records.groups import Group


class Rate(Struct, frozen=True):
    """A rate of regrets in 0..1, each pair weighted by the requests that it stands for.

    ``value`` is None without pairs. The rate is in ``low`` to ``high`` with a confidence that is
    told beside it, whenever one looks, as long as the least propensity stays the same.
    """

    value: float | None
    low: float
    high: float


class Regret(Struct, frozen=True):
    """What is known of one group. ``worst``: the rate if every unscored pair were a regret."""

    group: Group
    rate: Rate
    worst: Rate

    @property
    def weighted(self) -> bool:
        """Whether the rate is more than regrets by pairs: its pairs have several propensities."""
        return len(self.group.counts) > 1


class Family(Struct, frozen=True):
    """Groups whose rates hold at once with ``confidence``, since each has ``each``."""

    regrets: tuple[Regret, ...]
    confidence: float
    each: float

    @property
    def judged(self) -> int:
        """Over so many the error is split: those that have pairs with scores."""
        return sum(1 for regret in self.regrets if regret.group.scored)


def family_of(groups: Sequence[Group], confidence: float) -> Family:
    """The groups with their rates. The error is split evenly over those that have any scores.

    The least propensity is the least that was recorded of a group. Raises ValueError for a
    confidence out of bounds.
    """
    judged = sum(1 for group in groups if group.scored)
    each = each_of(confidence, max(1, judged))
    return Family(tuple(_regret(group, each) for group in groups), confidence, each)


def _regret(group: Group, confidence: float) -> Regret:
    least = min([*group.counts, *group.unscored], default=1.0)
    scored = Counts(group.counts)
    unscored = Counts({each: (pairs, pairs) for each, pairs in group.unscored.items()})
    return Regret(
        group, _rate(scored, confidence, least), _rate(scored + unscored, confidence, least)
    )


def _rate(counts: Counts, confidence: float, least: float) -> Rate:
    return Rate(estimate(counts), *bounds(counts, confidence, least))
