"""Options of the simulated upstream: what is accepted, and each thing wrong in one line."""

import pytest

from stepdown.errors import ConfigError
from stepdown.providers.simulated_options import SimulatedOptions, read_options


def test_numbers_and_spans_are_read() -> None:
    read = read_options(
        {"latency": [0.1, 0.4], "output_tokens": [5, 9], "first_byte": 1, "error_rate": 0.5}
    )
    assert (read.latency, read.output_tokens) == ((0.1, 0.4), (5, 9))
    assert (read.first_byte, read.error_rate) == (1, 0.5)
    assert read_options({}) == SimulatedOptions()


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"latancy": 1}, "x.latancy: expected one of latency, "),
        ({"latancy": 1}, "Did you mean 'latency'?"),
        ({"latency": "fast"}, "x.latency: expected seconds, or [least, most] seconds, got 'fast'."),
        ({"latency": [2, 1]}, "x.latency: expected seconds, or [least, most] seconds, got [2, 1]."),
        ({"latency": [1, 2, 3]}, "x.latency: expected"),
        ({"latency": -1}, "x.latency: expected"),
        ({"error_rate": 1.5}, "x.error_rate: expected a probability between 0 and 1, got 1.5."),
        ({"error_status": 200}, "x.error_status: expected an HTTP status between 400 and 599"),
        ({"output_tokens": 0}, "x.output_tokens: expected a whole number above 0"),
        ({"output_tokens": 1.5}, "x.output_tokens: expected a whole number above 0"),
        ({"tokens_per_second": 0}, "x.tokens_per_second: expected a number above 0, got 0."),
        ({"rate_limit": 0}, "x.rate_limit: expected"),
        ({"topics": "refund"}, "x.topics: expected a list of texts, got 'refund'."),
        ({"error_rate": 0.6, "cut_rate": 0.6}, "x: expected rates with a sum of at most 1"),
    ],
)
def test_each_thing_wrong_is_named(given: dict[str, object], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_options(given, "x")
    (problem,) = caught.value.problems
    assert line in problem


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read_options({"latency": "a", "seed": "b", "unknown": 1})
    assert len(caught.value.problems) == 3
