"""What the log cannot tell, and what would have to be shadowed to know."""

from collections.abc import Sequence

from stepdown.ledger.detail import Detail
from stepdown.quality.offline.paired_log import PairedLog
from stepdown.quality.offline.rerouting import Rerouting
from stepdown.quality.offline.support import (
    Support,
    Unread,
    Unshadowed,
    support,
    unread,
    unshadowed,
)
from stepdown.quality.offline.tally import tally
from stepdown.quality.pairs import Pair
from stepdown.types import Attempt, Reading
from support.replays import CHEAP, PRICES, STRONG, cheap_rule, make_detail, pair_for, route_of

LONG = {"tokens": Reading(900)}


def log_of(details: Sequence[Detail], pairs: Sequence[Pair]) -> PairedLog:
    route = route_of(cheap_rule(), cheap_rule("faq", intent="faq"))
    found = tally(
        details,
        pairs,
        route="auto",
        reference=STRONG,
        rerouting=Rerouting(route),
        price_of=PRICES.get,
    )
    return PairedLog(found, STRONG)


def now_of(log: PairedLog) -> Support:
    return support(log, lambda cell: cell.model)


def make_all(number: int, name: str, **changes: object) -> list[Detail]:
    return [make_detail(f"{name}-{place}", **changes) for place in range(number)]


def every(details: Sequence[Detail], nth: int) -> list[Pair]:
    return [pair_for(each, regret=False, propensity=1 / nth) for each in details[::nth]]


def test_what_was_decided_alike_supports_what_is_sent_down() -> None:
    details = [*make_all(20, "short"), *make_all(20, "long", readings=LONG)]
    log = log_of(details, every(details[20:], 20))
    found = now_of(log)
    assert ({cell.rule for cell in found.known}, found.bare) == ({"short"}, frozenset())
    assert unshadowed(log.tally, found) == []


def test_a_decision_that_was_never_shadowed() -> None:
    details = [
        *make_all(30, "a", decision="old"),
        *make_all(10, "b", decision="old", intent="faq", readings=LONG),
        *make_all(60, "c"),
    ]
    log = log_of(details, every(details[40:], 3))
    found = now_of(log)
    assert unshadowed(log.tally, found) == [
        Unshadowed("short", CHEAP, 30, 0.3, ("old",), ()),
        Unshadowed("faq", CHEAP, 10, 0.1, ("old",), ()),
    ]
    assert {cell.decided for cell in found.known} == {"default"}


def test_pairs_without_scores_and_of_other_models_tell_nothing() -> None:
    details = make_all(10, "a")
    silent = [
        pair_for(details[0], regret=None, propensity=0.1),
        pair_for(details[1], regret=False, propensity=0.1, candidate_model="middle"),
        pair_for(details[2], regret=False, propensity=0.1, reference_model="other"),
    ]
    assert len(now_of(log_of(details, silent)).bare) == 1


def test_the_recorded_policy_is_asked_about_what_it_served() -> None:
    details = make_all(10, "a", decision="trusted", model=CHEAP, rung=0, readings=LONG)
    log = log_of(details, [])
    assert now_of(log) == Support(frozenset(), frozenset(), frozenset())
    assert len(support(log, lambda cell: cell.served).bare) == 1


def test_what_climbed_is_not_sampled_as_what_the_guard_held_is() -> None:
    tries = [
        Attempt(CHEAP, "d1", 0.0, rung=0, verdict="json"),
        Attempt(STRONG, "d2", 1.0, rung=1, verdict="accepted"),
    ]
    held = make_all(10, "h", decision="old", readings=LONG)
    climbed = make_all(10, "c", decision="old", rung=0, attempts=tries, intent="faq")
    found = now_of(log_of([*held, *climbed], every(held, 5)))
    assert [(cell.checked, cell.rule) for cell in found.bare] == [(True, "short")]


def test_a_tag_that_is_never_sampled() -> None:
    """120 requests of which a fifth would be sampled, and none is: that is no chance."""
    tagged = make_all(120, "t", tags='["no-shadow","team"]')
    few = make_all(20, "f", tags='["small"]')
    rest = make_all(300, "r", tags='["team"]', tenant="acme")
    log = log_of([*tagged, *few, *rest], every(rest, 3))
    found = now_of(log)
    assert found.barred == {"tag no-shadow"}
    assert unshadowed(log.tally, found) == [
        Unshadowed("short", CHEAP, 120, 120 / 440, ("default",), ("tag no-shadow",))
    ]


def test_a_tenant_that_is_never_sampled_beside_one_that_is() -> None:
    out, within = make_all(200, "o", tenant="out"), make_all(200, "i", tenant="in")
    found = now_of(log_of([*out, *within], every(within, 4)))
    assert found.barred == {"tenant out"}
    assert {cell.audience.tenant for cell in found.known} == {"in"}


def test_a_signal_that_was_not_recorded() -> None:
    route = route_of(cheap_rule("german", language="de"))
    found = tally(
        [*make_all(3, "a"), *make_all(1, "b", readings={"language": Reading("de")})],
        [],
        route="auto",
        reference=STRONG,
        rerouting=Rerouting(route),
        price_of=PRICES.get,
    )
    assert unread(found) == [Unread(("language",), ("german",), 3, 0.75)]
