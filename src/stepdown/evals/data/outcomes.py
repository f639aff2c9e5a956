"""Joins what a table knows of outcomes to the items of a data set."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import json, structs

from stepdown.evals.data.faults import BadDataset
from stepdown.evals.data.records import line_id
from stepdown.evals.items import BadRow, Dataset, Item, Known


def merge_known(items: Dataset, table: Dataset) -> Dataset:
    """The items, with what the table knows of the same ones.

    A row of the table belongs to the item of its id or, where there is none, to the items that ask
    exactly the same messages. An id that only says a row's line joins nothing, and neither do
    messages on which two rows of the table disagree. What the table says goes before what the item
    says. The table's bad rows are listed with the items', under the table's name.

    Raises BadDataset where no row of the table belongs to an item.
    """
    by_id = {row.id: row.known for row in table.items if row.known and _has_id(row)}
    by_messages = _by_messages(table.items)
    merged: list[Item] = []
    joined = 0
    for item in items.items:
        known = by_id.get(item.id) if _has_id(item) else None
        known = known or by_messages.get(_messages(item)) or {}
        joined += bool(known)
        merged.append(structs.replace(item, known=_merged(item.known, known)) if known else item)
    if not joined:
        raise BadDataset(
            f"no row of {table.name} has the id or the messages of a row of {items.name}"
        )
    bad = (*items.bad, *(BadRow(row.line, f"{table.name}: {row.why}") for row in table.bad))
    return structs.replace(items, items=tuple(merged), bad=bad)


def _has_id(item: Item) -> bool:
    return item.id != line_id(item.line)


def _by_messages(rows: Sequence[Item]) -> dict[bytes, Mapping[str, Known]]:
    """What is known by what is asked; nothing where two rows of the same messages disagree."""
    found: dict[bytes, Mapping[str, Known]] = {}
    for row in rows:
        if row.known:
            known = found.setdefault(_messages(row), row.known)
            if known != row.known:
                found[_messages(row)] = {}
    return found


def _messages(item: Item) -> bytes:
    asked: list[Any] = list(_plain(item.body["messages"]))
    return json.encode(asked, order="sorted")


def _plain(messages: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Without members that say nothing, which one file writes down and another leaves out."""
    for message in messages:
        yield {name: value for name, value in message.items() if value is not None}


def _merged(before: Mapping[str, Known], table: Mapping[str, Known]) -> dict[str, Known]:
    names = dict.fromkeys((*before, *table))
    return {name: _one(before.get(name, Known()), table.get(name, Known())) for name in names}


def _one(before: Known, table: Known) -> Known:
    told = {name: value for name, value in structs.asdict(table).items() if value is not None}
    return structs.replace(before, **told)
