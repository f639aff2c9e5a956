"""How many rows a gate needs: against trying every number."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.intervals import lower, upper
from stepdown.quality.sample_size import MOST_TRIALS, rows_to_fail, rows_to_pass


def events(rate: float, trials: int) -> int:
    return math.floor(rate * trials + 0.5)


@pytest.mark.parametrize(
    ("limit", "confidence", "rows"),
    [(0.05, 0.95, 59), (0.02, 0.95, 149), (0.01, 0.95, 299), (0.01, 0.99, 459)],
)
def test_without_events(limit: float, confidence: float, rows: int) -> None:
    """The fewest n of which (1 - limit)^n is at most the error."""
    assert rows == math.ceil(math.log(1 - confidence) / math.log(1 - limit))
    assert rows_to_pass(0.0, limit, confidence) == rows


def test_where_every_trial_is_an_event() -> None:
    assert rows_to_fail(1.0, 0.5, 0.95) == 5
    assert rows_to_fail(1.0, 0.99, 0.95) == 299
    assert rows_to_fail(0.5, 0.0, 0.95) == 1


@pytest.mark.parametrize("rate", [0.02, 0.3, 1.0])
def test_a_rate_at_or_above_the_limit_never_passes(rate: float) -> None:
    assert rows_to_pass(rate, 0.02, 0.95) is None


@pytest.mark.parametrize("rate", [0.02, 0.01, 0.0])
def test_a_rate_at_or_below_the_limit_never_fails(rate: float) -> None:
    assert rows_to_fail(rate, 0.02, 0.95) is None


def test_more_rows_than_anybody_has() -> None:
    many = rows_to_pass(0.0199, 0.02, 0.95)
    assert many is not None
    assert 5_000_000 < many < MOST_TRIALS
    assert rows_to_pass(0.01999, 0.02, 0.95) is None
    assert rows_to_fail(0.02001, 0.02, 0.95) is None


def test_a_rate_too_small_for_one_event() -> None:
    assert rows_to_pass(1e-12, 0.02, 0.95) == rows_to_pass(0.0, 0.02, 0.95)


@pytest.mark.parametrize(
    ("rate", "limit", "confidence"), [(-0.1, 0.5, 0.95), (0.1, 1.5, 0.95), (0.1, 0.5, 1.0)]
)
def test_nonsense(rate: float, limit: float, confidence: float) -> None:
    for asked in (rows_to_pass, rows_to_fail):
        with pytest.raises(ValueError, match=r"^(rate|limit|confidence): expected "):
            asked(rate, limit, confidence)


@given(st.floats(0.01, 0.9), st.floats(0.0, 0.7), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_fewest_that_pass(limit: float, part: float, confidence: float) -> None:
    rate = limit * part
    rows = rows_to_pass(rate, limit, confidence)
    assert rows is not None

    def passes(trials: int) -> bool:
        return upper(events(rate, trials), trials, confidence) <= limit

    assert all(passes(trials) for trials in range(rows, rows + 40))
    assert all(passes(trials) for trials in range(rows + 40, 4 * rows, 1 + rows // 10))
    assert rows == 1 or not passes(rows - 1)


@given(st.floats(0.0, 0.8), st.floats(0.3, 1.0), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_fewest_that_fail(limit: float, part: float, confidence: float) -> None:
    rate = limit + (1.0 - limit) * part
    rows = rows_to_fail(rate, limit, confidence)
    assert rows is not None

    def fails(trials: int) -> bool:
        return lower(events(rate, trials), trials, confidence) > limit

    assert all(fails(trials) for trials in range(rows, rows + 40))
    assert all(fails(trials) for trials in range(rows + 40, 4 * rows, 1 + rows // 10))
    assert rows == 1 or not fails(rows - 1)


@pytest.mark.parametrize("limit", [0.0026, 0.0033])
def test_rare_events_that_pass(limit: float) -> None:
    """Hundreds of trials from one event to the next: every number of them is tried."""
    rows = rows_to_pass(0.001, limit, 0.95)
    assert rows is not None
    tried = range(1, 2 * rows)
    short = [n for n in tried if upper(events(0.001, n), n, 0.95) > limit]
    assert rows == short[-1] + 1
    assert len(short) < short[-1], "some fewer pass, by luck of rounding"


@pytest.mark.parametrize("rate", [0.003, 0.0045])
def test_rare_events_that_fail(rate: float) -> None:
    rows = rows_to_fail(rate, 0.001, 0.95)
    assert rows is not None
    tried = range(1, 2 * rows)
    short = [n for n in tried if lower(events(rate, n), n, 0.95) <= 0.001]
    assert rows == short[-1] + 1
    assert len(short) < short[-1], "some fewer fail, by luck of rounding"
