"""What a call may use at most: by its own limit, or as those before it did."""

from typing import Any

import pytest

from stepdown.quality.bounds import LEAST_OUTPUT, Bounds
from stepdown.requests import request_of
from stepdown.routing.tokens import estimate
from stepdown.types import Request, Usage


def asked(**fields: Any) -> Request:
    messages = [{"role": "user", "content": "Tell me about step-down transformers, please."}]
    return request_of({"model": "m", "messages": messages, **fields})


def upper_end(request: Request) -> float:
    reading = estimate(request.prompt, request.fields)
    return float(reading.value + reading.error)


def test_the_first_bound_is_the_estimate_and_the_least_output() -> None:
    usage = Bounds().usage(asked())
    assert upper_end(asked()) <= usage.input < upper_end(asked()) + 1
    assert usage.output == LEAST_OUTPUT


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_requests_own_limit_counts(name: str) -> None:
    bounds = Bounds()
    bounds.learn(asked(), Usage(input=10, output=5000))
    assert bounds.usage(asked(**{name: 7})).output == 7
    assert bounds.usage(asked(**{name: 7}, n=3)).output == 21


def test_it_learns_the_longest_answer_and_a_tokenizer_that_counts_more() -> None:
    bounds = Bounds()
    bounds.learn(asked(), Usage(input=1, output=300))
    assert bounds.usage(asked()) == Bounds().usage(asked())
    bounds.learn(asked(n=2), Usage(input=1, output=6001))
    assert bounds.usage(asked()).output == 3001
    assert bounds.usage(asked(n=2)).output == 6002
    twice = int(2 * upper_end(asked()))
    bounds.learn(asked(), Usage(input=twice, output=1))
    assert bounds.usage(asked()).input >= twice
