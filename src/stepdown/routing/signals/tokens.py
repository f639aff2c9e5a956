"""The signal ``tokens``: how long the prompt is, counted exactly where a rule hangs on it."""

from stepdown.routing.signals.kinds import Kind
from stepdown.routing.tokens import count, estimate
from stepdown.types import Reading, Request


class TokensSignal:
    """The value is in o200k tokens, tools and images included.

    It is an estimate. Where a rule hangs on it and it lies within its error of the threshold, the
    route asks for the exact count, if the extra ``tokens`` is installed; without it such a
    comparison is borderline.
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
        return estimate(request.prompt, request.fields)

    def is_near(self, reading: Reading) -> bool:
        """Whether a threshold lies within the reading's error."""
        for threshold in self._thresholds:
            if abs(reading.value - threshold) <= reading.error:
                return True
        return False

    def counted(self, request: Request) -> Reading | None:
        """The exact count; None without the extra."""
        return count(request.prompt, request.fields)
