"""A deployment in use: its load, its limits, its circuit and what is known of its speed."""

from msgspec.structs import replace

from stepdown.errors import UpstreamError, UpstreamTimedOut
from stepdown.providers.blame import is_requests_fault
from stepdown.providers.cooldown import Circuit, CooldownRules, Minute
from stepdown.providers.demand import Demand
from stepdown.providers.deployment import Deployment, Lease
from stepdown.providers.limits import SlidingMinute
from stepdown.types import Attempt, Usage

SMOOTHING = 0.2
"""The weight of the newest measurement in a moving average."""

TYPICAL_OUTPUT = 256.0
"""Output tokens expected of a reply before any was seen."""

LAST = 2**31
"""The order of a deployment that has none."""


class Member:
    """One deployment and what the fleet has learnt about it.

    ``alone``: no other deployment serves the model. ``shares``: it states a weight or a limit,
    so that traffic is not spread evenly.
    """

    __slots__ = (
        "alone",
        "circuit",
        "cost",
        "deployment",
        "failures",
        "in_flight",
        "latency",
        "measured",
        "minute",
        "order",
        "output",
        "requests",
        "rules",
        "shares",
        "streaming",
        "tokens",
    )

    def __init__(
        self, deployment: Deployment, rules: CooldownRules, *, alone: bool, counts_tokens: bool
    ) -> None:
        self.deployment = deployment
        self.streaming = deployment.for_streams()
        self.rules = rules
        self.alone = alone
        self.order = LAST if deployment.order is None else deployment.order
        self.cost = _cost(deployment)
        rpm, tpm = deployment.rpm, deployment.tpm
        self.shares = bool(deployment.weight or rpm or tpm)
        self.requests = None if rpm is None else SlidingMinute(rpm)
        self.tokens = SlidingMinute(tpm) if counts_tokens or tpm is not None else None
        self.circuit = Circuit()
        self.minute = Minute()
        self.in_flight = 0
        self.failures = 0
        self.latency: float | None = None
        self.measured = 0.0
        self.output = TYPICAL_OUTPUT

    # ── before the call ──────────────────────────────────────────────────────────────────────

    def pause(self, now: float, demand: Demand) -> float:
        """Seconds until a call may be made; 0.0 when it may be now."""
        pause = self.circuit.pause(now) if self.circuit.until else 0.0
        if self.requests is not None:
            pause = max(pause, self.requests.pause(now, 1))
        if self.tokens is not None:
            pause = max(pause, self.tokens.pause(now, demand.tokens(self.output)))
        return pause

    def lend(self, now: float, demand: Demand) -> Deployment:
        """Set the call's share of the limits aside; the deployment to call, with its lease."""
        deployment = self.streaming if demand.request.streams else self.deployment
        probe = self.circuit.until != 0.0
        if self.requests is not None:
            self.requests.spend(now, 1)
        if self.tokens is None and not probe:
            return deployment
        tokens, second = 0, 0
        if self.tokens is not None:
            tokens = self._share(demand)
            second = self.tokens.spend(now, tokens)
        if probe:
            self.circuit.probing = True
        return replace(deployment, lease=Lease(tokens, second, probe))

    def _share(self, demand: Demand) -> int:
        tokens = demand.tokens(self.output)
        limit = self.deployment.tpm
        return tokens if limit is None else min(tokens, limit)

    # ── after the call ───────────────────────────────────────────────────────────────────────

    def ended(
        self, now: float, lease: Lease | None, attempt: Attempt, error: BaseException | None
    ) -> None:
        """Learn how a call went, and settle what was set aside for it."""
        self.in_flight -= 1
        probe = False
        if lease is not None:
            self._settle(now, lease, attempt.usage)
            probe = lease.probe
        if error is None:
            self._succeeded(now, attempt)
            if probe:
                self._recovered()
        elif isinstance(error, UpstreamError):
            if not is_requests_fault(error):
                self._failed(now, attempt, error, probe=probe)
            elif probe:
                self._recovered()

    def _settle(self, now: float, lease: Lease, usage: Usage | None) -> None:
        if self.tokens is not None:
            used = 0 if usage is None else usage.input + usage.output
            self.tokens.correct(now, lease.second, used - lease.tokens)
        if lease.probe:
            self.circuit.probing = False

    def _succeeded(self, now: float, attempt: Attempt) -> None:
        self.failures = 0
        self.minute.succeeded(now)
        usage = attempt.usage
        if usage is not None:
            self.output += SMOOTHING * (usage.output - self.output)
        self._measure(now, attempt, usage)

    def _failed(self, now: float, attempt: Attempt, error: UpstreamError, *, probe: bool) -> None:
        self.failures += 1
        self.minute.failed(now, error)
        if isinstance(error, UpstreamTimedOut):
            self._measure(now, attempt, None)
        if now < self.circuit.until and error.retry_after is None:
            return  # begun before the cooldown, which it is no reason to prolong
        if probe or self.rules.too_many(error, self.minute, alone=self.alone):
            self.circuit.open(now, self.rules.length(error, self.deployment.cooldown_time))

    def _recovered(self) -> None:
        self.circuit.close()
        self.minute = Minute()

    def _measure(self, now: float, attempt: Attempt, usage: Usage | None) -> None:
        """Seconds for each output token: long answers do not make an endpoint slow.

        A call that timed out counts as one that gave a single token in its time.
        """
        ended = now if attempt.ended is None else attempt.ended
        tokens = 1 if usage is None or usage.output < 1 else usage.output
        value = (ended - attempt.started) / tokens
        latency = self.latency
        self.latency = value if latency is None else latency + SMOOTHING * (value - latency)
        self.measured = now

    # ── what is told ─────────────────────────────────────────────────────────────────────────

    def status(self, now: float) -> dict[str, object]:
        """For the administrator: times in seconds, latency in seconds for each output token."""
        cooling = max(0.0, self.circuit.until - now)
        return {
            "id": self.deployment.id,
            "model": self.deployment.model,
            "healthy": self.circuit.until == 0.0,
            "cooling_for": round(cooling, 3),
            "in_flight": self.in_flight,
            "failures": self.failures,
            "latency": self.latency,
            "requests_this_minute": None if self.requests is None else self.requests.used(now),
            "tokens_this_minute": None if self.tokens is None else self.tokens.used(now),
        }


def _cost(deployment: Deployment) -> float:
    """US dollars for a thousand tokens in and a thousand out; infinite where it is unknown."""
    if deployment.price is None:
        return float("inf")
    return float(deployment.price.cost(Usage(input=1000, output=1000)))
