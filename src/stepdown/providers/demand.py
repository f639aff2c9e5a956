"""What a request asks of a deployment: room for its prompt, and tokens of the minute's limit."""

from msgspec import Struct

from stepdown.routing.tokens import estimate
from stepdown.types import Reading, Request


class Demand(Struct):
    """One request's needs; its tokens are estimated when they are first asked for.

    ``strict``: a prompt that is probably too long for a window does not fit it; otherwise only
    one that surely is does not, and the upstream has the last word on those between.
    """

    request: Request
    strict: bool
    _input: Reading | None = None

    @property
    def input(self) -> Reading:
        """The prompt's tokens, estimated."""
        if self._input is None:
            self._input = estimate(self.request.prompt, self.request.fields)
        return self._input

    def fits(self, window: int | None) -> bool:
        """Whether the prompt fits that many input tokens; an unknown window fits all."""
        if window is None or 0 < self.request.size <= window:
            return True  # a token is at least one byte
        reading = self.input
        tokens: float = reading.value
        return (tokens if self.strict else tokens - reading.error) <= window

    def tokens(self, typical_output: float) -> int:
        """What to set aside of a limit: the prompt and as much output as the client allows."""
        prompt = self.request.prompt
        input_tokens: float = self.input.value + self.input.error
        output_tokens = (prompt.output_limit or typical_output) * (prompt.n or 1)
        return round(input_tokens + output_tokens)
