"""Rollups: nothing is lost, whatever is taken, put back or folded."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple

from stepdown.ledger import minutes, rollup
from stepdown.ledger.detail import Detail, detail_of
from stepdown.ledger.rollup import OTHER_TAGS, Key, Rollups, Sums, rows
from stepdown.storage.columns import ROLLUP_KEY, ROLLUP_SUMS
from stepdown.types import Usage
from support.journeys import make_journey

money = st.none() | st.decimals(0, 10, places=9).map(str)
details = st.builds(
    lambda **given: detail_of(make_journey(**given)),
    rule=st.sampled_from(["short", "default"]),
    model=st.sampled_from(["gpt-4o-mini", "gpt-4o"]),
    route=st.sampled_from(["auto", None]),
    cost=money,
    reference_cost=money,
    usage=st.none() | st.builds(Usage, input=st.integers(0, 99), output=st.integers(0, 99)),
    tags=st.sampled_from([None, "a", ["a", "b"]]),
    at=st.integers(1, 20_000).map(float),
)


def total(taken: dict[Key, Sums]) -> Sums:
    whole = Sums()
    for sums in taken.values():
        whole.add(sums)
    return whole


def by_hand(listed: list[Detail]) -> Sums:
    known = [d for d in listed if d.cost is not None and d.reference_cost is not None]
    return Sums(
        requests=len(listed),
        downgraded=sum(d.downgraded for d in listed),
        unpriced=len(listed) - len(known),
        input_tokens=sum(d.usage.input for d in listed if d.usage),
        output_tokens=sum(d.usage.output for d in listed if d.usage),
        cost=sum((d.cost for d in listed if d.cost is not None), Decimal(0)),
        reference_cost=sum((d.reference_cost or Decimal(0) for d in known), Decimal(0)),
        saved=sum((d.saved or Decimal(0) for d in known), Decimal(0)),
    )


@given(st.lists(details, max_size=30), st.integers(0, 30))
def test_sums_are_those_of_the_details(listed: list[Detail], cut: int) -> None:
    rollups = Rollups()
    for detail in listed[:cut]:
        rollups.add(detail)
    taken = rollups.take()
    assert len(rollups) == 0
    for detail in listed[cut:]:
        rollups.add(detail)
    rollups.put_back(taken)
    assert total(rollups.take()) == by_hand(listed)


@given(st.lists(details, min_size=1, max_size=30))
@settings(max_examples=30)
def test_folding_loses_nothing(listed: list[Detail]) -> None:
    rollups, fine = Rollups(), {}
    for detail in listed:
        rollups.add(detail)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(minutes, "KEYS", 0)
        fine = rollups.take()
        rollups.put_back(dict(fine))
    folded = rollups.take()
    assert total(folded) == by_hand(listed)
    assert all(key[0] % 3600 == 0 and key[-1] in ("", OTHER_TAGS) for key in folded)


def test_the_key() -> None:
    rollups = Rollups()
    rollups.add(detail_of(make_journey(at=3725.5, tags="team-a")))
    (key,) = rollups.take()
    assert dict(zip(ROLLUP_KEY, key, strict=True)) == {
        "bucket": 3720,
        "route": "auto",
        "decision": "short-label",
        "rung": 0,
        "model": "gpt-4o-mini",
        "outcome": "answered",
        "tags": '["team-a"]',
    }


def test_rows_are_in_the_order_of_the_columns() -> None:
    rollups = Rollups()
    rollups.add(detail_of(make_journey(at=60.0, cost="0.25", reference_cost="1")))
    taken = rollups.take()
    (row,) = rows(taken)
    named = dict(zip((*ROLLUP_KEY, *ROLLUP_SUMS), row, strict=True))
    assert named["cost"] == 250_000_000_000
    assert named["reference_cost"] == 10**12
    assert named["saved"] == 750_000_000_000
    assert named["input_tokens"] == 120
    assert len(astuple(Sums())) == len(ROLLUP_SUMS) == len(Sums.__struct_fields__)
    assert Sums.__struct_fields__ == ROLLUP_SUMS


def test_a_client_cannot_make_keys_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollup, "TAG_SETS", 3)
    rollups = Rollups()
    for number in range(10):
        rollups.add(detail_of(make_journey(at=60.0, tags=f"t{number}")))
        rollups.add(detail_of(make_journey(at=60.0, tags="t0")))
    first = {key[-1]: sums.requests for key, sums in rollups.take().items()}
    assert first == {'["t0"]': 11, '["t1"]': 1, '["t2"]': 1, OTHER_TAGS: 7}
    rollups.add(detail_of(make_journey(at=61.0, tags="t9")))
    rollups.add(detail_of(make_journey(at=120.0, tags="t9")))
    assert sorted(key[-1] for key in rollups.take()) == [OTHER_TAGS, '["t9"]']


def test_rows_are_in_the_order_of_their_keys() -> None:
    rollups = Rollups()
    for model in ("c", "a", "b"):
        rollups.add(detail_of(make_journey(at=60.0, model=model)))
    assert [row[4] for row in rows(rollups.take())] == ["a", "b", "c"]
