"""A key is the identity's own: what makes evidence comparable is in it, and nothing else."""

from typing import Any

import pytest
from msgspec import structs

from stepdown.quality.guard.keys import Identity, guard_key

IDENTITY = Identity(
    "auto", "route", "short", {"tokens": {"lt": 500}}, "mini", "big", 0.1, ["exact"], {"model": "j"}
)


def test_it_is_the_same_for_the_same() -> None:
    key = guard_key(IDENTITY)
    assert len(key) == 64
    assert int(key, 16)
    again = structs.replace(IDENTITY, condition={"tokens": {"lt": 500}}, scorers=("exact",))
    assert guard_key(again) == key


def test_the_order_in_a_condition_does_not_matter() -> None:
    one, other = ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1})
    keys = {guard_key(structs.replace(IDENTITY, condition=each)) for each in (one, other)}
    assert len(keys) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"route": "bot"},
        {"saver": "cascade"},
        {"rule": "long"},
        {"condition": {"tokens": {"lt": 501}}},
        {"candidate": "nano"},
        {"reference": "bigger"},
        {"margin": 0.2},
        {"scorers": ["numeric"]},
        {"judge": {"model": "k"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_changes_begins_anew(change: dict[str, Any]) -> None:
    assert guard_key(structs.replace(IDENTITY, **change)) != guard_key(IDENTITY)
