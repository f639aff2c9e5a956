"""Regrets of the recorded and of a new policy, and their difference, by hand."""

from collections.abc import Sequence

import pytest

from stepdown.ledger.detail import Detail
from stepdown.quality.intervals import exact_interval
from stepdown.quality.offline.paired_log import PairedLog
from stepdown.quality.offline.regrets import Difference, Estimate, Regret, difference, regret
from stepdown.quality.offline.rerouting import Rerouting
from stepdown.quality.offline.support import support
from stepdown.quality.offline.tally import tally
from stepdown.quality.pairs import Pair
from stepdown.routing.route import PolicyRoute
from stepdown.types import Reading
from support.replays import CHEAP, PRICES, STRONG, cheap_rule, make_detail, pair_for, route_of

LONG = {"tokens": Reading(900)}
LOW = {"decision": "small", "model": CHEAP, "rung": 0}
METHODS = ["inverse propensity", "self-normalised", "doubly robust"]


def log_of(
    details: Sequence[Detail], pairs: Sequence[Pair], route: PolicyRoute | None = None
) -> PairedLog:
    found = tally(
        details,
        pairs,
        route="auto",
        reference=STRONG,
        rerouting=Rerouting(route or route_of(cheap_rule())),
        price_of=PRICES.get,
    )
    return PairedLog(found, STRONG)


def now(log: PairedLog, *, undecided: int = 0) -> Regret:
    found = support(log, lambda cell: cell.model)
    return regret(log, found, lambda cell: cell.model, 0.95, undecided=undecided)


def then(log: PairedLog) -> Regret:
    found = support(log, lambda cell: cell.served)
    return regret(log, found, lambda cell: cell.served, 0.95)


def more(log: PairedLog) -> Difference:
    before, after = support(log, lambda cell: cell.served), support(log, lambda cell: cell.model)
    return difference(log, before, after, 0.95, undecided=log.tally.undecided.total())


def make_all(number: int, name: str, **changes: object) -> list[Detail]:
    return [make_detail(f"{name}-{place}", **changes) for place in range(number)]


def paired(
    details: Sequence[Detail], regrets: int, *, propensity: float = 1.0, **changes: object
) -> list[Pair]:
    """A pair of each; the first ones are regrets."""
    return [
        pair_for(each, regret=place < regrets, propensity=propensity, **changes)
        for place, each in enumerate(details)
    ]


def test_every_request_paired() -> None:
    details = [*make_all(50, "short"), *make_all(50, "long", readings=LONG)]
    found = now(log_of(details, paired(details, 10)))
    assert [each.method for each in found.estimates] == METHODS
    assert [each.value for each in found.estimates] == pytest.approx([0.2] * 3)
    exact = exact_interval(10, 50, 0.95)
    for each in found.estimates:
        assert (each.low, each.high) == pytest.approx(exact, abs=0.06)
    assert (found.requests, found.unknown, found.pairs, found.found) == (50, 0, 50, 1.0)
    assert found.effective == pytest.approx(50)


def test_what_was_sampled_seldom_weighs_more() -> None:
    held = make_all(40, "held", decision="small")
    free = make_all(40, "free")
    pairs = [*paired(held[::2], 2, propensity=0.5), *paired(free[::10], 2, propensity=0.1)]
    found = now(log_of([*held, *free], pairs))
    assert [each.value for each in found.estimates[:2]] == pytest.approx([24 / 80, 24 / 80])
    assert found.effective == pytest.approx(80**2 / (20 * 4 + 4 * 100))
    assert found.found == pytest.approx(1.0)
    assert not found.lost


def test_unscored_pairs_make_the_inverse_propensity_estimate_too_small() -> None:
    details = make_all(60, "a")
    pairs = [
        *paired(details[:30], 6),
        *(pair_for(d, regret=None, propensity=1.0) for d in details[30:]),
    ]
    found = now(log_of(details, pairs))
    values = {each.method: each.value for each in found.estimates}
    assert values["inverse propensity"] == pytest.approx(0.1)
    assert values["doubly robust"] == pytest.approx(0.2)
    assert (found.found, found.lost, found.unscored) == (0.5, True, 30)


def test_unknown_requests_count_as_none_and_as_all() -> None:
    known, bare = make_all(80, "known"), make_all(20, "bare", decision="never-shadowed")
    plain = now(log_of(known, paired(known, 8)))
    found = now(log_of([*known, *bare], paired(known, 8)), undecided=20)
    assert (found.requests, found.unknown) == (120, 40)
    assert found.best.value == plain.best.value
    assert found.best.low == pytest.approx(80 / 120 * plain.best.low)
    assert found.best.high == pytest.approx((80 * plain.best.high + 40) / 120)


def test_nothing_sent_down_regrets_nothing() -> None:
    log = log_of(make_all(5, "a", readings=LONG), [])
    assert now(log) == Regret(
        0, 0, 0, 0.0, 0, 1.0, False, (Estimate("doubly robust", 0.0, 0.0, 0.0),)
    )


def test_nothing_known_of_what_was_sent_down() -> None:
    found = then(log_of(make_all(5, "a", **LOW), []))
    assert (found.requests, found.unknown) == (5, 5)
    assert found.best == Estimate("doubly robust", None, 0.0, 1.0)


# ── The difference ───────────────────────────────────────────────────────────────────────────


def test_what_both_treat_alike_adds_nothing() -> None:
    """Even without a pair."""
    details = [*make_all(30, "a", **LOW), *make_all(30, "b", readings=LONG)]
    found = more(log_of(details, []))
    assert found == Difference(0, 0, 0, 0, 0.0, (Estimate("doubly robust", 0.0, 0.0, 0.0),))


def test_what_goes_down_adds_its_regrets_and_what_goes_up_takes_them_away() -> None:
    down, up = make_all(40, "down"), make_all(60, "up", readings=LONG, **LOW)
    log = log_of([*down, *up], [*paired(down, 10), *paired(up, 3)])
    found = more(log)
    assert (found.more, found.fewer, found.pairs) == (40, 60, 100)
    assert [each.value for each in found.estimates] == pytest.approx([0.07] * 3, abs=0.01)
    assert found.best.low < 0.07 < found.best.high
    assert then(log).best.value == pytest.approx(3 / 60)
    assert now(log).best.value == pytest.approx(10 / 40)


def test_it_is_known_better_than_each_policy_where_they_hardly_differ() -> None:
    same, down = make_all(400, "same", **LOW), make_all(20, "down")
    log = log_of([*same, *down], [*paired(same, 100), *paired(down, 5)])
    wide, narrow = now(log).best, more(log).best
    assert narrow.high - narrow.low < 0.3 * (wide.high - wide.low)


def test_unknown_requests_widen_it_on_their_side() -> None:
    known = make_all(40, "known")
    base = more(log_of(known, paired(known, 4))).best
    bare_down = make_all(10, "down", decision="never-shadowed")
    worse = more(log_of([*known, *bare_down], paired(known, 4)))
    assert worse.unknown == 10
    assert worse.best.low == pytest.approx(base.low * 40 / 50)
    assert worse.best.high == pytest.approx((base.high * 40 + 10) / 50)
    bare_up = make_all(10, "up", readings=LONG, **LOW)
    better = more(log_of([*known, *bare_up], paired(known, 4)))
    assert better.unknown == 10
    assert better.best.low == pytest.approx((base.low * 40 - 10) / 50)
    assert better.best.high == pytest.approx(base.high * 40 / 50)


def test_of_two_cheaper_models_nothing_says_which_regrets_more() -> None:
    three = {"ladder": [CHEAP, "middle", STRONG]}
    rule = {"name": "middling", "when": {"tokens": {"lt": 500}}, "rung": "middle"}
    route = route_of(rule, **three)
    details = make_all(10, "a", **LOW)
    pairs = [
        pair_for(each, regret=False, propensity=1.0, candidate_model=model, saver=saver)
        for each in details
        for model, saver in ((CHEAP, "route"), ("middle", "cascade"))
    ]
    found = more(log_of(details, pairs, route))
    assert (found.more, found.fewer, found.unknown) == (0, 0, 10)
    assert (found.best.low, found.best.high) == (-1.0, 1.0)
