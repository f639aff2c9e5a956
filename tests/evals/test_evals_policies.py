"""The controls by hand, chance by simulation, and what holds for any rows."""

import math
import random
from decimal import Decimal

import pytest
from hypothesis import assume, given

from stepdown.evals.policies import policies_of
from stepdown.evals.report import Policy
from stepdown.evals.rows import Row
from support.eval_rows import numbered, row, rows_of

MARGIN = 0.1
NAMES = ["route", "all cheap", "all strong", "random", "prompt length", "oracle"]


def named(rows: list[Row]) -> dict[str, Policy]:
    return {policy.name: policy for policy in policies_of(rows, MARGIN)}


ROWS = numbered(
    [
        row((0.0, 1.0), 0, tokens=30),
        row((1.0, 1.0), 0, tokens=20),
        row((1.0, 1.0), 1, tokens=10),
        row((0.5, 1.0), 1, tokens=40),
    ]
)


def test_by_hand() -> None:
    found = named(ROWS)
    assert list(found) == NAMES
    assert found["route"] == Policy("route", 0.5, 0.75, 0.5, 0.055)
    assert found["all cheap"] == Policy("all cheap", 1.0, 0.625, 0.5, 0.01)
    assert found["all strong"] == Policy("all strong", 0.0, 1.0, None, 0.1)
    assert found["oracle"] == Policy("oracle", 0.5, 1.0, 0.0, 0.055)
    length = found["prompt length"]
    assert (length.down, length.quality, length.regret) == pytest.approx((0.5, 1.0, 0.0))
    assert length.cost == pytest.approx(0.055)
    chance = found["random"]
    assert (chance.down, chance.quality, chance.regret) == pytest.approx((0.5, 0.8125, 0.5))
    assert chance.cost == pytest.approx(0.055)
    assert chance.spread == pytest.approx(math.sqrt(0.25 * (1.0 + 0.25)) / 4)


def test_no_rows_no_policies() -> None:
    assert policies_of([], MARGIN) == ()


def test_the_routes_cost_is_all_that_it_asked() -> None:
    """A cascade that climbed paid for both answers; chance is matched to that."""
    rows = numbered([row((0.0, 1.0), 1, decided=0, cost=Decimal("0.11")), row((1.0, 1.0))])
    found = named(rows)
    assert found["route"].cost == pytest.approx(0.06)
    assert found["random"].cost == pytest.approx(0.06)
    assert found["random"].down == pytest.approx(4 / 9)


def test_a_route_dearer_than_all_strong_is_matched_as_near_as_it_goes() -> None:
    rows = numbered([row((0.0, 1.0), 1, decided=0, cost=Decimal("0.11"))] * 3)
    found = named(rows)
    assert (found["random"].down, found["random"].regret) == (0.0, None)
    assert found["prompt length"].cost == pytest.approx(0.1)


@pytest.mark.parametrize("costs", [(None, None), ("0.05", "0.05")], ids=["unknown", "equal"])
def test_otherwise_the_share_of_strong_calls_is_matched(costs: tuple[str | None, ...]) -> None:
    rows = numbered([row((0.0, 1.0), int(place == 0), costs=costs) for place in range(4)])
    found = named(rows)
    assert found["random"].down == found["prompt length"].down == pytest.approx(0.75)
    assert found["route"].cost == (None if costs[0] is None else 0.05)


def test_length_breaks_its_ties_by_chance() -> None:
    rows = [row((0.0, 1.0), 0), row((1.0, 1.0), 1)]
    found = named(numbered(rows))["prompt length"]
    assert (found.down, found.quality, found.regret) == pytest.approx((0.5, 0.75, 0.5))


def test_the_oracle_takes_the_first_rung_that_is_within_the_margin() -> None:
    rows = numbered([row((0.0, 0.95, 1.0), 2, costs=("1", "2", "3"))])
    assert named(rows)["oracle"] == Policy("oracle", 1.0, 0.95, 0.0, 2.0)


def test_a_ladder_of_one_rung() -> None:
    found = named(numbered([row((1.0,)), row((0.0,))]))
    assert {(policy.down, policy.quality, policy.regret) for policy in found.values()} == {
        (0.0, 0.5, None)
    }


def test_chance_is_what_its_simulation_gives() -> None:
    rng = random.Random(5)
    rows = numbered(
        [
            row(
                (rng.random(), rng.random()),
                int(rng.random() < 0.4),
                costs=(rng.randint(1, 5), rng.randint(6, 20)),
            )
            for _ in range(40)
        ]
    )
    told = named(rows)["random"]
    assert told.spread is not None
    assert told.cost is not None
    qualities: list[float] = []
    costs: list[float] = []
    down = regrets = 0
    for _ in range(4000):
        served = [row.rungs[0 if rng.random() < told.down else 1] for row in rows]
        qualities.append(math.fsum(rung.score or 0.0 for rung in served) / len(rows))
        costs.append(float(sum((rung.cost or 0 for rung in served), Decimal(0))) / len(rows))
        sent = [row for row, rung in zip(rows, served, strict=True) if rung is row.rungs[0]]
        down += len(sent)
        regrets += sum(bool(row.regretted(MARGIN, 0)) for row in sent)
    mean = math.fsum(qualities) / len(qualities)
    spread = math.sqrt(math.fsum((each - mean) ** 2 for each in qualities) / len(qualities))
    assert told.quality == pytest.approx(mean, abs=4 * told.spread / math.sqrt(4000))
    assert told.spread == pytest.approx(spread, rel=0.05)
    assert told.cost == pytest.approx(math.fsum(costs) / len(costs), rel=0.01)
    assert told.regret == pytest.approx(regrets / down, abs=0.01)
    assert told.cost == pytest.approx(named(rows)["route"].cost)


@given(rows_of(rungs=3))
def test_all_strong_and_the_oracle_regret_nothing(rows: list[Row]) -> None:
    found = named(rows)
    strong, oracle = found["all strong"], found["oracle"]
    assert (strong.down, strong.regret) == (0.0, None)
    assert oracle.regret in (0.0, None)
    assert oracle.quality >= strong.quality - MARGIN - 1e-9
    assert oracle.cost is not None
    assert strong.cost is not None
    assert oracle.cost <= strong.cost + 1e-12


@given(rows_of())
def test_chance_and_length_cost_what_the_route_costs(rows: list[Row]) -> None:
    found = named(rows)
    route = found["route"]
    assert found["random"].cost == pytest.approx(route.cost)
    assert found["prompt length"].cost == pytest.approx(route.cost)
    for policy in found.values():
        assert 0.0 <= policy.down <= 1.0
        assert policy.regret is None or 0.0 <= policy.regret <= 1.0 + 1e-9


@given(rows_of())
def test_where_all_prompts_are_of_one_length_it_is_chance(rows: list[Row]) -> None:
    assume(len(rows) > 1)
    same = [row((each.rungs[0].score, each.reference.score), each.rung) for each in rows]
    found = named(numbered(same))
    length, chance = found["prompt length"], found["random"]
    assert (length.down, length.quality) == pytest.approx((chance.down, chance.quality))
