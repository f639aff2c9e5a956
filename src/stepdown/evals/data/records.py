"""One row as the file tells it, before any format has read it; and the fields that all share."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import DecodeError, Struct, json

from stepdown.evals.data.faults import BadField, expected
from stepdown.routing.shapes import is_list

LONGEST_ID = 256
MOST_TAGS = 32
LONGEST_TAG = 64

_decode = json.Decoder().decode


class Record(Struct, frozen=True):
    """A row's fields by name. ``line`` is its place in the file, from 1.

    ``cells``: the values are a table's cells (CSV, Parquet), in which an object or a list may be
    written as JSON text, and an empty text is no value.
    """

    line: int
    fields: Mapping[str, Any]
    cells: bool = False

    def value(self, field: str) -> Any:
        """The field's value, None where it is missing; a cell's JSON is read."""
        value = self.fields.get(field)
        return in_cell(value) if self.cells else value

    def text(self, field: str) -> str | None:
        """The field's text, None where it is missing. Raises BadField for anything else."""
        value = self.fields.get(field)
        if value is None or (self.cells and value == ""):
            return None
        if not isinstance(value, str):
            raise expected(field, "a text", value)
        return value

    def texts(self, field: str) -> tuple[str, ...]:
        """The field's texts; in a cell they are separated by ``;``. Raises BadField."""
        value = self.value(field)
        if self.cells and isinstance(value, str):
            value = [part.strip() for part in value.split(";") if part.strip()]
        if value is None:
            return ()
        if not is_list(value) or not all(isinstance(each, str) and each for each in value):
            raise expected(field, "a list of texts", value)
        return tuple(value)

    def id(self, field: str = "id") -> str:
        """The row's name: a text or a whole number; ``line-7`` where it has none."""
        value = self.fields.get(field)
        if value is None or value == "":
            return line_id(self.line)
        if type(value) is int:
            return str(value)
        if not isinstance(value, str) or len(value) > LONGEST_ID or not value.isprintable():
            raise expected(field, f"a text of at most {LONGEST_ID} printable characters", value)
        return value


def line_id(line: int) -> str:
    """What a row without an id is called."""
    return f"line-{line}"


def in_cell(value: Any) -> Any:
    """What a table's cell says: an object or a list where it is the JSON of one."""
    if not isinstance(value, str):
        return value
    if value.lstrip()[:1] not in ("{", "["):
        return value or None
    try:
        return _decode(value)
    except (DecodeError, UnicodeError, RecursionError):
        return value


def tags_given(record: Record, field: str = "tags") -> tuple[str, ...]:
    """The tags that somebody wrote down: all of them are kept, or the row is bad."""
    tags = record.texts(field)
    if len(tags) > MOST_TAGS:
        raise BadField(field, f"expected at most {MOST_TAGS} tags, got {len(tags)}")
    for tag in tags:
        if len(tag) > LONGEST_TAG:
            raise expected(field, f"tags of at most {LONGEST_TAG} characters", tag)
    return tuple(dict.fromkeys(tags))


def tags_found(found: Iterable[Any]) -> tuple[str, ...]:
    """Tags that an export happens to hold: as many as there is room for, each cut to its length."""
    texts = (each.strip()[:LONGEST_TAG] for each in found if isinstance(each, str))
    return tuple(dict.fromkeys(filter(None, texts)))[:MOST_TAGS]


def flat(value: Any) -> Sequence[Any]:
    """A list as it is, one value as a list of it, nothing as an empty one."""
    if value is None:
        return ()
    return value if is_list(value) else (value,)
