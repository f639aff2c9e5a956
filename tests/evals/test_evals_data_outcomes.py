"""Joining a table's outcomes to items: by id, else by what exactly is asked."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from stepdown.evals.data.faults import BadDataset
from stepdown.evals.data.outcomes import merge_known
from stepdown.evals.data.records import line_id
from stepdown.evals.items import BadRow, Dataset, Item, Known

RIGHT, WRONG = {"m": Known(score=1.0)}, {"m": Known(score=0.0)}


def item(
    line: int, text: str, known: Mapping[str, Known] | None = None, name: str | None = None
) -> Item:
    messages: list[dict[str, Any]] = [{"role": "user", "content": text}]
    return Item(name or line_id(line), line, {"messages": messages}, known=known or {})


def dataset(*items: Item, name: str = "items.jsonl", bad: tuple[BadRow, ...] = ()) -> Dataset:
    return Dataset(name, "stepdown", items, bad, "digest")


def merged(items: Dataset, *rows: Item) -> list[Mapping[str, Known]]:
    return [each.known for each in merge_known(items, dataset(*rows, name="table.csv")).items]


def test_by_id_whatever_is_asked() -> None:
    items = dataset(item(1, "a", name="x"), item(2, "b", name="y"))
    assert merged(items, item(9, "other", RIGHT, "x")) == [RIGHT, {}]


def test_by_what_is_asked() -> None:
    items = dataset(item(1, "a", name="x"), item(2, "b"), item(3, "a"))
    assert merged(items, item(7, "a", RIGHT)) == [RIGHT, {}, RIGHT]
    with pytest.raises(BadDataset):
        merged(items, item(7, "a ", RIGHT))


def test_the_number_of_a_line_is_no_id() -> None:
    """Row 1 of one file has nothing to do with row 1 of another."""
    items = dataset(item(1, "a"), item(2, "b"))
    assert merged(items, item(1, "b", RIGHT)) == [{}, RIGHT]


def test_rows_that_disagree_join_nothing() -> None:
    items = dataset(item(1, "a"), item(2, "b"), item(3, "c", name="x"))
    rows = [item(1, "a", RIGHT), item(2, "a", WRONG), item(3, "b", RIGHT), item(4, "b", RIGHT)]
    assert merged(items, *rows) == [{}, RIGHT, {}]
    assert merged(items, *rows, item(5, "c", WRONG, "x"), item(6, "c", RIGHT)) == [{}, RIGHT, WRONG]


def test_members_without_a_value_do_not_count() -> None:
    items = dataset(item(1, "a"))
    row = Item("x", 4, {"messages": [{"content": "a", "name": None, "role": "user"}]}, known=RIGHT)
    assert merged(items, row) == [RIGHT]


def test_what_the_table_says_goes_first_and_the_rest_stays() -> None:
    before = {"m": Known(score=0.0, answer="yes"), "n": Known(score=1.0)}
    table = {"m": Known(score=1.0, cost=Decimal(2)), "o": Known(score=0.5)}
    [known] = merged(dataset(item(1, "a", before)), item(1, "a", table))
    assert known == {
        "m": Known(score=1.0, answer="yes", cost=Decimal(2)),
        "n": Known(score=1.0),
        "o": Known(score=0.5),
    }


def test_everything_else_of_the_items_stays() -> None:
    items = dataset(item(1, "a"), bad=(BadRow(2, "no row"),))
    table = dataset(item(1, "a", RIGHT), name="table.csv", bad=(BadRow(5, "bad score"),))
    result = merge_known(items, table)
    assert (result.name, result.format, result.digest) == ("items.jsonl", "stepdown", "digest")
    assert result.bad == (BadRow(2, "no row"), BadRow(5, "table.csv: bad score"))


def test_nothing_to_join() -> None:
    with pytest.raises(
        BadDataset, match=r"no row of table.csv has the id or the messages of a row"
    ):
        merged(dataset(item(1, "a")), item(1, "b", RIGHT))
    with pytest.raises(BadDataset):
        merged(dataset(item(1, "a")), item(1, "a"))
