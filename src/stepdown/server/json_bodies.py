"""Reads a JSON body, and says in its sender's words what is wrong with one."""

import re
from collections.abc import Callable
from typing import TypeVar

from msgspec import DecodeError, Raw, ValidationError, json

from stepdown.errors import InvalidField, InvalidJSON, StepdownError
from stepdown.names import nearest

T = TypeVar("T")
Decode = Callable[[bytes], T]

fields = json.Decoder(dict[str, Raw]).decode
"""An object's members, each as the bytes that came."""
_WHERE = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)
_MISSING = re.compile(r"missing required field `(?P<name>[^`]*)`")


def read(body: bytes, decode: Decode[T]) -> T:
    """A body as ``decode`` (a msgspec decoder's) makes it. Raises InvalidJSON or InvalidField."""
    try:
        return decode(body)
    except ValidationError as error:
        raise _invalid(body, str(error)) from error
    except (DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidJSON(f"The body is not valid JSON: {error}.") from error


def _invalid(body: bytes, error: str) -> StepdownError:
    """A validation error: which field, what was expected, what came."""
    found = _WHERE.match(error)
    what, path = (found["what"], found["path"] or "") if found else (error, "")
    if missing := _MISSING.search(what):
        path = f"{path}.{missing['name']}".lstrip(".")
        meant = nearest(path, _names(body)).replace("Did you mean", "Was it meant by")
        return InvalidField(f"{path}: this field is required and missing.{meant}", param=path)
    if not path:
        return InvalidJSON(f"The body must be a JSON object. {what}.")
    return InvalidField(f"{path}: {what[0].lower()}{what[1:]}.".replace("`", ""), param=path)


def _names(body: bytes) -> list[str]:
    """The names of the body's fields, where it has any."""
    try:
        return list(fields(body))
    except DecodeError:
        return []
