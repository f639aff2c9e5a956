"""The prompts of ``data/checkable.jsonl``, and whether an answer to one of them is right."""

import math
from pathlib import Path
from typing import Any, Literal

import msgspec

FILE = Path(__file__).parents[1] / "data" / "checkable.jsonl"

_AROUND = " \t\r\n\"'`*.!:"


class Task(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One prompt. ``classify`` has labels and one of them as its answer; ``extract`` has a JSON
    schema and an object."""

    id: str
    kind: Literal["classify", "extract"]
    messages: list[dict[str, str]]
    answer: str | dict[str, Any]
    max_tokens: int
    labels: list[str] | None = None
    schema: dict[str, Any] | None = None

    @property
    def family(self) -> str:
        """What this prompt shares its labels or its schema with."""
        return self.id.rpartition("-")[0]


def load(path: Path = FILE) -> list[Task]:
    """The tasks of a file of JSON lines. Raises msgspec.ValidationError."""
    lines = path.read_text("utf-8").splitlines()
    return [msgspec.json.decode(line, type=Task) for line in lines if line]


def is_right(text: str, task: Task) -> bool:
    """Whether this answer is right: the label, or every field of the object.

    A label may stand in quotes or end with a full stop. An object has to be the whole answer: an
    application would parse it, so a Markdown fence around it is wrong.
    """
    if task.kind == "classify":
        return normal(text) == normal(str(task.answer))
    got = parsed(text)
    assert isinstance(task.answer, dict)
    return isinstance(got, dict) and all(
        name in got and same(wanted, got[name]) for name, wanted in task.answer.items()
    )


def normal(label: str) -> str:
    """A label without its case and what stands around it."""
    return label.strip(_AROUND).casefold()


def parsed(text: str) -> Any:
    """The JSON value that a text is, or None."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None


def same(wanted: Any, got: Any) -> bool:
    """Numbers by value, texts without case and outer space, all else as it is."""
    if isinstance(wanted, str) and isinstance(got, str):
        return wanted.strip().casefold() == got.strip().casefold()
    if isinstance(wanted, bool) or isinstance(got, bool):
        return wanted is got
    if isinstance(wanted, int | float) and isinstance(got, int | float):
        return math.isclose(wanted, got, rel_tol=1e-9, abs_tol=1e-9)
    return bool(wanted == got)
