"""Cooldown: when a failing deployment is left alone, for how long, and how it comes back.

closed ──failures──▶ cooling ──time──▶ half-open ──one probe──▶ closed, or cooling again
"""

from msgspec import Struct

from stepdown.errors import UpstreamError, UpstreamRateLimited
from stepdown.providers.blame import is_misconfigured, names

COOLDOWN_TIME = 5.0
FAILURE_SHARE = 0.5
FAILURE_MINIMUM = 5
LONE_MINIMUM = 1000
"""LiteLLM's defaults: above half of at least five requests a minute; all of a thousand where the
deployment is its model's only one, because cooling that down leaves nobody to answer."""

LONGEST = 3600.0
"""Seconds after which a deployment is probed, however long its Retry-After."""

POLL = 0.1
"""Seconds between looks at whether a probe under way has succeeded."""


class Minute:
    """One deployment's successes and failures within the current minute of the clock."""

    __slots__ = ("_minute", "by_name", "failures", "successes")

    def __init__(self) -> None:
        self._minute = -1
        self.successes = 0
        self.failures = 0
        self.by_name: dict[str, int] = {}

    def succeeded(self, now: float) -> None:
        if now // 60 != self._minute:
            self._begin(now)
        self.successes += 1

    def failed(self, now: float, error: UpstreamError) -> None:
        if now // 60 != self._minute:
            self._begin(now)
        self.failures += 1
        for name in names(error):
            self.by_name[name] = self.by_name.get(name, 0) + 1

    def _begin(self, now: float) -> None:
        self._minute = int(now // 60)
        self.successes = self.failures = 0
        self.by_name = {}


class CooldownRules(Struct, frozen=True):
    """When failures are too many. ``allowed_fails`` None means LiteLLM's default rules.

    ``allowed_fails_policy``: failures a minute allowed by name (``RateLimitErrorAllowedFails``).
    """

    cooldown_time: float = COOLDOWN_TIME
    allowed_fails: int | None = None
    allowed_fails_policy: dict[str, int] = {}

    def length(self, error: UpstreamError, own_time: float | None) -> float:
        """Seconds to leave a deployment alone: its setting or the fleet's, or what it asks for."""
        time = self.cooldown_time if own_time is None else own_time
        if time <= 0:
            return 0.0
        return time if error.retry_after is None else min(max(time, error.retry_after), LONGEST)

    def too_many(self, error: UpstreamError, minute: Minute, *, alone: bool) -> bool:
        """Whether this failure, already counted, is one too many.

        ``alone``: no other deployment serves the model.
        """
        for name in names(error):
            allowed = self.allowed_fails_policy.get(f"{name}AllowedFails")
            if allowed is not None:
                return minute.by_name[name] > allowed
        if self.allowed_fails is not None:
            return minute.failures > self.allowed_fails
        if alone:
            return minute.successes == 0 and minute.failures >= LONE_MINIMUM
        if isinstance(error, UpstreamRateLimited) or is_misconfigured(error):
            return True
        total = minute.successes + minute.failures
        return total >= FAILURE_MINIMUM and minute.failures > FAILURE_SHARE * total


class Circuit:
    """Whether one deployment may be called. ``until`` is 0.0 when closed: all is well."""

    __slots__ = ("probing", "until")

    def __init__(self) -> None:
        self.until = 0.0
        self.probing = False

    def pause(self, now: float) -> float:
        """Seconds until a call may be made; 0.0 when it may be now."""
        if self.until == 0.0:
            return 0.0
        if now < self.until:
            return self.until - now
        return POLL if self.probing else 0.0

    def open(self, now: float, seconds: float) -> None:
        """Cool down; a cooldown under way is never cut short."""
        if seconds > 0:
            self.until = max(self.until, now + seconds)

    def close(self) -> None:
        self.until = 0.0
