"""``one_of``: the answer is one of a few labels.

    one_of: [billing, technical, other]
    one_of: {labels: [low, high], field: priority}

Case does not matter, nor do quotes, emphasis and punctuation around the label; inside it a dash,
an underscore and space are the same. ``field`` is a top-level field of a JSON answer.
"""

from collections.abc import Mapping
from typing import Any

from stepdown.cascade.answer_field import NoField, field_of, object_watch
from stepdown.cascade.validators.base import Base
from stepdown.cascade.validators.json import only_calls_tools
from stepdown.cascade.validators.mapping import read_mapping, read_text
from stepdown.ports import Watch
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_list, is_number
from stepdown.types import Choice, Piece, Request

EDGE = frozenset("\"'`´“”„‘’‚«»‹›*.,;:!?()[]{}<>…。、！？「」")
"""What may stand around a label."""

JOINT = frozenset("-_‐‑‒–—")
"""What is as good as a space inside of a label."""


class LabelReader:
    """Reads a text in parts into the form in which labels are compared, ``so_far``.

    What stands between words is kept back until the next one comes: at the end it is dropped.
    ``longest`` bounds what is kept, so that a text that is no label costs no more than one.
    """

    __slots__ = ("_gap", "_longest", "so_far")

    def __init__(self, longest: int) -> None:
        self.so_far = ""
        self._gap = ""
        self._longest = longest

    @property
    def between_words(self) -> bool:
        return bool(self._gap)

    def feed(self, text: str) -> None:
        for char in text.casefold():
            if len(self.so_far) > self._longest:
                return
            if char.isspace() or char in EDGE or (char in JOINT and (self.so_far or char == "_")):
                if self.so_far and len(self._gap) <= self._longest:
                    self._add_to_gap(char)
            else:
                self.so_far += self._gap + char
                self._gap = ""

    def _add_to_gap(self, char: str) -> None:
        char = char if char in EDGE else " "
        if char != " " or not self._gap.endswith(" "):
            self._gap += char


class Labels:
    """The labels by the form in which they are compared."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        self.known = frozenset(labels)
        self.longest = max(map(len, labels))
        self.mismatch = f"is none of the {len(labels)} labels"

    def holds(self, text: str) -> bool:
        reader = LabelReader(self.longest)
        reader.feed(text)
        return reader.so_far in self.known

    def may_become_one(self, reader: LabelReader) -> bool:
        """Whether some continuation of what was read is a label."""
        so_far = reader.so_far
        if not reader.between_words:
            return any(label.startswith(so_far) for label in self.known)
        size = len(so_far)
        return so_far in self.known or any(
            label.startswith(so_far) and (label[size] == " " or label[size] in EDGE)
            for label in self.known
        )


class OneOf(Base):
    """Passes an answer that is a label, or whose field is one."""

    name = "one_of"

    def __init__(self, labels: Labels, field: str | None = None) -> None:
        self._labels = labels
        self._field = field
        what = "the answer" if field is None else f"the field {field!r:.40}"
        self._reason = f"{what} {labels.mismatch}"

    def check(self, choice: Choice, request: Request) -> str | None:
        if only_calls_tools(choice):
            return None
        text = choice.text
        if self._field is not None:
            try:
                value = field_of(text, self._field)
            except NoField as error:
                return str(error)
            if not isinstance(value, str) and not is_number(value):
                return self._reason
            text = str(value)
        return None if self._labels.holds(text) else self._reason

    def watch(self, request: Request) -> Watch | None:
        return LabelWatch(self._labels, self._reason) if self._field is None else object_watch()


class LabelWatch:
    """Implements ``ports.Watch``: drops an answer that no label begins with."""

    __slots__ = ("_labels", "_reader", "_reason")
    settled = False

    def __init__(self, labels: Labels, reason: str) -> None:
        self._labels = labels
        self._reason = reason
        self._reader = LabelReader(labels.longest)

    def feed(self, piece: Piece) -> str | None:
        if not piece.text:
            return None
        self._reader.feed(piece.text)
        return None if self._labels.may_become_one(self._reader) else self._reason


def build(options: Any, path: str, problems: Problems) -> OneOf | None:
    """A validator from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    given = {"labels": options}
    at = path
    if not is_list(options):
        given = dict(read_mapping(options or {}, ("labels", "field"), path, problems))
        at = f"{path}.labels"
    field = read_text(given, "field", path, problems)
    labels = _read_labels(given.get("labels"), at, problems)
    if len(problems.lines) > known:
        return None
    return OneOf(Labels(labels), field)


def _read_labels(given: Any, path: str, problems: Problems) -> dict[str, str]:
    labels: dict[str, str] = {}
    if not is_list(given) or not given:
        problems.expected(path, "a list of labels", given)
        return labels
    for index, label in enumerate(given):
        at = f"{path}[{index}]"
        if isinstance(label, bool):
            problems.add(at, f"expected a text, got {label}; quote yes, no, on and off in YAML")
            continue
        if not isinstance(label, str) and not is_number(label):
            problems.expected(at, "a label", label)
            continue
        text = str(label)
        reader = LabelReader(len(text) * 3)  # casefold() makes three characters of one at most
        reader.feed(text)
        if not reader.so_far:
            problems.expected(at, "a label with a letter or a digit", label)
        elif reader.so_far in labels:
            problems.add(at, f"{text!r:.60} is the same label as {labels[reader.so_far]!r:.60}")
        labels.setdefault(reader.so_far, text)
    return labels
