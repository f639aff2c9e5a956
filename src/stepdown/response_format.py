"""The form in which a JSON Schema is sent as ``response_format``, so that upstreams accept it.

They want an object at the root, and hold the model to the schema only under ``strict``, which
takes a part of JSON Schema; what is outside of that part differs from one upstream to the next,
and one keyword too many is a status 400. So ``strict`` is asked for where the schema can be said
in the part that all of them take; bounds and patterns then become words of the description.
Source: platform.openai.com/docs/guides/structured-outputs#supported-schemas
"""

import json
from collections.abc import Mapping
from typing import Any

from stepdown.routing.shapes import is_list, is_mapping

VALUE = "value"
"""The property that holds what is no object itself."""
LONGEST_NAME = 64

Schema = Mapping[str, Any]

_TAKEN = frozenset(
    {"$defs", "$ref", "additionalProperties", "anyOf", "enum", "items", "properties", "required"}
    | {"description", "title", "type"}
)
_SAID = (
    *("format", "pattern", "minLength", "maxLength", "minimum", "maximum"),
    *("exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems"),
)
_LEFT_OUT = frozenset(
    {"$schema", "$comment", "default", "examples", "example", "deprecated", "discriminator"}
    | {"readOnly", "writeOnly"}
)
_DATA = frozenset({"const", "default", "enum", "examples", "example"})
_BESIDE_A_REFERENCE = frozenset({"$ref", "$defs", "description", "title"})


class _NotStrict(Exception):
    """The schema cannot be said in the part that every upstream takes."""


def response_format(schema: Schema) -> dict[str, Any]:
    """The request's field for an answer of this schema, whose root is an object's."""
    said: dict[str, Any] = {"name": _name(schema)}
    try:
        said |= {"strict": True, "schema": _strict(schema, schema.get("$defs", {}))}
    except _NotStrict:
        said["schema"] = dict(schema)
    return {"type": "json_schema", "json_schema": said}


def rooted(schema: Schema) -> tuple[dict[str, Any], bool]:
    """The schema with an object at its root, and whether the value now stands in ``VALUE``."""
    root = _followed(schema)
    if root.get("type") == "object":
        return root, False
    if "type" not in root and is_mapping(root.get("properties")):
        return {"type": "object", **root}, False
    inner = {key: value for key, value in schema.items() if key not in ("$defs", "$schema")}
    whole: dict[str, Any] = {
        "type": "object",
        "properties": {VALUE: _moved(inner)},
        "required": [VALUE],
        "additionalProperties": False,
    }
    return {**whole, **({"$defs": _moved(schema["$defs"])} if "$defs" in schema else {})}, True


def _name(schema: Schema) -> str:
    title = str(schema.get("title", ""))
    name = "".join(c if c.isascii() and (c.isalnum() or c == "-") else "_" for c in title)
    return name[:LONGEST_NAME] or "extraction"


def _followed(schema: Schema) -> dict[str, Any]:
    """The schema, its root written out where that is a reference to one of its definitions."""
    defs = schema.get("$defs")
    if schema.keys() <= {"$ref", "$defs"} and is_mapping(defs):
        target = defs.get(_definition(schema.get("$ref")) or "")
        if is_mapping(target):
            return {**target, "$defs": defs}
    return dict(schema)


def _definition(reference: Any) -> str | None:
    prefix = "#/$defs/"
    if isinstance(reference, str) and reference.startswith(prefix):
        return reference.removeprefix(prefix)
    return None


def _moved(node: Any) -> Any:
    """The same with its references to the old root led to the new place."""
    if is_list(node):
        return [_moved(each) for each in node]
    if not is_mapping(node):
        return node
    moved = {key: value if key in _DATA else _moved(value) for key, value in node.items()}
    reference = node.get("$ref")
    if isinstance(reference, str) and reference[:1] == "#" and _definition(reference) is None:
        moved["$ref"] = f"#/properties/{VALUE}{reference[1:]}"
    return moved


# ── The part that every upstream takes ───────────────────────────────────────────────────────


def _strict(node: Any, defs: Any) -> dict[str, Any]:
    if not is_mapping(node):
        raise _NotStrict
    plain = _in_plain_words(node)
    if plain.keys() - _TAKEN:
        raise _NotStrict
    if "$ref" in plain:
        return _reference(plain)
    if "type" not in plain and "anyOf" not in plain:
        raise _NotStrict
    types = plain.get("type", ())
    types = types if is_list(types) else (types,)
    if "object" in types or "properties" in plain:
        _close(plain, defs)
    if "array" in types or "items" in plain:
        plain["items"] = _strict(plain.get("items"), defs)
    if "anyOf" in plain:
        plain["anyOf"] = [_strict(each, defs) for each in plain["anyOf"]]
    if is_mapping(own := plain.get("$defs")):
        plain["$defs"] = {name: _strict(each, defs) for name, each in own.items()}
    return plain


def _in_plain_words(node: Schema) -> dict[str, Any]:
    """The same by other keywords, and with what bounds a value in the description."""
    plain = {key: value for key, value in node.items() if key not in _LEFT_OUT}
    if "oneOf" in plain and "anyOf" not in plain:
        plain["anyOf"] = plain.pop("oneOf")
    if "const" in plain:
        plain["enum"] = [plain.pop("const")]
    said = [f"{key}: {json.dumps(plain.pop(key))}" for key in _SAID if key in plain]
    if said:
        words = [plain["description"]] if "description" in plain else []
        plain["description"] = " ".join([*words, f"({'; '.join(said)})"])
    return plain


def _reference(plain: dict[str, Any]) -> dict[str, Any]:
    """A reference has to stand alone."""
    if plain["$ref"] != "#" and _definition(plain["$ref"]) is None:
        raise _NotStrict
    if plain.keys() - _BESIDE_A_REFERENCE or "$defs" in plain:
        raise _NotStrict
    alone = {"$ref": plain["$ref"]}
    if "description" in plain:
        return {"anyOf": [alone], "description": plain["description"]}
    return alone


def _close(plain: dict[str, Any], defs: Any) -> None:
    """Require every property, and allow no other.

    A model that has to write what may be missing makes it up, unless it may write null.
    """
    properties = plain.get("properties")
    if not is_mapping(properties) or plain.get("additionalProperties", False) is not False:
        raise _NotStrict
    required = plain.get("required", [])
    if any(name not in required and not _nullable(p, defs) for name, p in properties.items()):
        raise _NotStrict
    plain["properties"] = {name: _strict(each, defs) for name, each in properties.items()}
    plain["required"] = list(properties)
    plain["additionalProperties"] = False


def _nullable(node: Any, defs: Any) -> bool:
    if not is_mapping(node):
        return False
    types = node.get("type")
    if types == "null" or (is_list(types) and "null" in types):
        return True
    choices = node.get("anyOf", node.get("oneOf"))
    return is_list(choices) and any(_nullable(each, defs) for each in choices)
