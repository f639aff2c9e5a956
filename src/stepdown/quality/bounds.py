"""What a model's next call may use at most: learnt from the calls before it."""

import math

from stepdown.routing.tokens import estimate
from stepdown.types import Request, Usage

LEAST_OUTPUT = 1024
"""Output tokens that a call without a limit is taken to use, before any has used more."""


class Bounds:
    """What one model's next call may use.

    Where a request limits its output, that limit counts. The prompt is estimated, and counts as
    more where this model's own count was above the estimate's upper end before. ``output`` is what
    a call without a limit is taken to use.
    """

    def __init__(self) -> None:
        self.output = LEAST_OUTPUT
        self._input_share = 1.0

    def usage(self, request: Request) -> Usage:
        """The most that the request's call is taken to use."""
        prompt = request.prompt
        output = (prompt.output_limit or self.output) * (prompt.n or 1)
        return Usage(input=math.ceil(_longest(request) * self._input_share), output=output)

    def learn(self, request: Request, usage: Usage) -> None:
        """Take note of what a call did use."""
        self.output = max(self.output, math.ceil(usage.output / (request.prompt.n or 1)))
        self._input_share = max(self._input_share, usage.input / _longest(request))


def _longest(request: Request) -> float:
    reading = estimate(request.prompt, request.fields)
    tokens: float = reading.value
    return tokens + reading.error
