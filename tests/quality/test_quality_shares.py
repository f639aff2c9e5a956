"""A share with its interval."""

import pytest

from stepdown.quality.intervals import exact_interval
from stepdown.quality.shares import Share, share


def test_a_share_has_the_exact_interval() -> None:
    made = share(3, 20, 0.9)
    assert (made.events, made.trials, made.value) == (3, 20, 0.15)
    assert (made.low, made.high) == exact_interval(3, 20, 0.9)


def test_none_of_many() -> None:
    made = share(0, 58, 0.95)
    assert made.low == made.value == 0.0
    assert made.high == pytest.approx(1 - 0.025 ** (1 / 58))


def test_nothing_is_known_without_trials() -> None:
    assert share(0, 0, 0.95) == Share(0, 0, 0.0, 1.0)
    assert share(0, 0, 0.95).value is None
    assert Share(0, 0) == share(0, 0, 0.95)


def test_more_events_than_trials_are_an_error() -> None:
    with pytest.raises(ValueError, match="events"):
        share(2, 1, 0.95)
