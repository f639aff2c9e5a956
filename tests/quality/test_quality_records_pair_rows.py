"""A pair as a row: every field comes back, and what no database takes is made fit."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from stepdown.quality.pairs import Pair
from stepdown.quality.records.pair_rows import COLUMNS, KEY, pair_of, row_of
from stepdown.storage.tables import pair_texts, pairs
from support.pairs import make_pair

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
scores = st.none() | st.floats(0, 1)
money = st.decimals(0, 10**6, places=12)
json_values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-9, 9) | texts
pair_strategy = st.builds(
    Pair,
    id=texts,
    time=st.floats(0, 1e11),
    route=texts,
    rule=texts,
    policy=texts,
    served=st.integers(0, 9),
    candidate=st.integers(0, 9),
    reference=st.integers(0, 9),
    candidate_model=texts,
    reference_model=texts,
    propensity=st.floats(0, 1, exclude_min=True),
    saver=st.sampled_from(["route", "cascade"]),
    key=texts,
    stint=st.integers(0, 99),
    candidate_score=scores,
    reference_score=scores,
    regret=st.none() | st.booleans(),
    scorer=texts,
    flips=st.integers(0, 9),
    judged=st.integers(0, 9),
    why=st.none() | texts,
    candidate_cost=st.none() | money,
    reference_cost=st.none() | money,
    judge_cost=money,
    tenant=texts,
    tags=st.lists(texts, max_size=3).map(tuple),
    readings=st.dictionaries(texts, json_values, max_size=3),
)


@given(pair_strategy)
def test_a_pair_comes_back(pair: Pair) -> None:
    assert pair_of(row_of(pair)) == pair


def test_columns_agree_with_the_tables() -> None:
    assert tuple(column.name for column in pairs.columns) == COLUMNS
    for table in (pairs, pair_texts):
        assert tuple(column.name for column in table.primary_key) == KEY


def value_of(pair: Pair, column: str) -> Any:
    return row_of(pair)[COLUMNS.index(column)]


def test_values_are_plain() -> None:
    pair = make_pair(regret=True, judge_cost=Decimal("0.002"), tags=("b", "a"), saver="cascade")
    assert value_of(pair, "regret") == 1
    assert type(value_of(pair, "regret")) is int
    assert value_of(pair, "judge_cost") == 2_000_000_000
    assert value_of(pair, "tags") == '["b","a"]'
    assert value_of(make_pair(), "tags") == "[]"
    assert value_of(make_pair(), "readings") == "{}"


def test_readings_become_json() -> None:
    odd = {"task": frozenset({"code", "classify"}), "tokens": 12, "price": Decimal("0.5")}
    assert pair_of(row_of(make_pair(readings=odd))).readings == {
        "task": ["classify", "code"],
        "tokens": 12,
        "price": "0.5",
    }


def test_a_score_may_be_of_another_type() -> None:
    class Float(float):
        pass

    pair = make_pair(candidate_score=Float(0.5), reference_score=1)
    for column, score in (("candidate_score", 0.5), ("reference_score", 1.0)):
        assert value_of(pair, column) == score
        assert type(value_of(pair, column)) is float


def test_what_no_database_takes_is_replaced() -> None:
    pair = make_pair(why="the answer \0 ends \ud83d", tags=("\ud83d",), tenant="\0")
    found = pair_of(row_of(pair))
    assert (found.why, found.tags) == ("the answer \ufffd ends \ufffd", ("\ufffd",))
    assert found == structs.replace(pair, why=found.why, tags=found.tags, tenant="\ufffd")


def test_readings_that_are_no_text_are_an_error() -> None:
    with pytest.raises(UnicodeEncodeError):
        row_of(make_pair(readings={"intent": "\ud83d"}))
