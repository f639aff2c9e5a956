"""Shapes of data: what is sent of a schema, what passes, and what is said of what does not."""

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from stepdown.errors import InvalidField
from stepdown.extraction import Misfit, Shape, shape_of
from stepdown.response_format import response_format, rooted
from stepdown.types import Choice, Piece, Prompt, Request

REQUEST = Request("r", Prompt("auto", []), {})


class Person(BaseModel):
    """Somebody."""

    name: str
    born: int = Field(ge=1000, description="the year")
    died: int | None = None

    @field_validator("name")
    @classmethod
    def is_whole(cls, name: str) -> str:
        if " " not in name:
            raise ValueError("expected a first and a last name")
        return name


class Tree(BaseModel):
    label: str
    children: list["Tree"]


class Tagged(BaseModel):
    tags: list[str] = []


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    owner: Person | None


class Pet(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


@dataclass
class Point:
    x: int
    y: int


class Invoice(TypedDict):
    total: Decimal
    due: date


class Broken(BaseModel):
    name: str

    @field_validator("name")
    @classmethod
    def fails(cls, name: str) -> str:
        raise KeyError(name)


def sent(schema: Any) -> tuple[bool, dict[str, Any]]:
    """Whether it is sent as strict, and the schema that is."""
    said = Shape(schema).response_format["json_schema"]
    return said.get("strict", False), said["schema"]


# ── values ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        (
            Person,
            '{"name": "Ada L", "born": 1815, "died": null}',
            Person(name="Ada L", born=1815),
        ),
        (Person, '{"name": "Ada L", "born": 1815}', Person(name="Ada L", born=1815)),
        (Point, '{"x": 1, "y": 2}', Point(1, 2)),
        (
            Invoice,
            '{"total": "9.90", "due": "2026-01-31"}',
            {"total": Decimal("9.90"), "due": date(2026, 1, 31)},
        ),
        (
            list[Point],
            '{"value": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]}',
            [Point(1, 2), Point(3, 4)],
        ),
        (Point | None, '{"value": null}', None),
        (Point | None, '{"value": {"x": 1, "y": 2}}', Point(1, 2)),
        (TypeAdapter(Literal["spam", "ham"]), '{"value": "spam"}', "spam"),
        (dict[str, int], '{"a": 1}', {"a": 1}),
        (int, '{"value": 3}', 3),
        (
            Tree,
            '{"label": "a", "children": [{"label": "b", "children": []}]}',
            Tree(label="a", children=[Tree(label="b", children=[])]),
        ),
        ({"type": "object", "required": ["a"]}, '{"a": 1}', {"a": 1}),
        ({"properties": {"a": {"type": "integer"}}}, '{"a": 1}', {"a": 1}),
        ({"type": "array", "items": {"type": "integer"}}, '{"value": [1, 2]}', [1, 2]),
        (
            {"$ref": "#/$defs/p", "$defs": {"p": {"type": "object", "required": ["x"]}}},
            '{"x": 1}',
            {"x": 1},
        ),
    ],
)
def test_values(schema: Any, text: str, value: Any) -> None:
    shape = Shape[Any](schema)
    assert shape.read(text) == value
    assert [v.check(Choice(text, finish_reason="stop"), REQUEST) for v in shape.validators] == [
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("schema", "text", "reason"),
    [
        (Person, "", "Invalid JSON"),
        (Person, "Ada Lovelace", "Invalid JSON"),
        (Person, '{"name": "Ada L"}', "born: Field required"),
        (Person, '{"name": "Ada", "born": 1815}', "name: Value error, expected a first and"),
        (Person, '{"name": "Ada L", "born": 5}', "born: Input should be greater than or equal"),
        (list[Point], '[{"x": 1, "y": 2}]', "expected a JSON object with the field 'value'"),
        (list[Point], '{"value": [], "note": 1}', "expected the field 'value' and no other"),
        (list[Point], '{"value": [{"x": 1}]}', "0.y: Field required"),
        (Pet, '{"pet": {"kind": "SECRET"}}', "pet: expected another tag"),
        (Broken, '{"name": "SECRET"}', "the type's validation raised KeyError"),
        ({"type": "object", "required": ["a"]}, "{}", "lacks the required property a"),
        ({"type": "object", "required": ["a"]}, "", "the answer"),
        ({"type": "array"}, '{"value": {}}', "array"),
    ],
)
def test_misfits(schema: Any, text: str, reason: str) -> None:
    shape = Shape[Any](schema)
    with pytest.raises(Misfit) as caught:
        shape.read(text)
    said = str(caught.value)
    assert reason in said
    assert "SECRET" not in said
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert shape.validators[0].check(Choice(text), REQUEST) == said


def test_a_reason_is_short_whatever_the_answer_holds() -> None:
    class Closed(BaseModel):
        model_config = ConfigDict(extra="forbid")

    with pytest.raises(Misfit) as caught:
        Shape[Any](Closed).read(json.dumps({"long " * 100: 1}))
    assert len(str(caught.value)) <= 120
    assert str(caught.value).count("long") <= 8


def test_an_answer_that_was_cut_off_is_turned_down() -> None:
    text = '{"x": 1, "y": 2}'
    cut = Choice(text, finish_reason="length")
    reasons = [validator.check(cut, REQUEST) for validator in Shape(Point).validators]
    assert reasons == [None, "the answer was cut off at the token limit"]


@pytest.mark.parametrize("schema", [Person, list[Point], {"type": "object"}, {"type": "array"}])
def test_what_is_no_object_is_dropped_at_once(schema: Any) -> None:
    watch = Shape[Any](schema).validators[0].watch(REQUEST)
    assert watch is not None
    assert watch.feed(Piece("{")) is None
    watch = Shape[Any](schema).validators[0].watch(REQUEST)
    assert watch is not None
    assert watch.feed(Piece("Sure"))


def test_a_key_that_the_schema_forbids_is_dropped_at_once() -> None:
    schema = {"type": "object", "properties": {"a": {}}, "additionalProperties": False}
    watch = Shape[Any](schema).validators[0].watch(REQUEST)
    assert watch is not None
    assert watch.feed(Piece('{"b":')) is not None


# ── unusable ─────────────────────────────────────────────────────────────────────────────────


class Unknown:
    pass


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (Unknown, "schema: expected a type that pydantic can validate and describe, or a JSON"),
        ("Person", "schema: expected a type"),
        (3, "got 3"),
        ({"type": "objekt"}, "schema: "),
        ({"type": object}, "schema: expected a JSON Schema"),
        ({"$ref": "https://example.com/schema"}, "schema: "),
        ({"pattern": "(?=look)ahead"}, "schema: "),
    ],
)
def test_unusable_schemas(schema: Any, message: str) -> None:
    with pytest.raises(InvalidField) as caught:
        shape_of(schema)
    assert message in str(caught.value)
    assert caught.value.param == "schema"


def test_shapes_of_types_are_kept() -> None:
    assert shape_of(Person) is shape_of(Person)
    assert shape_of(list[Point]) is shape_of(list[Point])
    assert shape_of({"type": "object"}).read("{}") == {}


# ── what is sent ─────────────────────────────────────────────────────────────────────────────


def test_strict_requires_all_and_allows_no_more() -> None:
    strict, schema = sent(Person)
    assert strict
    assert schema["required"] == ["name", "born", "died"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["born"] == {
        "type": "integer",
        "title": "Born",
        "description": "the year (minimum: 1000)",
    }
    assert "default" not in schema["properties"]["died"]


def test_roots_are_objects() -> None:
    strict, schema = sent(list[Point])
    assert strict
    assert schema["type"] == "object"
    assert schema["required"] == ["value"]
    assert schema["$defs"]["Point"]["additionalProperties"] is False
    strict, schema = sent(Tree)
    assert strict
    assert schema["type"] == "object"
    assert schema["$defs"]["Tree"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}


def test_unions_by_tag() -> None:
    strict, schema = sent(Pet)
    assert strict
    assert schema["properties"]["pet"]["anyOf"] == [
        {"$ref": "#/$defs/Cat"},
        {"$ref": "#/$defs/Dog"},
    ]
    assert "discriminator" not in schema["properties"]["pet"]
    assert schema["$defs"]["Cat"]["properties"]["kind"]["enum"] == ["cat"]


@pytest.mark.parametrize(
    "schema",
    [
        Tagged,  # a model that must write what may be missing makes it up
        Open,
        dict[str, int],
        tuple[int, str],
        Any,
        {"type": "object", "properties": {"a": {"type": "string"}}},
        {"type": "object", "properties": {"a": {}}, "required": ["a"]},
        {"type": "object", "properties": {"a": True}, "required": ["a"]},
        {"type": "object", "allOf": [{"type": "object"}]},
    ],
)
def test_what_strict_cannot_say_is_sent_as_it_is(schema: Any) -> None:
    strict, said = sent(schema)
    assert not strict
    given = schema if isinstance(schema, dict) else TypeAdapter(schema).json_schema()
    assert said == rooted(given)[0]


def test_references_to_the_root_follow_it() -> None:
    schema = {
        "type": "array",
        "items": {"anyOf": [{"type": "integer"}, {"$ref": "#"}, {"$ref": "#/items"}]},
    }
    wrapped, moved = rooted(schema)
    assert moved
    assert wrapped["properties"]["value"]["items"]["anyOf"][1:] == [
        {"$ref": "#/properties/value"},
        {"$ref": "#/properties/value/items"},
    ]


@pytest.mark.parametrize(
    ("title", "name"),
    [("Person", "Person"), ("Rechnung für März", "Rechnung_f_r_M_rz"), ("", "extraction")],
)
def test_names(title: str, name: str) -> None:
    assert response_format({"title": title, "type": "object"})["json_schema"]["name"] == name
    assert len(response_format({"title": "x" * 99})["json_schema"]["name"]) == 64


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_any_value_comes_back_out_of_its_wrapping(value: Any) -> None:
    assert Shape[Any]({"type": ["array", "null"]}).read(json.dumps({"value": [value]})) == [value]


@given(values)
def test_a_schema_of_anything_is_sent_without_an_error(value: Any) -> None:
    if isinstance(value, dict):
        response_format(rooted(value)[0])
