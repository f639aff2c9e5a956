"""``json_fields``: how many of the expected JSON value's fields the answer has right.

    json_fields
    json_fields: {tolerance: 0.01}

The score is the F1 measure over fields, a field being a value that holds no others, with its path:
the harmonic mean of the share of the answer's fields that are expected and the share of the
expected ones that the answer has. Items of an array are fields by their place. An answer that is no
JSON scores 0. What may be expected is as for ``json``; of several values the nearest counts.
"""

from typing import Any

from stepdown.cascade.validators.json import Unreadable
from stepdown.quality.json_values import expected_values, leaves, read_json, same
from stepdown.quality.scorers.base import Base
from stepdown.quality.scorers.json import read_tolerance
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Task


class JsonFields(Base):
    """0 to 1: the F1 measure over fields."""

    name = "json_fields"

    def __init__(self, tolerance: float = 0.0) -> None:
        self._tolerance = tolerance

    def applies(self, task: Task) -> bool:
        return bool(expected_values(task.expected))

    def rate(self, choice: Choice, task: Task) -> float:
        try:
            value = read_json(choice.text)
        except Unreadable:
            return 0.0
        return max(self._f1(value, each) for each in expected_values(task.expected))

    def _f1(self, value: Any, wanted: Any) -> float:
        got, expected = leaves(value), leaves(wanted)
        hits = sum(
            path in got and same(got[path], leaf, self._tolerance)
            for path, leaf in expected.items()
        )
        return 2 * hits / (len(got) + len(expected))


def build(options: Any, path: str, problems: Problems) -> JsonFields | None:
    """A scorer from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    tolerance = read_tolerance(options, path, problems)
    return JsonFields(tolerance) if len(problems.lines) == known else None
