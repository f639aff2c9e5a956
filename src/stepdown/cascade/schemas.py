"""Compiles JSON schemas that clients send: without network, in bounded time and memory, cached.

A client's schema is hostile input: references stay within it, its patterns run in linear time, and
the work that it can ask for is bounded by counting it with every reference written out.
Source of the keywords: json-schema.org/draft/2020-12/json-schema-validation
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple
from urllib.parse import unquote

from msgspec import DecodeError, json

from stepdown.routing.shapes import is_list, is_mapping

MOST_BYTES = 128 * 1024
MOST_DEEP = 100
MOST_WORK = 50_000
"""Schema nodes, with every reference written out."""

MOST_PATTERNS = 64
PATTERN_BYTES = 1024 * 1024
MOST_COMPOUND_VALUES = 200
"""Objects and lists in one ``enum``: each is compared in turn."""

EXPLAINED_WORK = 2_000
"""Above it, or with recursion, a misfit is told without its place: telling it costs 1,000 times
more than finding it."""

CACHED = 64

LITERAL = frozenset({"const", "default", "examples", "example", "description", "title", "$comment"})
"""Keywords whose values are no schemas."""

_decode = json.Decoder().decode


class SchemaUnusable(ValueError):
    """A schema that cannot be checked against; says why, in words for a log."""


class Extent(NamedTuple):
    """How much work a schema can ask for, and whether it refers to itself."""

    work: int
    recursive: bool


class CompiledSchema:
    """A schema ready to check values that msgspec or ``json`` decoded."""

    def __init__(self, schema: Mapping[str, Any] | bool, validator: Any, extent: Extent) -> None:
        self.schema = schema
        self.extent = extent
        self._validator = validator
        self._explains = extent.work <= EXPLAINED_WORK and not extent.recursive

    def fits(self, instance: Any) -> bool:
        fits: bool = self._validator.is_valid(instance)
        return fits

    def problem(self, instance: Any) -> str | None:
        """Why the value does not fit, in words without the value's own text; None where it fits."""
        if self.fits(instance):
            return None
        if self._explains:
            try:
                self._validator.validate(instance)
            except ValueError as error:
                return _in_words(error)
        return "does not fit the schema"


def compiled(schema: bytes) -> CompiledSchema:
    """The schema of these JSON bytes, compiled once while it is among the last in use.

    Raises SchemaUnusable where it is no schema, refers to something outside itself, has a pattern
    that linear time cannot match (look-around, back-references), or is too large.
    """
    known = _compiled(bytes(schema))
    if isinstance(known, str):
        raise SchemaUnusable(known)
    return known


@lru_cache(CACHED)
def _compiled(schema: bytes) -> CompiledSchema | str:
    """The schema, or why it is unusable: that is worth remembering as well."""
    try:
        return _compile(schema)
    except SchemaUnusable as error:
        return str(error)


def _compile(data: bytes) -> CompiledSchema:
    if len(data) > MOST_BYTES:
        raise SchemaUnusable(f"the schema has more than {MOST_BYTES} bytes")
    try:
        schema: Any = _decode(data)
        if not isinstance(schema, bool) and not is_mapping(schema):
            raise SchemaUnusable("the schema is neither an object nor true or false")
        extent = _Survey(schema).extent
    except DecodeError:
        raise SchemaUnusable("the schema is not JSON") from None
    except RecursionError:
        raise SchemaUnusable("the schema is nested too deeply") from None
    library: Any = import_module("jsonschema_rs")  # 20 ms to import: only where a schema comes
    limits = library.RegexOptions(size_limit=PATTERN_BYTES, dfa_size_limit=PATTERN_BYTES)
    try:
        validator = library.validator_for(
            schema, validate_formats=True, pattern_options=limits, offline=True
        )
    except ValueError as error:
        raise SchemaUnusable(_fault(error)) from None
    return CompiledSchema(schema, validator, extent)


def _fault(error: ValueError) -> str:
    """What the library holds against a schema, with the place and not the schema's text."""
    path: Sequence[str | int] | None = getattr(error, "instance_path", None)
    if path is None:
        return "the schema is nested too deeply"
    place = ".".join(str(step) for step in path)[:60] or "its root"
    return f"the schema is wrong or not supported at {place}"


# ── The work that a schema can ask for ───────────────────────────────────────────────────────


class _Survey:
    """Walks a schema along its references. Raises SchemaUnusable and RecursionError."""

    def __init__(self, schema: Mapping[str, Any] | bool) -> None:
        self._root = schema
        self._named: dict[str, Any] = {"#": schema, "": schema}
        self._measured: dict[int, int | None] = {}
        self._recursive = False
        self._patterns = 0
        self._nested_id = "id" if _is_draft_4(schema) else "$id"
        self._name(schema, 0)
        self.extent = Extent(self._measure(schema), self._recursive)

    def _name(self, node: Any, depth: int) -> None:
        """Note the anchors; refuse what would change the meaning of a reference."""
        if depth > MOST_DEEP:
            raise SchemaUnusable(f"the schema is nested more than {MOST_DEEP} deep")
        if is_mapping(node):
            if isinstance(node.get(self._nested_id), str) and depth:
                raise SchemaUnusable(f"the schema has a nested {self._nested_id}")
            for keyword in ("$anchor", "$dynamicAnchor"):
                if isinstance(node.get(keyword), str):
                    self._named[f"#{node[keyword]}"] = node
        for child in _children(node):
            self._name(child, depth + 1)

    def _measure(self, node: Any) -> int:
        if not is_mapping(node) and not is_list(node):
            return 1
        if id(node) in self._measured:
            known = self._measured[id(node)]
            self._recursive = self._recursive or known is None
            return known or 1
        self._measured[id(node)] = None
        work = 1 + sum(self._measure(child) for child in _children(node))
        if is_mapping(node):
            self._check_keywords(node)
            for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
                if isinstance(node.get(keyword), str):
                    work += self._measure(self._target(node[keyword]))
        if work > MOST_WORK:
            raise SchemaUnusable(f"the schema asks for more than {MOST_WORK} checks of one value")
        self._measured[id(node)] = work
        return work

    def _check_keywords(self, node: Mapping[Any, Any]) -> None:
        self._patterns += isinstance(node.get("pattern"), str)
        if is_mapping(by_pattern := node.get("patternProperties")):
            self._patterns += len(by_pattern)
        if self._patterns > MOST_PATTERNS:
            raise SchemaUnusable(f"the schema has more than {MOST_PATTERNS} patterns")
        if is_list(values := node.get("enum")):
            compound = sum(is_mapping(value) or is_list(value) for value in values)
            if compound > MOST_COMPOUND_VALUES:
                raise SchemaUnusable(f"an enum has more than {MOST_COMPOUND_VALUES} objects")

    def _target(self, reference: str) -> Any:
        if reference in self._named:
            return self._named[reference]
        node: Any = self._root
        if not reference.startswith("#/"):
            raise SchemaUnusable("the schema refers to something outside itself")
        for step in unquote(reference[2:]).split("/"):
            step = step.replace("~1", "/").replace("~0", "~")
            if is_mapping(node) and step in node:
                node = node[step]
            elif is_list(node) and step.isdecimal() and int(step) < len(node):
                node = node[int(step)]
            else:
                raise SchemaUnusable("the schema refers to a part that it does not have")
        return node


def _is_draft_4(schema: Any) -> bool:
    return is_mapping(schema) and "draft-04" in str(schema.get("$schema"))


def _children(node: Any) -> list[Any]:
    """The parts that may be schemas. A property named like a keyword is one, too."""
    if is_list(node):
        return list(node)
    if not is_mapping(node):
        return []
    return [
        value
        for key, value in node.items()
        if (is_mapping(value) or is_list(value)) and (key not in LITERAL or is_mapping(value))
    ]


# ── A misfit in words ────────────────────────────────────────────────────────────────────────


def _in_words(error: Any) -> str:
    kind: str = error.kind.name
    said = WORDS.get(kind, f"breaks {kind}").format(_shown(error.kind.value))
    place = _place(error)
    return f"{place} {said}" if place else said


def _place(error: Any) -> str:
    """Where, in the schema's own names: those that the answer made up are not shown."""
    named = set(error.evaluation_path)
    steps = ["*" if isinstance(s, str) and s not in named else str(s) for s in error.instance_path]
    place = ".".join(steps)
    return place if len(place) <= 60 else f"…{place[-59:]}"


def _shown(value: Any) -> str:
    """A limit of the schema; how many, where it is a list."""
    if is_list(value):
        return " or ".join(value) if all(each in TYPES for each in value) else str(len(value))
    shown = str(value)
    return shown if len(shown) <= 40 else f"{shown[:39]}…"


TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
WORDS: Mapping[str, str] = {
    "type": "is not of type {}",
    "required": "lacks the required property {}",
    "additionalProperties": "has {} properties that the schema does not allow",
    "unevaluatedProperties": "has {} properties that the schema does not allow",
    "enum": "is none of the {} allowed values",
    "const": "is not the one allowed value",
    "pattern": "does not match the pattern",
    "format": "is not of the format {}",
    "minimum": "is less than {}",
    "maximum": "is more than {}",
    "exclusiveMinimum": "is not more than {}",
    "exclusiveMaximum": "is not less than {}",
    "multipleOf": "is no multiple of {}",
    "minLength": "has fewer characters than {}",
    "maxLength": "has more characters than {}",
    "minItems": "has fewer items than {}",
    "maxItems": "has more items than {}",
    "minProperties": "has fewer properties than {}",
    "maxProperties": "has more properties than {}",
    "uniqueItems": "has items that are the same",
    "anyOf": "fits none of the alternatives",
    "oneOf": "does not fit exactly one of the alternatives",
    "not": "fits what is excluded",
    "contains": "has no item of the wanted form",
    "falseSchema": "is not allowed here",
}
