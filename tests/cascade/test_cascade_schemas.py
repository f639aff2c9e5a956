"""Schemas from clients: compiled without network, in bounded work, cached; misfits in words."""

import json
import time
from typing import Any

import pytest

from stepdown.cascade.schemas import MOST_BYTES, SchemaUnusable, compiled


def problem(schema: Any, instance: Any) -> str | None:
    return compiled(json.dumps(schema).encode()).problem(instance)


def unusable(schema: Any) -> str:
    with pytest.raises(SchemaUnusable) as caught:
        compiled(json.dumps(schema).encode())
    return str(caught.value)


def doubling(levels: int) -> dict[str, Any]:
    """Each definition asks twice for the next one."""
    steps: dict[str, Any] = {
        f"d{level}": {"allOf": [{"$ref": f"#/$defs/d{level + 1}"}] * 2} for level in range(levels)
    }
    return {"$defs": {**steps, f"d{levels}": {"type": "integer"}}, "$ref": "#/$defs/d0"}


ORDER = {
    "type": "object",
    "properties": {
        "size": {"enum": ["small", "large"]},
        "count": {"type": "integer", "maximum": 9},
        "tags": {"type": "array", "items": {"type": "string", "minLength": 2}},
    },
    "required": ["size"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        ({"size": "small", "count": 3, "tags": ["ab"]}, None),
        ({}, "lacks the required property size"),
        ({"size": "confidential"}, "size is none of the 2 allowed values"),
        ({"size": "small", "count": "confidential"}, "count is not of type integer"),
        ({"size": "small", "count": 12}, "count is more than 9"),
        ({"size": "small", "tags": ["ab", "c"]}, "tags.1 has fewer characters than 2"),
        (
            {"size": "small", "confidential": 1},
            "has 1 properties that the schema does not allow",
        ),
        ([], "is not of type object"),
    ],
)
def test_a_misfit_is_told_with_its_place(instance: Any, expected: str | None) -> None:
    assert problem(ORDER, instance) == expected


def test_names_that_the_answer_made_up_are_not_shown() -> None:
    schema = {"additionalProperties": {"type": "string"}}
    assert problem(schema, {"confidential": 1}) == "* is not of type string"


def test_formats_are_checked() -> None:
    assert problem({"format": "date"}, "2026-02-30") == "is not of the format date"
    assert problem({"format": "date"}, "2026-02-28") is None


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"$ref": "https://example.com/x.json"}, "outside itself"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "outside itself"),
        ({"$ref": "#/$defs/missing"}, "a part that it does not have"),
        ({"type": "text"}, "wrong or not supported at type"),
        ({"pattern": "(?=a)b"}, "wrong or not supported at pattern"),
        ({"pattern": "(a{1000}){1000}"}, "wrong or not supported at pattern"),
        ({"$schema": "https://example.com/my-own"}, "wrong or not supported"),
        ({"$defs": {"a": {"$id": "b", "type": "string"}}}, "nested $id"),
        ([], "neither an object"),
        ({"enum": [{"a": n} for n in range(300)]}, "more than 200 objects"),
        ({"patternProperties": {f"^{n}": {} for n in range(100)}}, "more than 64 patterns"),
        ({"description": "x" * MOST_BYTES}, "more than 131072 bytes"),
        (doubling(40), "more than 50000 checks"),
    ],
)
def test_a_schema_that_cannot_be_checked_against_is_refused(schema: Any, expected: str) -> None:
    assert expected in unusable(schema)


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(SchemaUnusable, match="not JSON"):
        compiled(b"{")


@pytest.mark.parametrize("deep", [60, 400, 8_000])
def test_deep_nesting_is_refused(deep: int) -> None:
    with pytest.raises(SchemaUnusable, match="deep"):
        compiled(b'{"not":{"a":' * deep + b"{}" + b"}}" * deep)


def test_a_refusal_is_remembered() -> None:
    assert unusable(doubling(41)) == unusable(doubling(41))


def test_the_same_bytes_give_the_same_schema() -> None:
    assert compiled(b'{"type":"integer"}') is compiled(b'{"type":"integer"}')


def test_anchors_and_pointers_are_followed() -> None:
    schema = {
        "$defs": {"a/b": {"type": "integer"}, "c": {"$anchor": "here", "type": "string"}},
        "properties": {"x": {"$ref": "#/$defs/a~1b"}, "y": {"$ref": "#here"}},
    }
    assert problem(schema, {"x": 1, "y": "a"}) is None
    assert problem(schema, {"x": "a"}) == "x is not of type integer"


TREE = {
    "anyOf": [
        {"properties": {"a": {"$ref": "#"}}, "required": ["z"]},
        {"properties": {"a": {"$ref": "#"}}, "required": ["y"]},
        {"type": "integer"},
    ]
}


@pytest.mark.parametrize("schema", [TREE, doubling(10)])
def test_checking_stays_quick_where_naive_checking_doubles_at_each_level(schema: Any) -> None:
    instance: Any = "leaf"
    for _ in range(60):
        instance = {"a": instance}
    began = time.process_time()
    assert problem(schema, instance) is not None
    assert time.process_time() - began < 0.5
