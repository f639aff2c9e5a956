"""Builds fleets under a clock of their own, and plays a plan as the pipeline would."""

from collections.abc import Callable
from random import Random
from typing import Any

from msgspec import Raw, json

from stepdown.errors import UpstreamError
from stepdown.providers.deployment import Deployment
from stepdown.providers.fleet import Fleet
from stepdown.providers.openai import OpenAIDialect
from stepdown.providers.settings import FleetSettings
from stepdown.providers.simulated import SimulatedUpstream
from stepdown.types import Attempt, Prompt, Request, Try, Usage, Wait


class Clock:
    """Monotonic seconds that pass when the test says so."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


def deployment(name: str, model: str = "m", **settings: Any) -> Deployment:
    settings.setdefault("upstream_model", f"{name}-upstream")
    return Deployment(
        id=name,
        model=model,
        upstream=SimulatedUpstream(name, {}),
        dialect=OpenAIDialect(),
        **settings,
    )


def fleet(
    *deployments: Deployment, clock: Callable[[], float], seed: int = 1, **settings: Any
) -> Fleet:
    return Fleet(deployments, FleetSettings(**settings), clock=clock, random=Random(seed))


def request(text: str = "hello", model: str = "m", **fields: Any) -> Request:
    body = json.encode({"model": model, "messages": [{"role": "user", "content": text}], **fields})
    return Request(
        id="r",
        prompt=json.decode(body, type=Prompt),
        fields=json.decode(body, type=dict[str, Raw]),
        size=len(body),
    )


class Play:
    """One request's plan, step by step; the clock passes as the plan waits."""

    def __init__(self, fleet: Fleet, clock: Clock, model: str = "m", **asked: Any) -> None:
        self._fleet = fleet
        self._clock = clock
        self._plan = fleet.attempts(request(model=model, **asked), model)
        self._failure: UpstreamError | None = None
        self.deployment: Deployment | None = None
        self._started = 0.0
        self.waited = 0.0

    def next(self) -> Try | Wait | None:
        """The plan's next step, None at its end."""
        failure, self._failure = self._failure, None
        try:
            step = self._plan.send(failure)
        except StopIteration:
            return None
        if isinstance(step, Wait):
            self.waited += step.seconds
            self._clock.pass_(step.seconds)
        else:
            self.deployment = step.deployment
            self._started = self._clock()
            self._fleet.began(step.deployment)
        return step

    def tries(self) -> str:
        """The id of the deployment that the plan calls next."""
        step = self.next()
        assert isinstance(step, Try), f"expected a try, got {step}"
        deployment: Deployment = step.deployment
        return deployment.id

    def waits(self) -> float:
        step = self.next()
        assert isinstance(step, Wait), f"expected a wait, got {step}"
        return step.seconds

    def is_over(self) -> bool:
        return self.next() is None

    def fails(self, error: UpstreamError, after: float = 0.0) -> "Play":
        self._failure = error
        return self._end(error, None, after)

    def answers(self, usage: Usage | None = None, after: float = 0.0) -> "Play":
        self._end(None, usage or Usage(input=10, output=10), after)
        self._plan.close()
        return self

    def is_cancelled(self) -> None:
        """The client went away."""
        self._end(KeyboardInterrupt(), None, 0.0)
        self._plan.close()

    def _end(self, error: BaseException | None, usage: Usage | None, after: float) -> "Play":
        assert self.deployment is not None
        self._clock.pass_(after)
        called, self.deployment = self.deployment, None
        attempt = Attempt(called.model, called.id, self._started, ended=self._clock(), usage=usage)
        self._fleet.ended(called, attempt, error)
        return self


def status(fleet: Fleet, name: str) -> dict[str, Any]:
    """What the fleet tells of one deployment."""
    return next(told for told in fleet.status() if told["id"] == name)


def stated(kind: type[UpstreamError], **facts: Any) -> UpstreamError:
    """An error with facts of the upstream's reply, as ``retry_after`` or ``upstream_status``."""
    error = kind("failed")
    for name, value in facts.items():
        setattr(error, name, value)
    return error
