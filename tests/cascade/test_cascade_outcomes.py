"""Rows of outcomes: what is read, and what is said about a bad one."""

import pytest

from stepdown.cascade import outcomes
from stepdown.cascade.outcomes import BadOutcomes, Outcome, read_outcomes


def test_rows() -> None:
    lines = [
        b'{"score": -0.5, "cheap": true, "strong": 1, "cheap_cost": 0.1, "strong_cost": 2, "x": 0}',
        b"\n",
        b'{"score": 1, "cheap": 0.25, "strong": false, "cheap_cost": 0, "strong_cost": 2}\n',
    ]
    assert read_outcomes(lines) == [
        Outcome(-0.5, 1.0, 1.0, 0.1, 2.0),
        Outcome(1.0, 0.25, 0.0, 0.0, 2.0),
    ]
    assert read_outcomes([b'{"mean": 3, "cheap": 1, "strong": null}'], "mean") == [
        Outcome(3.0, 1.0)
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"nonsense", "line 2: expected a JSON object, got: "),
        (b"[" * 100_000, "line 2: expected a JSON object, got: "),
        (b"[1]", "line 2: expected a JSON object, got [1]"),
        (b"\xff", "line 2: expected a JSON object, got: "),
        (b'{"scores": 1}', "line 2: score: expected a number, got no such field. Did you mean"),
        (b'{"score": "1"}', "line 2: score: expected a number, got '1'"),
        (b'{"score": true}', "line 2: score: expected a number, got True"),
        (b'{"score": 1, "cheap": 2}', "line 2: cheap: expected 0..1, true or false, got 2"),
        (b'{"score": 1}', "line 2: cheap: expected a number, got no such field."),
        (b'{"score": 1, "cheap": 1, "strong": 1}', "line 2: strong: expected none, as in the"),
        (
            b'{"score": 1, "cheap": 1, "cheap_cost": -1}',
            "line 2: cheap_cost: expected US dollars, 0 or more, got -1",
        ),
    ],
)
def test_bad_rows(line: bytes, problem: str) -> None:
    with pytest.raises(BadOutcomes) as told:
        read_outcomes([b'{"score": 1, "cheap": 1}', line])
    assert str(told.value).startswith(problem)
    assert len(str(told.value)) < 200


def test_a_field_that_stops() -> None:
    with pytest.raises(BadOutcomes, match="line 2: strong: expected a number, as in line 1"):
        read_outcomes([b'{"score": 1, "cheap": 1, "strong": 1}', b'{"score": 1, "cheap": 1}'])


def test_no_rows() -> None:
    with pytest.raises(BadOutcomes, match="got no row"):
        read_outcomes([b" \n"])


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    row = b'{"score": 1, "cheap": 1}'
    monkeypatch.setattr(outcomes, "MOST_ROWS", 2)
    assert len(read_outcomes([row] * 2)) == 2
    with pytest.raises(BadOutcomes, match="at most 2 rows"):
        read_outcomes([row] * 3)
    monkeypatch.setattr(outcomes, "LONGEST_LINE", 10)
    with pytest.raises(BadOutcomes, match="line 1: expected at most 10 bytes"):
        read_outcomes([row])
