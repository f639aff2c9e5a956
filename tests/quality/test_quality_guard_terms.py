"""What is asked of something guarded."""

import msgspec
import pytest

from stepdown.quality.guard.terms import Probation, Terms


def test_the_error_is_split_over_the_family() -> None:
    assert Terms(0.02, 0.2).error == pytest.approx(0.05)
    assert Terms(0.02, 0.2, confidence=0.9, family=4).error == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("budget", 0.0, "budget: expected between 0 and 1, got 0.0"),
        ("budget", 1.0, "budget: expected between 0 and 1, got 1.0"),
        ("least", 0.0, "least: expected a propensity above 0 to 1, got 0.0"),
        ("least", 1.1, "least: expected a propensity above 0 to 1, got 1.1"),
        ("family", 0, "family: expected 1 or more, got 0"),
        ("confidence", 1.0, "confidence: expected between 0 and 1, got 1.0"),
    ],
)
def test_terms_that_cannot_be(field: str, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        msgspec.structs.replace(Terms(0.02, 0.2), **{field: value})


@pytest.mark.parametrize(
    ("probation", "requests", "seconds", "over"),
    [
        (Probation(requests=100), 99, 1e9, False),
        (Probation(requests=100), 100, 0.0, True),
        (Probation(seconds=60.0), 0, 59.9, False),
        (Probation(seconds=60.0), 0, 60.0, True),
        (Probation(100, 60.0), 100, 59.0, False),
        (Probation(100, 60.0), 100, 60.0, True),
    ],
)
def test_probation(probation: Probation, requests: int, seconds: float, over: bool) -> None:
    assert probation.over(requests, seconds) is over
