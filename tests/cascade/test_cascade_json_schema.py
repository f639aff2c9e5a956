"""``json_schema``: the request's schema or the configured one, at the end and while streaming."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stepdown.cascade.json_prefix import LONGEST_KEY
from stepdown.cascade.validators.json_schema import JsonSchema, build
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Piece, Prompt, Request, ResponseFormat, ToolCall

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name"],
    "additionalProperties": False,
}


def asking(schema: Any, **more: Any) -> Request:
    wanted = {"name": "answer", "schema": schema, **more}
    return Request(
        "r", Prompt("auto", [], response_format=ResponseFormat("json_schema", wanted)), {}
    )


def of_format(wanted: ResponseFormat | None) -> Request:
    return Request("r", Prompt("auto", [], response_format=wanted), {})


def built(options: Any = None) -> JsonSchema:
    problems = Problems()
    validator = build(options, "v.json_schema", problems)
    assert problems.lines == []
    assert validator is not None
    return validator


CLIENTS = built()
NO_FORMAT = of_format(None)


def verdict(text: str, schema: Any) -> str | None:
    return CLIENTS.check(Choice(text), asking(schema))


def dropped(text: str, schema: Any) -> tuple[str | None, int]:
    """The watch's reason, and after how many characters."""
    watch = CLIENTS.watch(asking(schema))
    assert watch is not None
    for size, char in enumerate(text, 1):
        reason = watch.feed(Piece(char))
        if reason is not None:
            return reason, size
    return None, len(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"name": "Ann", "age": 3}', None),
        ('{"age": 3}', "lacks the required property name"),
        ('{"name": "Ann", "age": "x"}', "age is not of type integer"),
        ('{"name": "Ann", "x": 1}', "the answer has a key that the schema does not allow"),
        ('["Ann"]', "expected a JSON object, got '[' at character 1"),
        ('{"name": "Ann"', "expected ',' or '}', got the end of the answer"),
        ('```json\n{"name": "Ann"}\n```', "expected a JSON object, got '`' at character 1"),
        ('{"name": "Ann", "age": 1e999}', "the answer has a number that is out of range"),
        ('{"name": "\\ud800"}', "the answer has a text that is no Unicode"),
    ],
)
def test_the_answer_has_to_fit_the_clients_schema(text: str, reason: str | None) -> None:
    assert verdict(text, PERSON) == reason


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("Here is", 1),
        ('[{"name"', 1),
        ('{"nmae": "Ann"', 7),
        ('{"name": {"other": 1}, "age": 1, "more"', 39),
        ('{"name": "Ann"} and', 17),
    ],
)
def test_the_watch_drops_as_early_as_the_root_can_tell(text: str, at: int) -> None:
    reason, size = dropped(text, PERSON)
    assert reason is not None
    assert size == at


def test_it_applies_only_where_there_is_a_schema() -> None:
    assert CLIENTS.applies(asking(PERSON))
    assert CLIENTS.applies(asking(True))
    formats = [
        None,
        ResponseFormat("text"),
        ResponseFormat("json_object"),
        ResponseFormat("json_schema"),
        ResponseFormat("json_schema", {"name": "answer"}),
        ResponseFormat("json_schema", {"name": "answer", "schema": None}),
    ]
    assert not any(CLIENTS.applies(of_format(wanted)) for wanted in formats)
    assert built({"schema": PERSON}).applies(NO_FORMAT)


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "text"}, "the schema is wrong or not supported at type"),
        ({"$ref": "https://example.com/x.json"}, "the schema refers to something outside itself"),
        ({"pattern": "(?=a)"}, "the schema is wrong or not supported at pattern"),
        ("object", "the schema is neither an object nor true or false"),
    ],
)
def test_a_schema_that_cannot_be_used_rejects(schema: Any, why: str) -> None:
    reason = f"the schema cannot be used: {why}"
    assert verdict("{}", schema) == reason
    assert dropped(" {}", schema) == (reason, 2)


def test_a_schema_too_deep_to_be_written_rejects() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5_000):
        deep = {"not": deep}
    assert str(verdict("{}", deep)).startswith("the schema cannot be used: ")
    assert dropped("{}", deep)[1] == 1


def test_tool_calls_without_a_text_pass() -> None:
    choice = Choice("", tool_calls=(ToolCall("look_up", "{}"),))
    for schema in (PERSON, {"type": "text"}):
        assert CLIENTS.check(choice, asking(schema)) is None
        watch = CLIENTS.watch(asking(schema))
        assert watch is not None
        assert watch.feed(Piece(" ", tool_calls=((0, ToolCall("look_up", "{}")),))) is None


def test_the_configured_schema_stands_before_the_clients() -> None:
    validator = built({"schema": {"type": "array"}})
    assert validator.check(Choice("[]"), asking(PERSON)) is None
    assert validator.check(Choice("{}"), NO_FORMAT) is not None


@pytest.mark.parametrize("short", [True, False])
def test_a_schema_can_stand_in_a_file(tmp_path: Path, short: bool) -> None:
    file = tmp_path / "person.json"
    file.write_text(json.dumps(PERSON))
    validator = built(str(file) if short else {"file": str(file)})
    assert validator.check(Choice('{"name": "Ann"}'), NO_FORMAT) is None
    assert validator.check(Choice("{}"), NO_FORMAT) == "lacks the required property name"


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.sampled_from("abc"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)
TYPES = ["object", "array", "string", "number", "integer", "boolean", "null"]
SCHEMAS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "$schema": st.sampled_from(
            [
                "http://json-schema.org/draft-04/schema#",
                "http://json-schema.org/draft-07/schema#",
                "https://json-schema.org/draft/2020-12/schema",
            ]
        ),
        "type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, unique=True),
        "enum": st.lists(VALUES, min_size=1, max_size=3, unique_by=repr),
        "const": VALUES,
        "properties": st.dictionaries(
            st.sampled_from(["a", "b", "x" * (LONGEST_KEY + 1)]), st.just({})
        ),
        "patternProperties": st.just({"^c": {}}),
        "additionalProperties": st.booleans(),
        "$ref": st.just("#/definitions/any"),
        "definitions": st.just({"any": {}}),
    },
)


@given(SCHEMAS, VALUES)
def test_the_watch_never_drops_what_fits(schema: dict[str, Any], value: Any) -> None:
    """Judged by the library alone, as the end check asks the watch's reader as well."""
    from jsonschema_rs import validator_for

    if "$ref" in schema:
        schema = schema | {"definitions": {"any": {}}}
    try:
        fits = validator_for(schema, offline=True).is_valid(value)
    except ValueError:
        assume(False)
        return
    text = json.dumps(value)
    if fits:
        assert dropped(text, schema)[0] is None
    assert (verdict(text, schema) is None) == fits


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"schema": PERSON, "file": "x"}, "v: has both a schema and a file: one of them is meant"),
        ({"schema": [1]}, "v.schema: expected a JSON schema, got [1]"),
        (
            {"schema": {"type": "text"}},
            "v.schema: the schema cannot be used: the schema is wrong or not supported at type",
        ),
        ({"schema": {"x": object()}}, "v.schema: expected a JSON schema: "),
        ({"file": "no/such.json"}, "v.file: cannot read 'no/such.json': No such file or directory"),
        ("no/such.json", "v: cannot read 'no/such.json': No such file or directory"),
        ({"file": 3}, "v.file: expected the path of a file with a JSON schema, got 3"),
        ({"shema": {}}, "v.shema: no such option. Did you mean 'schema'?"),
        ([], "v: expected a mapping of schema, file, got []"),
    ],
)
def test_wrong_options_are_told(options: Any, line: str) -> None:
    problems = Problems()
    assert build(options, "v", problems) is None
    assert len(problems.lines) == 1
    assert problems.lines[0].startswith(line)
