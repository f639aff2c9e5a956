"""Reads labelled outcomes, one JSON object a line, and says exactly what is wrong with one."""

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from msgspec import DecodeError, Struct, json

from stepdown.names import nearest
from stepdown.routing.shapes import is_mapping, is_number

MOST_ROWS = 1_000_000
LONGEST_LINE = 1_000_000
"""Bytes of one line."""
LONGEST_SHOWN = 40
_decode = json.Decoder().decode


class BadOutcomes(ValueError):
    """A row that cannot be used: its line, the field, what was expected and what came."""


class Outcome(Struct, frozen=True, gc=False):
    """What came of one request.

    ``score`` is the cheap answer's confidence, higher is better; ``cheap`` and ``strong`` say how
    right each answer was, 0..1; costs are US dollars of one call.
    """

    score: float
    cheap: float
    strong: float | None = None
    cheap_cost: float | None = None
    strong_cost: float | None = None


def read_outcomes(lines: Iterable[bytes], score_field: str = "score") -> list[Outcome]:
    """The rows of a JSONL file; blank lines are passed over. Raises BadOutcomes.

    A field that is optional has to stand in every row or in none.
    """
    outcomes: list[Outcome] = []
    optional: dict[str, int] = {}
    for number, row in _rows(lines):
        if len(outcomes) == MOST_ROWS:
            raise BadOutcomes(f"expected at most {MOST_ROWS:,} rows, got more")
        outcome = Outcome(
            _number(row, score_field, number),
            _share(row, "cheap", number),
            _share(row, "strong", number) if _given(row, "strong") else None,
            _cost(row, "cheap_cost", number) if _given(row, "cheap_cost") else None,
            _cost(row, "strong_cost", number) if _given(row, "strong_cost") else None,
        )
        _check_same_fields(outcome, outcomes, number, optional)
        outcomes.append(outcome)
    if not outcomes:
        raise BadOutcomes("expected one JSON object a line, got no row")
    return outcomes


def _rows(lines: Iterable[bytes]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE:
            raise BadOutcomes(f"line {number}: expected at most {LONGEST_LINE:,} bytes, got more")
        if line.isspace():
            continue
        try:
            row = _decode(line)
        except (DecodeError, RecursionError) as error:
            raise BadOutcomes(f"line {number}: expected a JSON object, got: {error}") from None
        if not is_mapping(row):
            raise BadOutcomes(f"line {number}: expected a JSON object, got {_shown(row)}")
        yield number, row


def _given(row: Mapping[str, Any], field: str) -> bool:
    return row.get(field) is not None


def _number(row: Mapping[str, Any], field: str, line: int) -> float:
    value = row.get(field)
    if is_number(value) and math.isfinite(value):
        return float(value)
    if field in row:
        raise BadOutcomes(f"line {line}: {field}: expected a number, got {_shown(value)}")
    near = nearest(field, islice(map(str, row), 100))
    raise BadOutcomes(f"line {line}: {field}: expected a number, got no such field.{near}")


def _share(row: Mapping[str, Any], field: str, line: int) -> float:
    value = row.get(field)
    if isinstance(value, bool):
        return float(value)
    number = _number(row, field, line)
    if not 0.0 <= number <= 1.0:
        raise BadOutcomes(f"line {line}: {field}: expected 0..1, true or false, got {value}")
    return number


def _cost(row: Mapping[str, Any], field: str, line: int) -> float:
    number = _number(row, field, line)
    if number < 0.0:
        raise BadOutcomes(f"line {line}: {field}: expected US dollars, 0 or more, got {number}")
    return number


def _check_same_fields(
    outcome: Outcome, before: list[Outcome], line: int, optional: dict[str, int]
) -> None:
    """Rows with and without a field would be compared with each other."""
    for field in ("strong", "cheap_cost", "strong_cost"):
        if getattr(outcome, field) is not None:
            first = optional.setdefault(field, line)
            if first == line and before:
                raise BadOutcomes(
                    f"line {line}: {field}: expected none, as in the rows before, got one"
                )
        elif field in optional:
            raise BadOutcomes(
                f"line {line}: {field}: expected a number, as in line {optional[field]}, got none"
            )


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[: LONGEST_SHOWN - 1]}…"
