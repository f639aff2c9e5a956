"""Rungs, read back from both kinds of databases: rates, spend, net saving and the break-even."""

import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

from stepdown.ledger import rungs as module
from stepdown.ledger.rungs import Means, Rung, break_even, rungs
from stepdown.ledger.savings import savings
from stepdown.ledger.tries import Key, Sums, Tries
from stepdown.ledger.writer import Ledger
from stepdown.storage.address import DatabaseUnavailable, parse
from stepdown.storage.database import open_database
from stepdown.storage.store import Slice, Store
from stepdown.types import Attempt, Journey, Usage
from support.climbs import make_climb, make_try
from support.journeys import make_journey

STRONG = "gpt-4o"


def strong(rung: int = 1, verdict: str | None = "accepted", cost: str | None = "0.1") -> Attempt:
    return make_try(rung, verdict, model=STRONG, cost=cost)


def write(url: str, *journeys: Journey) -> None:
    ledger = Ledger(url)
    for journey in journeys:
        ledger.record(journey)
    ledger.close()


def read(url: str, since: float | None = None, route: str | None = None) -> list[Rung]:
    engine = open_database(url)
    found = rungs(engine, since, route)
    engine.dispose()
    return found


def of(*journeys: Journey) -> list[Rung]:
    """The rungs without a database between."""
    summed = Tries()
    for journey in journeys:
        summed.add(journey)
    groups: dict[tuple[str, int], module._Group] = {}
    taken: dict[Key, Sums] = summed.take()
    for (_, route, _, rung, model, role, verdict), sums in taken.items():
        group = groups.setdefault((route, rung), module._Group())
        group.add(model, role, verdict, sums)
    return module._rungs(groups)


def graded(verdict: str) -> list[Journey]:
    """A try that a judge graded, with the climb behind it where it was turned down."""
    answer, judge = make_try(0, verdict, cost="0.01"), make_try(0, None, role="judge", cost="0.02")
    if verdict == "accepted":
        return [make_climb(answer, judge, served=0)]
    return [make_climb(answer, judge, strong())]


def test_a_cascade(database_url: str) -> None:
    accepted = [make_climb(make_try(0), reference_cost="0.1") for _ in range(6)]
    early = make_try(0, "json", cost="0.004", output=2, seconds=0.25, early=True)
    climbed = [make_climb(early, strong()) for _ in range(2)]
    write(database_url, *accepted, *climbed, *graded("judge"), *graded("accepted"))
    cheap, top = read(database_url)
    assert (cheap.route, cheap.rung, cheap.model, cheap.last) == ("auto", 0, "gpt-4o-mini", False)
    assert (cheap.tries, cheap.accepted, cheap.early, cheap.gradings) == (10, 7, 2, 2)
    assert cheap.accept_rate == pytest.approx(0.7)
    assert cheap.climb_rate == pytest.approx(0.3)
    assert cheap.spent_on_accepted == Decimal("0.09")  # 7 answers, a grading
    assert cheap.spent_on_rejected == Decimal("0.038")  # 2 early, an answer, a grading
    assert cheap.net == Decimal("0.572")  # 0.7 - 0.09 - 0.038
    assert cheap.mean_cost == Decimal("0.0128")
    assert cheap.mean_reference == Decimal("0.1")
    assert cheap.break_even == pytest.approx(0.872)
    assert not cheap.loses
    assert cheap.whole == Means(10.0, 1.0)
    assert cheap.dropped == Means(2.0, 0.25)
    assert cheap.spared == Means(16.0, 1.5)
    assert (cheap.estimated, cheap.unpriced) == (2, 0)
    assert (top.model, top.tries, top.accepted, top.last) == (STRONG, 3, 3, True)
    assert top.net == 0
    assert not top.loses


def test_the_rungs_add_up_to_what_the_route_saved(database_url: str) -> None:
    write(
        database_url,
        make_climb(make_try(0), reference_cost="0.1"),
        make_climb(make_try(0, "json"), make_try(1, model="b", cost="0.03"), reference_cost="0.1"),
        make_climb(make_try(0, "json"), make_try(1, "json", model="b"), strong(2)),
        make_climb(strong(2, "hedge"), make_try(0), reference_cost="0.1"),
        make_journey(cost="0.05", reference_cost="0.05"),
    )
    engine = open_database(database_url)
    saved = savings(engine).total.saved
    nets = [rung.net or Decimal(0) for rung in rungs(engine)]
    engine.dispose()
    assert sum(nets, Decimal(0)) == saved == Decimal("0.12")


def test_a_rung_that_loses() -> None:
    cheap, _ = of(
        make_climb(make_try(0, cost="0.01"), reference_cost="0.1"),
        *(make_climb(make_try(0, "json", cost="0.01"), strong()) for _ in range(19)),
    )
    assert cheap.climb_rate == pytest.approx(0.95)
    assert cheap.break_even == pytest.approx(0.9)
    assert cheap.net == Decimal("-0.1")
    assert cheap.loses


def test_a_rung_from_which_all_climb_takes_the_routes_reference() -> None:
    cheap, _ = of(make_climb(make_try(0, "json", cost="0.01"), strong()))
    assert (cheap.climb_rate, cheap.net, cheap.loses) == (1.0, Decimal("-0.01"), True)
    assert cheap.break_even == pytest.approx(0.9)


@given(
    st.integers(0, 20),
    st.integers(0, 20),
    st.decimals("0.001", "0.2", places=3),
    st.decimals("0.001", "0.2", places=3),
)
@settings(max_examples=60)
def test_it_loses_above_its_break_even(
    accepted: int, climbed: int, cost: Decimal, reference: Decimal
) -> None:
    known = make_climb(strong(cost=str(reference)), reference_cost=str(reference))
    cheap = make_try(0, cost=str(cost))
    turned_down = make_try(0, "json", cost=str(cost))
    found = of(
        known,
        *(make_climb(cheap, reference_cost=str(reference)) for _ in range(accepted)),
        *(
            make_climb(turned_down, strong(cost=str(reference)), reference_cost=str(reference))
            for _ in range(climbed)
        ),
    )
    if len(found) == 1:
        return
    rung = found[0]
    assert rung.break_even is not None
    assert rung.climb_rate is not None
    # In whole numbers: no float decides a tie.
    assert rung.loses == (accepted * reference < (accepted + climbed) * cost)
    if abs(rung.climb_rate - rung.break_even) > 1e-9:
        assert rung.loses == (rung.climb_rate > rung.break_even)


def test_a_client_that_left_is_in_no_rate() -> None:
    cheap, _ = of(
        make_climb(make_try(0), reference_cost="0.1"),
        make_climb(make_try(0, "json"), strong()),
        make_climb(make_try(0, None, error="cancelled", output=1), served=None),
        make_climb(make_try(0, None), make_try(0, None, role="judge"), served=None),
    )
    assert (cheap.tries, cheap.accepted, cheap.abandoned) == (4, 1, 2)
    assert cheap.accept_rate == 0.5
    assert cheap.spent_on_abandoned == Decimal("0.03")
    assert cheap.net == Decimal("0.08")
    assert cheap.mean_cost == Decimal("0.01")


def test_unknown_prices() -> None:
    """A missing price is never a cost of nothing."""
    no_cheap_price, _ = of(
        make_climb(make_try(0, cost=None)), make_climb(make_try(0, "json", cost=None), strong())
    )
    assert (no_cheap_price.net, no_cheap_price.break_even) == (None, None)
    assert (no_cheap_price.unpriced, no_cheap_price.loses) == (2, False)
    no_strong_price = of(
        make_climb(make_try(0), reference_cost=None),
        make_climb(make_try(0, "json"), strong(cost=None), reference_cost=None),
    )[0]
    assert (no_strong_price.net, no_strong_price.break_even) == (None, None)
    some = of(make_climb(make_try(0)), make_climb(make_try(0, cost=None)), make_climb(strong()))[0]
    assert (some.unpriced, some.net, some.mean_cost) == (1, Decimal("0.09"), Decimal("0.01"))


def test_an_answer_served_for_want_of_a_better_one_is_not_accepted() -> None:
    failed = make_try(1, None, model=STRONG, error="upstream_timeout", unused=True)
    cheap, top = of(make_climb(make_try(0, "json"), failed, served=0))
    assert (cheap.accepted, cheap.net) == (0, Decimal("-0.01"))
    assert (top.tries, top.accepted, top.whole) == (1, 0, None)


def test_only_whole_tries_stand_for_dropped_ones() -> None:
    broken = [
        make_climb(make_try(0, verdict, output=900, seconds=60), strong())
        for verdict in ("timeout", "hedge", None)
    ]
    dropped = make_climb(make_try(0, "json", output=4, seconds=0.5, early=True), strong())
    cheap = of(*broken, dropped)[0]
    assert (cheap.whole, cheap.dropped, cheap.spared) == (None, Means(4.0, 0.5), None)
    assert of(*broken, dropped, make_climb(make_try(0)))[0].spared == Means(6.0, 0.5)


def test_the_model_that_answered_most_often_names_the_rung() -> None:
    fallback = make_climb(make_try(0, model="fallback"), make_try(0, None, role="judge", model="j"))
    fallback.served = fallback.attempts[0]
    assert of(fallback, make_climb(make_try(0)), make_climb(make_try(0)))[0].model == "gpt-4o-mini"


def test_since_and_route(database_url: str) -> None:
    now = time.time()
    write(
        database_url,
        make_climb(make_try(0), at=now),
        make_climb(make_try(0), at=now - 3 * 86_400),
        make_climb(make_try(1), at=now, route="bot"),
        make_journey(at=now),
    )
    store = Store(parse(database_url))
    store.fold(int(now))
    store.close()
    assert [(r.route, r.rung, r.tries) for r in read(database_url)] == [
        ("auto", 0, 2),
        ("bot", 1, 1),
    ]
    assert [r.tries for r in read(database_url, now - 86_400, "auto")] == [1]
    assert read(database_url, route="nowhere") == []


def test_sums_beyond_what_an_integer_holds(database_url: str) -> None:
    amount = 2**63 - 1
    row = ("auto", "r", 0, "m", "answer", "accepted", 1, 0, 0, 0, 0, 0, 0, 0, 0)
    store = Store(parse(database_url))
    amounts = (amount, amount, -amount)
    store.write(Slice(None, None, [], [(60 * i, *row, *amounts) for i in range(1, 5)]))
    store.close()
    (found,) = read(database_url)
    assert found.spent_on_accepted == Decimal(4 * amount).scaleb(-12)


def test_a_database_that_fails() -> None:
    engine = create_engine("sqlite://")
    with pytest.raises(DatabaseUnavailable, match="cannot be read"):
        rungs(engine)
    engine.dispose()


class PerToken:
    def __init__(self, price: str) -> None:
        self.price = Decimal(price)

    def cost(self, usage: Usage) -> Decimal:
        return self.price * (usage.input + usage.output)


def test_the_break_even_by_prices() -> None:
    usage = Usage(input=100, output=10)
    assert break_even(PerToken("0.1"), PerToken("1"), usage) == pytest.approx(0.9)
    assert break_even(PerToken("2"), PerToken("1"), usage) == pytest.approx(-1)
    assert break_even(None, PerToken("1"), usage) is None
    assert break_even(PerToken("1"), None, usage) is None
    assert break_even(PerToken("1"), PerToken("0"), usage) is None
