"""``label``: the answer names the expected label and no other.

    label
    label: [billing, technical, other]
    label: {labels: [low, high], field: priority}

The labels are those of the options or, without any there, the row's own. The answer may be a label,
a JSON object of one member, or a sentence that holds exactly one of the labels as whole words; with
``field`` it has to be a JSON object with this top-level field. Case, quotes and punctuation around
a label do not count, and a dash or an underscore within is as good as space. An answer with no
label, or with several, scores 0. Of several expected labels any is right.
"""

from typing import Any

from stepdown.cascade.validators.json import Unreadable
from stepdown.cascade.validators.mapping import read_mapping, read_text
from stepdown.quality.found_labels import folded, labels_in
from stepdown.quality.json_values import read_json
from stepdown.quality.scorers.base import Base, references, right
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_list, is_mapping, is_number
from stepdown.types import Choice, Task


class Label(Base):
    """1 for the expected label, else 0. ``labels`` empty: those of the task."""

    name = "label"

    def __init__(self, labels: tuple[str, ...] = (), field: str | None = None) -> None:
        self._labels = labels
        self._field = field

    def applies(self, task: Task) -> bool:
        return bool(self._labels or task.labels) and bool(references(task.expected))

    def rate(self, choice: Choice, task: Task) -> float:
        """Raises ValueError where what is expected is no label."""
        labels = self._labels or task.labels
        known = set(map(folded, labels))
        wanted = {folded(each) for each in references(task.expected)}
        if not wanted <= known:
            unknown = min(wanted - known)
            raise ValueError(f"expected one of the {len(known)} labels, got {unknown!r:.60}")
        text = self._read(choice.text)
        found = frozenset[str]() if text is None else labels_in(text, labels)
        return right(len(found) == 1 and found <= wanted)

    def _read(self, text: str) -> str | None:
        """The text in which to look for labels, or None where the field is missing."""
        try:
            value = read_json(text)
        except Unreadable:
            return text if self._field is None else None
        if self._field is not None:
            return _written(value.get(self._field)) if is_mapping(value) else None
        if is_mapping(value) and len(value) == 1:
            return _written(next(iter(value.values())))
        return text


def _written(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value)
    return str(value) if isinstance(value, str) or is_number(value) else None


def build(options: Any, path: str, problems: Problems) -> Label | None:
    """A scorer from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    at = f"{path}.labels"
    if is_list(options):
        options, at = {"labels": options}, path
    given = read_mapping(options, ("labels", "field"), path, problems)
    field = read_text(given, "field", path, problems)
    labels = _read_labels(given["labels"], at, problems) if "labels" in given else ()
    return Label(labels, field) if len(problems.lines) == known else None


def _read_labels(given: Any, path: str, problems: Problems) -> tuple[str, ...]:
    if not is_list(given) or not given:
        problems.expected(path, "a list of labels", given)
        return ()
    labels: dict[str, str] = {}
    for index, label in enumerate(given):
        at = f"{path}[{index}]"
        if isinstance(label, bool):
            problems.add(at, f"expected a text, got {label}; quote yes, no, on and off in YAML")
        elif not (isinstance(label, str) and label.strip()) and not is_number(label):
            problems.expected(at, "a label", label)
        elif (form := folded(str(label))) in labels:
            problems.add(at, f"{label!r:.60} is the same label as {labels[form]!r:.60}")
        else:
            labels[form] = str(label)
    return tuple(labels.values())
