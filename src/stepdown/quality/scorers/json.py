"""``json``: the answer is the expected JSON value.

    json
    json: {tolerance: 0.01}

The order of keys, ways to write a number, space and a code fence around do not count; the order of
an array does. Numbers may be apart by ``tolerance``. Text around the JSON makes an answer wrong.
Expected is a JSON value, a text that holds an object or an array, or a list of such texts, any of
which is right.
"""

from abc import abstractmethod
from typing import Any, TypeVar

from stepdown.cascade.validators.json import Unreadable
from stepdown.cascade.validators.mapping import read_mapping, read_number
from stepdown.quality.json_values import expected_values, read_json, same
from stepdown.quality.scorers.base import Base, right
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Task


class OfJson(Base):
    """A scorer of JSON values, of which the nearest to an expected one counts."""

    def __init__(self, tolerance: float = 0.0) -> None:
        self._tolerance = tolerance

    def applies(self, task: Task) -> bool:
        return bool(expected_values(task.expected))

    def rate(self, choice: Choice, task: Task) -> float:
        try:
            value = read_json(choice.text)
        except Unreadable:
            return 0.0
        return max(self.near(value, each) for each in expected_values(task.expected))

    @abstractmethod
    def near(self, value: Any, wanted: Any) -> float:
        """How near a value is to the one that is wanted, 0 to 1."""


class Json(OfJson):
    """1 for an expected value, else 0."""

    name = "json"

    def near(self, value: Any, wanted: Any) -> float:
        return right(same(value, wanted, self._tolerance))


def build(options: Any, path: str, problems: Problems) -> Json | None:
    """A scorer from its options; what is wrong with them goes to ``problems``."""
    return built(Json, options, path, problems)


T = TypeVar("T", bound=OfJson)


def built(kind: type[T], options: Any, path: str, problems: Problems) -> T | None:
    """As ``build``, of any kind: the one option is the same."""
    known = len(problems.lines)
    given = read_mapping(options, ("tolerance",), path, problems)
    tolerance = read_number(given, "tolerance", path, problems, low=0) or 0.0
    return kind(tolerance) if len(problems.lines) == known else None
