"""``json_schema``: the answer is a JSON document that fits a schema.

    json_schema
    json_schema: invoice.schema.json
    json_schema: {file: invoice.schema.json}
    json_schema: {schema: {type: object, required: [total]}}

The schema is the one of the options or, without one there, the request's own
(``response_format.json_schema.schema``); where there is neither, nothing is checked. A file is read
at start, relative to the working directory. A schema that cannot be checked against rejects the
answer: see ``cascade/schemas.py`` for its limits. An answer of tool calls without text passes.
Source of the keywords: json-schema.org/draft/2020-12/json-schema-validation
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from msgspec import UNSET, json

from stepdown.cascade.json_prefix import KINDS, LONGEST_KEY, JsonPrefix, Kind
from stepdown.cascade.schemas import CACHED, CompiledSchema, SchemaUnusable, compiled
from stepdown.cascade.validators.base import Base
from stepdown.cascade.validators.json import (
    SPACE,
    JsonWatch,
    Unreadable,
    misfit,
    only_calls_tools,
    value_of,
)
from stepdown.cascade.validators.mapping import read_mapping
from stepdown.ports import Watch
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_list, is_mapping
from stepdown.types import Choice, Piece, Request


class JsonSchema(Base):
    """Passes an answer that fits ``own`` or, where that is None, the request's schema."""

    name = "json_schema"

    def __init__(self, own: CompiledSchema | None = None) -> None:
        self._own = own

    def applies(self, request: Request) -> bool:
        return self._own is not None or _asked(request) is not UNSET

    def check(self, choice: Choice, request: Request) -> str | None:
        if only_calls_tools(choice):
            return None
        try:
            schema = self._schema(request)
            reason = misfit(choice.text, _prefix(schema))
            return schema.problem(value_of(choice.text)) if reason is None else reason
        except (SchemaUnusable, Unreadable) as error:
            return str(error)

    def watch(self, request: Request) -> Watch | None:
        try:
            return JsonWatch(_prefix(self._schema(request)))
        except SchemaUnusable as error:
            return UnusableWatch(str(error))

    def _schema(self, request: Request) -> CompiledSchema:
        """Raises SchemaUnusable, in words for a log."""
        if self._own is not None:
            return self._own
        try:
            return compiled(json.encode(_asked(request)))
        except (SchemaUnusable, RecursionError, ValueError, TypeError) as error:
            why = str(error) if isinstance(error, SchemaUnusable) else "it cannot be read"
            raise SchemaUnusable(f"the schema cannot be used: {why}") from None


class UnusableWatch:
    """Implements ``ports.Watch``: drops any text, as there is nothing to check it against."""

    __slots__ = ("_reason",)
    settled = False

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def feed(self, piece: Piece) -> str | None:
        return self._reason if piece.text.strip(SPACE) else None


def _asked(request: Request) -> Any:
    """The schema that the request asks for, or UNSET."""
    wanted = request.prompt.response_format
    if wanted is None or wanted.type != "json_schema" or wanted.json_schema is None:
        return UNSET
    schema = wanted.json_schema.get("schema")
    return UNSET if schema is None else schema


# ── What a schema says of an answer's beginning ──────────────────────────────────────────────


def _prefix(schema: CompiledSchema) -> JsonPrefix:
    kinds, keys = _bounds(schema)
    return JsonPrefix(kinds, keys)


@lru_cache(CACHED)
def _bounds(compiled: CompiledSchema) -> tuple[frozenset[Kind], frozenset[str] | None]:
    """The kinds of value and the top-level keys of all that fits, as far as the root says.

    A root with a reference says nothing: older drafts pass over what stands beside one.
    """
    schema = compiled.schema
    if isinstance(schema, bool) or "$ref" in schema:
        return KINDS, None
    kinds = KINDS
    types = schema.get("type")
    if types is not None:
        kinds &= {_KIND_OF_TYPE[each] for each in (types if is_list(types) else (types,))}
    if is_list(values := schema.get("enum")):
        kinds &= {_kind_of(value) for value in values}
    if "const" in schema and "draft-04" not in str(schema.get("$schema")):
        kinds &= {_kind_of(schema["const"])}
    return kinds, _allowed_keys(schema)


def _allowed_keys(schema: Mapping[str, Any]) -> frozenset[str] | None:
    if schema.get("additionalProperties") is not False or schema.get("patternProperties"):
        return None
    properties: Mapping[str, Any] = schema.get("properties", {})
    if any(len(name) > LONGEST_KEY for name in properties):
        return None
    return frozenset(properties)


_KIND_OF_TYPE: Mapping[str, Kind] = {
    "object": "object",
    "array": "array",
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "null": "null",
}


def _kind_of(value: Any) -> Kind:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if is_mapping(value):
        return "object"
    return "array" if is_list(value) else "number"


# ── Options ──────────────────────────────────────────────────────────────────────────────────


def build(options: Any, path: str, problems: Problems) -> JsonSchema | None:
    """A validator from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    given: Mapping[str, Any] = {"file": options}
    file_at = path
    if not isinstance(options, str):
        given = read_mapping(options, ("schema", "file"), path, problems)
        file_at = f"{path}.file"
    own = None
    if "schema" in given and "file" in given:
        problems.add(path, "has both a schema and a file: one of them is meant")
    elif "schema" in given:
        own = _inline(given["schema"], f"{path}.schema", problems)
    elif "file" in given:
        own = _from_file(given["file"], file_at, problems)
    else:
        compiled(b"true")  # the library takes 20 ms to import: not at the first request
    return JsonSchema(own) if len(problems.lines) == known else None


def _inline(schema: Any, path: str, problems: Problems) -> CompiledSchema | None:
    if not is_mapping(schema):
        problems.expected(path, "a JSON schema", schema)
        return None
    try:
        return _compiled(json.encode(schema), path, problems)
    except (TypeError, ValueError, RecursionError) as error:
        problems.add(path, f"expected a JSON schema: {error}")
        return None


def _from_file(file: Any, path: str, problems: Problems) -> CompiledSchema | None:
    if not isinstance(file, str) or not file:
        problems.expected(path, "the path of a file with a JSON schema", file)
        return None
    try:
        return _compiled(Path(file).read_bytes(), path, problems)
    except OSError as error:
        problems.add(path, f"cannot read {file!r}: {error.strerror}")
        return None


def _compiled(data: bytes, path: str, problems: Problems) -> CompiledSchema | None:
    try:
        return compiled(data)
    except SchemaUnusable as error:
        problems.add(path, f"the schema cannot be used: {error}")
        return None
