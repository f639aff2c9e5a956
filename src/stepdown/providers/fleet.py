"""The fleet: whom to call for a model, in which order, after which waits. No I/O.

``attempts`` is the whole plan for one request; it reads top to bottom.
"""

import time
from collections.abc import Callable, Generator, Sequence
from random import Random

from stepdown.errors import (
    ConfigError,
    NoDeployment,
    PromptTooLong,
    UnknownModel,
    UpstreamError,
    UpstreamRateLimited,
)
from stepdown.names import nearest
from stepdown.ports import Deployment as AnyDeployment
from stepdown.ports import Price
from stepdown.providers.cooldown import CooldownRules
from stepdown.providers.course import NOBODY, Course, fitting
from stepdown.providers.demand import Demand
from stepdown.providers.deployment import Deployment
from stepdown.providers.fallbacks import fallbacks
from stepdown.providers.groups import Catalogue, Group, build_group
from stepdown.providers.member import Member
from stepdown.providers.retry import RetryRules
from stepdown.providers.settings import FleetSettings, problems
from stepdown.providers.strategies import COUNTS_TOKENS, STRATEGIES
from stepdown.types import Attempt, Request, Try, Wait

Plan = Generator[Try | Wait, UpstreamError | None, None]

SHORTEST_WAIT = 0.001
SPREAD = 0.05
"""Seconds by which a wait for a deployment is longer: no plan spins, not all wake at once."""


class Fleet:
    """The models of one configuration and the deployments that serve them.

    ``clock`` gives monotonic seconds, the same that the attempts are timed with.
    Raises ConfigError when the settings do not fit the deployments.
    """

    def __init__(
        self,
        deployments: Sequence[Deployment],
        settings: FleetSettings = FleetSettings(),  # noqa: B008 - frozen
        *,
        clock: Callable[[], float] = time.monotonic,
        random: Random | None = None,
    ) -> None:
        groups = _groups(deployments, settings)
        self._catalogue = Catalogue(groups, settings.aliases)
        self._members = {m.deployment.id: m for group in groups for m in group.members}
        self._clock = clock
        self._random = Random() if random is None else random
        self._check(deployments, settings)
        self._settings = settings
        self._choose = STRATEGIES[settings.strategy]
        self._retry = RetryRules(settings.num_retries, settings.retry_after, settings.retry_policy)

    def _check(self, deployments: Sequence[Deployment], settings: FleetSettings) -> None:
        found = problems(settings, self._catalogue.names, self.serves)
        if len(self._members) != len(deployments):
            ids = [deployment.id for deployment in deployments]
            twice = sorted({name for name in ids if ids.count(name) > 1})
            found.append(f"model_list: expected each id once, got {', '.join(twice)} again.")
        if found:
            raise ConfigError(found)

    # ── what is served ───────────────────────────────────────────────────────────────────────

    def models(self) -> Sequence[str]:
        """Every name that can be asked for, patterns as they stand."""
        return self._catalogue.names

    def serves(self, model: str) -> bool:
        return self._catalogue.find(model) is not None

    def price(self, model: str) -> Price | None:
        """The model's price, or None where it is unknown; of several, the cheapest."""
        served = self._catalogue.find(model)
        if served is None:
            return None
        if served.matched is None:
            return served.group.price
        return served.group.members[0].deployment.serving(served.name, served.matched).price

    def status(self) -> list[dict[str, object]]:
        """How each deployment is, for health checks and the administrator."""
        now = self._clock()
        return [member.status(now) for member in self._members.values()]

    # ── whom to call ─────────────────────────────────────────────────────────────────────────

    def attempts(self, request: Request, model: str, *, alone: bool = False) -> Plan:
        """Whom to call, and how long to wait between; sent each failure, dropped at success.

        Every deployment of the model that may be called is asked once, then again after a
        backoff, until the retries are used up; then its fallbacks in their order, each in the
        same way. Where all that is left is cooling down or at its limit, the plan waits for the
        first to come back. It ends when nothing is left to try, or no time. ``alone``: each
        deployment is asked once, without waits and fallbacks.

        Raises PromptTooLong when the prompt fits no deployment, UnknownModel when there is none,
        NoDeployment when none could be called even once.
        """
        now = self._clock()
        end = now + self._settings.deadline
        demand = Demand(request, self._settings.enable_pre_call_checks)
        courses = [self._course(model, demand)]
        while True:
            for course in courses:  # grows on the way: fallbacks come right after their model
                while (step := self._step(course, courses, demand, now, end, alone)) is not None:
                    failure = yield step
                    now = self._clock()
                    if isinstance(step, Try):
                        assert failure is not None, "a plan goes on only after a failure"
                        member = self._members[step.deployment.id]
                        course.failed(member, failure, self._retry)
                if not alone:
                    self._fall_back(course, courses, demand)
            pause = self._pause(courses, demand)
            if alone or self._clock() + pause > end:
                break
            yield Wait(pause)
            now = self._clock()
            for course in courses:
                course.asked = NOBODY
        if not any(course.members for course in courses):
            raise _too_long(courses, demand)
        if not any(course.tries for course in courses):
            raise _nobody(model, pause)

    def _step(
        self,
        course: Course,
        courses: list[Course],
        demand: Demand,
        now: float,
        end: float,
        alone: bool,
    ) -> Try | Wait | None:
        """What to do next with one model; None when none of its deployments may be asked now."""
        ready = course.ready(now, demand) if course.open else ()
        if now > end or not ready:
            return None
        if course.asked.isdisjoint(ready):
            one = len(ready) == 1
            member = ready[0] if one else self._choose(ready, now, self._random)
            return Try(course.lend(member, now, demand))
        if alone:
            return None
        assert course.failure is not None
        pause = self._retry.pause(course.failure, course.tries, self._random)
        if now + pause > end or self._others_are_sooner(course, courses):
            course.resume_at = now + pause
            return None
        course.asked = NOBODY
        return Wait(pause)

    def _others_are_sooner(self, course: Course, courses: list[Course]) -> bool:
        """At a rate limit, a model that was not asked yet is better than a wait."""
        return isinstance(course.failure, UpstreamRateLimited) and bool(
            self._unasked_fallbacks(course, courses)
        )

    def _fall_back(self, course: Course, courses: list[Course], demand: Demand) -> None:
        """Put the course's fallbacks right behind it, but none that is in the plan already."""
        after = courses.index(course) + 1
        unasked = self._unasked_fallbacks(course, courses)
        courses[after:after] = [self._course(model, demand) for model in unasked]

    def _unasked_fallbacks(self, course: Course, courses: list[Course]) -> list[str]:
        planned = {planned.served.name for planned in courses}
        unasked: list[str] = []
        for model in fallbacks(self._settings, course):
            served = self._catalogue.find(model)
            if served is not None and served.name not in planned:
                planned.add(served.name)
                unasked.append(model)
        return unasked

    def _pause(self, courses: list[Course], demand: Demand) -> float:
        """Seconds until the first deployment comes back; infinite when none will."""
        now = self._clock()
        first = min(course.pause(now, demand) for course in courses)
        return first + self._random.uniform(SHORTEST_WAIT, SPREAD)

    def _course(self, model: str, demand: Demand) -> Course:
        served = self._catalogue.find(model)
        if served is None:
            suggestion = nearest(model, self._catalogue.names)
            raise UnknownModel(
                f"The model {model!r} does not exist here.{suggestion}", param="model"
            )
        return Course(model, served, fitting(served, demand))

    # ── how it went ──────────────────────────────────────────────────────────────────────────

    def began(self, deployment: AnyDeployment) -> None:
        """A call is under way."""
        self._members[deployment.id].in_flight += 1

    def ended(
        self, deployment: AnyDeployment, attempt: Attempt, error: BaseException | None
    ) -> None:
        """Learn from an attempt that began: load, latency, tokens used, failures.

        ``error`` is None when it answered; an error that is no UpstreamError (the client went
        away) tells nothing about the deployment.
        """
        lease = deployment.lease if isinstance(deployment, Deployment) else None
        now = self._clock() if attempt.ended is None else attempt.ended
        self._members[deployment.id].ended(now, lease, attempt, error)


def _groups(deployments: Sequence[Deployment], settings: FleetSettings) -> list[Group]:
    """The deployments by their model, in the configuration's order."""
    by_model: dict[str, list[Deployment]] = {}
    for deployment in deployments:
        by_model.setdefault(deployment.model, []).append(deployment)
    rules = CooldownRules(
        settings.cooldown_time, settings.allowed_fails, settings.allowed_fails_policy
    )
    counts = settings.strategy in COUNTS_TOKENS
    return [
        build_group(
            model,
            [Member(d, rules, alone=len(peers) == 1, counts_tokens=counts) for d in peers],
        )
        for model, peers in by_model.items()
    ]


def _nobody(model: str, pause: float) -> NoDeployment:
    error = NoDeployment(
        f"Every deployment of {model!r} is cooling down or at its limit; "
        f"the first comes back in {pause:.0f} s."
    )
    error.retry_after = pause
    return error


def _too_long(courses: list[Course], demand: Demand) -> PromptTooLong:
    windows = (m.deployment.max_input_tokens for c in courses for m in c.served.group.members)
    limit = max(window for window in windows if window is not None)
    names = ", ".join(course.model for course in courses)
    return PromptTooLong(
        f"The prompt has about {demand.input.value:.0f} tokens; {names} takes at most {limit}.",
        param="messages",
    )
