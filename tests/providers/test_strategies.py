"""Which of several deployments is chosen: shares over many draws of a fixed seed, or exactly."""

from collections import Counter
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from stepdown.errors import UpstreamTimedOut
from stepdown.pricing.price import TokenPrice
from stepdown.providers.cooldown import CooldownRules
from stepdown.providers.demand import Demand
from stepdown.providers.member import Member
from stepdown.providers.strategies import simple_shuffle
from stepdown.types import Usage
from support.fleets import Clock, Play, deployment, fleet, request

DRAWS = 4000


def shares(*settings: dict[str, Any]) -> list[float]:
    """The share of draws that each deployment got."""
    members = [
        Member(deployment(str(i), **given), CooldownRules(), alone=False, counts_tokens=False)
        for i, given in enumerate(settings)
    ]
    random = Random(7)
    drawn = Counter(simple_shuffle(members, 0.0, random).deployment.id for _ in range(DRAWS))
    return [drawn[str(i)] / DRAWS for i in range(len(settings))]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ([{}, {}, {}, {}], [0.25, 0.25, 0.25, 0.25]),
        ([{"weight": 3}, {"weight": 1}], [0.75, 0.25]),
        ([{"rpm": 900}, {"rpm": 100}], [0.9, 0.1]),
        ([{"tpm": 100}, {"tpm": 300}], [0.25, 0.75]),
        ([{"weight": 1, "rpm": 1}, {"weight": 1, "rpm": 1000}], [0.5, 0.5]),
        ([{"rpm": 1, "tpm": 9}, {"rpm": 1, "tpm": 1}], [0.5, 0.5]),
        ([{"weight": 0.5}, {}], [1.0, 0.0]),
        ([{"weight": 0}, {"weight": 0}], [0.5, 0.5]),
    ],
)
def test_simple_shuffle_by_weight_then_rpm_then_tpm(
    settings: list[dict[str, Any]], expected: list[float]
) -> None:
    assert shares(*settings) == pytest.approx(expected, abs=0.03)


def test_least_busy_is_the_one_with_the_fewest_calls_under_way() -> None:
    clock = Clock()
    made = fleet(*map(deployment, "abc"), clock=clock, strategy="least-busy")
    under_way = [Play(made, clock) for _ in range(3)]
    assert {play.tries() for play in under_way} == {"a", "b", "c"}
    freed = under_way[1].deployment
    assert freed is not None
    under_way[1].answers()
    assert Play(made, clock).tries() == freed.id


def test_cost_based_is_the_cheapest_and_unknown_is_never_cheapest() -> None:
    clock = Clock()
    prices = {
        name: TokenPrice(Decimal(rate), Decimal(rate))
        for name, rate in (("dear", "0.00002"), ("cheap", "0.00001"))
    }
    made = fleet(
        deployment("unknown"),
        *(deployment(name, price=price) for name, price in prices.items()),
        clock=clock,
        strategy="cost-based-routing",
    )
    assert [Play(made, clock).tries() for _ in range(20)] == ["cheap"] * 20


@pytest.mark.parametrize("strategy", ["usage-based-routing", "usage-based-routing-v2"])
def test_usage_based_is_the_one_that_spent_the_fewest_tokens_this_minute(strategy: str) -> None:
    clock = Clock()
    made = fleet(*map(deployment, "ab"), clock=clock, strategy=strategy)
    first = Play(made, clock)
    heavy = first.tries()
    first.answers(Usage(input=5000, output=5000))
    for _ in range(4):
        play = Play(made, clock)
        assert play.tries() != heavy
        play.answers(Usage(input=10, output=10))
    clock.pass_(61.0)
    play = Play(made, clock)
    light = play.tries()
    play.answers(Usage(input=1, output=1))
    assert Play(made, clock).tries() != light


def test_usage_based_counts_the_calls_under_way() -> None:
    clock = Clock()
    made = fleet(*map(deployment, "ab"), clock=clock, strategy="usage-based-routing")
    assert {Play(made, clock).tries() for _ in range(2)} == {"a", "b"}


def test_latency_based_measures_everyone_then_takes_the_fastest_for_each_token() -> None:
    clock = Clock()
    made = fleet(*map(deployment, "abc"), clock=clock, strategy="latency-based-routing")
    pace = {"a": 0.05, "b": 0.01, "c": 0.2}
    measured = []
    for tokens in (10, 200, 40):
        play = Play(made, clock)
        name = play.tries()
        measured.append(name)
        play.answers(Usage(input=1, output=tokens), after=pace[name] * tokens)
    assert sorted(measured) == ["a", "b", "c"]
    for _ in range(10):
        play = Play(made, clock)
        assert play.tries() == "b"
        play.answers(Usage(input=1, output=10), after=0.1)


def test_latency_based_sends_one_call_at_a_time_to_the_unmeasured() -> None:
    clock = Clock()
    made = fleet(*map(deployment, "ab"), clock=clock, strategy="latency-based-routing")
    first = Play(made, clock)
    known = first.tries()
    first.answers(after=1.0)
    assert Play(made, clock).tries() != known
    assert [Play(made, clock).tries() for _ in range(5)] == [known] * 5


def test_latency_based_measures_again_what_it_has_not_heard_of_for_a_minute() -> None:
    clock = Clock()
    made = fleet(*map(deployment, "ab"), clock=clock, strategy="latency-based-routing")
    play = Play(made, clock, num_retries=0)
    slow = play.tries()
    play.fails(UpstreamTimedOut("slow"), after=10.0)
    other = Play(made, clock)
    fast = other.tries()
    other.answers(after=0.1)
    assert slow != fast
    clock.pass_(55.0)
    for _ in range(3):
        again = Play(made, clock)
        assert again.tries() == fast
        again.answers(after=0.1)
    clock.pass_(6.0)
    assert Play(made, clock).tries() == slow


def test_a_member_lends_its_deployment_itself_where_nothing_is_to_be_settled() -> None:
    made = deployment("a")
    member = Member(made, CooldownRules(), alone=True, counts_tokens=False)
    assert member.lend(0.0, Demand(request(), strict=False)) is made
