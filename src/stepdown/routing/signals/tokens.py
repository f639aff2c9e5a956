"""The signal ``tokens``: how long the prompt is, counted exactly where a rule hangs on it."""

from stepdown.routing.signals.kinds import Kind
from stepdown.routing.tokens import count, estimate
from stepdown.types import Reading, Request


class TokensSignal:
    """The value is in o200k tokens, tools and images included.

    An estimate that lies within its error of a threshold is replaced by an exact count, if the
    extra ``tokens`` is installed; without it such a comparison is borderline.
    """

    name = "tokens"
    kind = Kind.NUMBER
    values = None

    def __init__(self) -> None:
        self._thresholds: tuple[float, ...] = ()

    def count_near(self, threshold: float) -> None:
        """A rule compares with this: near it, count."""
        self._thresholds = (*self._thresholds, threshold)

    def read(self, request: Request) -> Reading:
        reading = estimate(request.prompt, request.fields)
        for threshold in self._thresholds:
            if abs(reading.value - threshold) <= reading.error:
                return count(request.prompt, request.fields) or reading
        return reading
