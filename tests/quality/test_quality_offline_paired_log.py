"""Which pairs tell of which requests, and how those were sampled."""

from stepdown.quality.offline.paired_log import PairedLog, Sampling
from stepdown.quality.offline.rerouting import Rerouting
from stepdown.quality.offline.tally import tally
from stepdown.quality.pairs import Pair
from stepdown.types import Reading
from support.replays import CHEAP, PRICES, STRONG, cheap_rule, make_detail, pair_for, route_of

DETAILS = [
    make_detail("a"),
    make_detail("b"),
    make_detail("c", readings={"tokens": Reading(900)}),
    make_detail("d", readings={"tokens": Reading(900)}),
]


def log_of(*pairs: Pair, worst_case: bool = False) -> PairedLog:
    found = tally(
        DETAILS,
        pairs,
        route="auto",
        reference=STRONG,
        rerouting=Rerouting(route_of(cheap_rule())),
        price_of=PRICES.get,
    )
    return PairedLog(found, STRONG, worst_case=worst_case)


def test_pairs_tell_of_one_model_against_the_last_rung() -> None:
    a, b, c = DETAILS[:3]
    good = pair_for(a, regret=False, propensity=0.5)
    other = pair_for(
        a, regret=False, propensity=0.5, candidate_model="middle", served=0, saver="cascade"
    )
    older = pair_for(b, regret=True, propensity=0.5, reference_model="old-large")
    long = pair_for(c, regret=True, propensity=0.5)
    log = log_of(good, other, older, long)
    short_cell, long_cell = log.tally.cells
    assert log.told(short_cell, CHEAP) == [good]
    assert log.told(short_cell, "middle") == [other]
    assert log.told(long_cell, CHEAP) == [long]
    assert log.told(long_cell, STRONG) == []
    assert log.requests(short_cell) == 2


def test_pairs_that_are_not_scored_count_in_the_worst_case_only() -> None:
    unscored = pair_for(DETAILS[0], regret=None, propensity=0.5)
    cell = next(iter(log_of().tally.cells))
    assert log_of(unscored).told(cell, CHEAP) == []
    assert log_of(unscored).unscored(cell, CHEAP) == 1
    assert log_of(unscored, worst_case=True).told(cell, CHEAP) == [unscored]


def test_what_was_decided_alike_is_sampled_alike_whatever_becomes_of_it() -> None:
    log = log_of(
        pair_for(DETAILS[0], regret=False, propensity=0.5),
        pair_for(DETAILS[2], regret=False, propensity=0.1),
        pair_for(DETAILS[3], regret=None, propensity=0.01),
    )
    short_cell, long_cell = log.tally.cells
    alike = Sampling(pairs=2, rate=0.5, heaviest=10.0)
    assert log.sampling(short_cell, CHEAP) == log.sampling(long_cell, CHEAP) == alike
    assert log.sampling(short_cell, "middle") == Sampling(0, 0.0, 1.0)
