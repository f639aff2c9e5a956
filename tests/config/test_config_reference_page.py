"""The configuration page documents every key of the schema, with its default, and no other."""

import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from stepdown.config.document import Document
from stepdown.config.litellm_providers import PROVIDERS
from stepdown.config.schema import LATER

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
_HEADING = re.compile(r"^### (.*)$", re.MULTILINE)
_ROW = re.compile(r"^\| `([^`]+)` \| (.+?) \| .+ \|$", re.MULTILINE)


def documented() -> dict[str, str]:
    """The tables: each key's path → its default, as written."""
    found: dict[str, str] = {}
    pieces = _HEADING.split(PAGE)
    for heading, body in zip(pieces[1::2], pieces[2::2], strict=True):
        for section in re.findall(r"`([^`]+)`", heading):
            for key, default in _ROW.findall(body.split("\n## ")[0]):
                assert f"{section}.{key}" not in found, "documented twice"
                found[f"{section}.{key}"] = default
    return found


def schema(model: type[BaseModel] = Document, path: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key of the schema, by its path on the page."""
    for name, field in model.model_fields.items():
        inner, mark = _inner(field.annotation)
        here = f"{path}.{name}" if path else name
        if path:
            yield here, field
        if inner is not None:
            placeholder = {"routes": ".NAME", "prices": ".MODEL", "webhooks": ".NAME"}.get(name, "")
            yield from schema(inner, here + (mark or placeholder))


def _inner(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """The model that a field holds, and how a list of it is marked."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    models = [a for a in typing.get_args(annotation) if _inner(a)[0] is not None]
    if not models:
        return None, ""
    return models[0], "[]" if typing.get_origin(annotation) is tuple else ""


SCHEMA = dict(schema())
DOCUMENTED = documented()


def test_every_key_is_documented_and_every_documented_key_exists() -> None:
    assert set(DOCUMENTED) == set(SCHEMA)
    assert len(SCHEMA) > 80


@pytest.mark.parametrize("path", sorted(SCHEMA))
def test_defaults(path: str) -> None:
    field, written = SCHEMA[path], DOCUMENTED[path]
    if field.is_required():
        assert written == "required"
    elif field.default is None:
        assert written == "—"
    else:
        assert written.startswith("`")
        value = yaml.safe_load(written.strip("`"))
        kind: Any = (
            Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
        )
        assert TypeAdapter(kind).validate_python(value) == field.default


def test_every_provider_is_listed() -> None:
    table = PAGE.split("## Providers")[1].split("\n## ")[0]
    listed = set(re.findall(r"`([a-z0-9_]+)`", table))
    assert {name for name in PROVIDERS if name != "aiohttp_openai"} <= listed


def test_later_sections_are_listed() -> None:
    last = PAGE[PAGE.index("Sections of later versions") :]
    assert all(f"`{name}`" in last for name in LATER)
