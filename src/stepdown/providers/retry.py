"""Retries: how many a failure is worth, and how long to wait before the same one is asked again."""

from random import Random

from msgspec import Struct

from stepdown.errors import ContextWindowExceeded, UpstreamError
from stepdown.providers.blame import is_requests_fault, names

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
"""Seconds: the bounds between which the backoff doubles."""


class RetryRules(Struct, frozen=True):
    """``by_kind`` holds LiteLLM's ``retry_policy``: retries by name (``TimeoutErrorRetries``).

    ``retry_after`` is the least wait in seconds before the same deployment is asked again.
    """

    num_retries: int = 2
    retry_after: float = 0.0
    by_kind: dict[str, int] = {}

    def allowed(self, error: UpstreamError, own_retries: int | None) -> int:
        """How many tries may follow the first one after this failure.

        ``own_retries`` is the failed deployment's setting, which replaces ``num_retries``.
        """
        if isinstance(error, ContextWindowExceeded):
            return 0
        for name in names(error):
            stated = self.by_kind.get(f"{name}Retries")
            if stated is not None:
                return stated
        if is_requests_fault(error):
            return 0
        default = self.num_retries if own_retries is None else own_retries
        return self.by_kind.get("DefaultRetries", default)

    def pause(self, error: UpstreamError, tries: int, random: Random) -> float:
        """Seconds to wait after so many failures: full jitter above what the upstream asks for."""
        bound = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(tries - 1, 16))
        least = max(self.retry_after, error.retry_after or 0.0)
        return least + random.uniform(0.0, bound)
