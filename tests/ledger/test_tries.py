"""Tries: each call of a cascade is counted once, with the verdict that its answer got."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepdown.ledger import minutes as module
from stepdown.ledger.tries import Key, Sums, Tries, rows
from stepdown.storage.columns import TRIES_KEY, TRIES_SUMS
from stepdown.types import Attempt, Journey
from support.climbs import make_climb, make_try

STRONG = "gpt-4o"

tries = st.builds(
    make_try,
    rung=st.integers(0, 2),
    verdict=st.sampled_from(["accepted", "json", "timeout", None]),
    role=st.sampled_from(["answer", "judge", "sample"]),
    cost=st.none() | st.decimals(0, 1, places=9).map(str),
    output=st.integers(0, 99),
    seconds=st.floats(0, 20),
    early=st.booleans(),
    unused=st.booleans(),
)
climbs = st.lists(tries, min_size=1, max_size=6).flatmap(
    lambda attempts: st.builds(
        lambda served, reference, at: make_climb(
            *attempts, served=served, reference_cost=reference, at=float(at)
        ),
        st.none() | st.integers(0, len(attempts) - 1),
        st.none() | st.just("0.5"),
        st.integers(1, 20_000),
    )
)


def taken_of(*journeys: Journey) -> dict[Key, Sums]:
    summed = Tries()
    for journey in journeys:
        summed.add(journey)
    return summed.take()


def total(taken: dict[Key, Sums]) -> Sums:
    whole = Sums()
    for sums in taken.values():
        whole.add(sums)
    return whole


def by_verdict(journey: Journey) -> dict[tuple[int, str, str], int]:
    return {(key[3], key[5], key[6]): s.tries for key, s in taken_of(journey).items()}


def test_the_key_and_the_row() -> None:
    attempt = make_try(1, "json", output=7, seconds=0.25, early=True, cost="0.25")
    taken = taken_of(make_climb(attempt, make_try(2, model=STRONG), at=3725.5))
    named = [dict(zip((*TRIES_KEY, *TRIES_SUMS), row, strict=True)) for row in rows(taken)]
    assert named[0] == {
        "bucket": 3720,
        "route": "auto",
        "decision": "short-label",
        "rung": 1,
        "model": "gpt-4o-mini",
        "role": "answer",
        "verdict": "json",
        "tries": 1,
        "early": 1,
        "estimated": 1,
        "unpriced": 0,
        "input_tokens": 100,
        "output_tokens": 7,
        "early_output_tokens": 7,
        "milliseconds": 250,
        "early_milliseconds": 250,
        "cost": 250_000_000_000,
        "reference_cost": 0,
        "saved": -250_000_000_000,
    }
    assert (named[1]["rung"], named[1]["verdict"]) == (2, "accepted")
    assert Sums.__struct_fields__ == TRIES_SUMS


def test_the_reference_is_the_served_answers() -> None:
    journey = make_climb(
        make_try(0, "json", cost="0.01"),
        make_try(1, cost="0.1", model=STRONG),
        reference_cost="0.1",
    )
    cheap, strong = taken_of(journey).values()
    assert (cheap.reference_cost, cheap.saved) == (Decimal(0), Decimal("-0.01"))
    assert (strong.reference_cost, strong.saved) == (Decimal("0.1"), Decimal(0))


@pytest.mark.parametrize(
    ("attempt", "verdict"),
    [
        (make_try(0, "hedge"), "hedge"),
        (make_try(0, None, error="upstream_timeout", unused=True), "error"),
        (make_try(0, None, error="cancelled"), "cancelled"),
        (make_try(0, None), "cancelled"),  # its client left while it was graded
        (make_try(0, "accepted", error="cancelled"), "accepted"),
    ],
)
def test_verdicts(attempt: Attempt, verdict: str) -> None:
    assert by_verdict(make_climb(attempt, served=None)) == {(0, "answer", verdict): 1}


def test_a_graders_call_counts_with_the_answer_that_it_graded() -> None:
    journey = make_climb(
        make_try(0, "judge"),
        make_try(0, None, role="judge", model="gpt-4.1"),
        make_try(0, None, role="judge", model="gpt-4.1", error="upstream_timeout", unused=True),
        make_try(1),
        make_try(1, None, role="sample"),
        make_try(1, None, role="sample"),
    )
    journey.served = journey.attempts[3]
    assert by_verdict(journey) == {
        (0, "answer", "judge"): 1,
        (0, "judge", "judge"): 2,
        (1, "answer", "accepted"): 1,
        (1, "sample", "accepted"): 2,
    }


@pytest.mark.parametrize(
    ("attempt", "reference", "unpriced", "cost", "saved"),
    [
        (make_try(0, cost="0.1"), "0.4", 0, "0.1", "0.3"),
        (make_try(0, cost=None), "0.4", 1, "0", "0"),
        (make_try(0, cost="0.1"), None, 1, "0.1", "0"),
        (make_try(0, cost=None), None, 1, "0", "0"),
        (make_try(0, None, error="upstream_timeout", unused=True), None, 0, "0", "0"),
    ],
)
def test_unpriced(
    attempt: Attempt, reference: str | None, unpriced: int, cost: str, saved: str
) -> None:
    sums = total(taken_of(make_climb(attempt, reference_cost=reference)))
    assert (sums.unpriced, sums.cost, sums.saved) == (unpriced, Decimal(cost), Decimal(saved))


@given(st.lists(climbs, max_size=10), st.integers(0, 10))
@settings(max_examples=50)
def test_every_call_is_counted_once(journeys: list[Journey], cut: int) -> None:
    summed = Tries()
    for journey in journeys[:cut]:
        summed.add(journey)
    taken = summed.take()
    for journey in journeys[cut:]:
        summed.add(journey)
    summed.put_back(taken)
    attempts = [attempt for journey in journeys for attempt in journey.attempts]
    used = [attempt.usage for attempt in attempts if attempt.usage is not None]
    found = total(summed.take())
    assert found.tries == len(attempts)
    assert found.early == sum(attempt.early for attempt in attempts)
    assert found.output_tokens == sum(usage.output for usage in used)
    assert found.cost == sum((a.cost for a in attempts if a.cost is not None), Decimal(0))


@given(st.lists(climbs, min_size=1, max_size=10))
@settings(max_examples=30)
def test_folding_loses_nothing(journeys: list[Journey]) -> None:
    fine = taken_of(*journeys)
    whole, summed = total(fine), Tries()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "KEYS", 0)
        summed.put_back(fine)
    folded = summed.take()
    assert total(folded) == whole
    assert all(key[0] % 3600 == 0 for key in folded)


def test_rows_are_in_the_order_of_their_keys() -> None:
    taken = taken_of(*(make_climb(make_try(rung), at=60.0) for rung in (2, 0, 1)))
    assert [row[3] for row in rows(taken)] == [0, 1, 2]
