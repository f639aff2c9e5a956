"""What holds for every fleet and every history of answers, failures and departures."""

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stepdown.errors import (
    ContentRefused,
    ContextWindowExceeded,
    NoDeployment,
    UpstreamDenied,
    UpstreamError,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from stepdown.providers.deployment import Deployment
from stepdown.providers.fleet import Fleet
from stepdown.providers.strategies import STRATEGIES
from stepdown.types import Try, Usage, Wait
from support.fleets import Clock, Play, deployment, fleet, stated

MODELS = ("m", "n", "o")
NAMES = [f"{model}{index}" for model in MODELS for index in range(3)]

deployments = st.lists(
    st.builds(
        lambda name, **settings: deployment(name, name[0], **settings),
        st.sampled_from(NAMES),
        rpm=st.none() | st.integers(1, 5),
        tpm=st.none() | st.integers(50, 2000),
        order=st.none() | st.integers(1, 2),
        weight=st.none() | st.floats(0, 5),
        max_retries=st.none() | st.integers(0, 3),
        cooldown_time=st.none() | st.floats(0, 20),
    ),
    min_size=3,
    max_size=9,
    unique_by=lambda made: made.id,
).filter(lambda made: {d.model for d in made} == set(MODELS))

kinds = st.sampled_from(
    [
        ContentRefused,
        ContextWindowExceeded,
        UpstreamDenied,
        UpstreamFailed,
        UpstreamMalformed,
        UpstreamRateLimited,
        UpstreamRefused,
        UpstreamTimedOut,
        UpstreamUnreachable,
    ]
)
errors = st.builds(
    lambda kind, after, code: stated(kind, retry_after=after, upstream_status=code),
    kinds,
    st.none() | st.floats(0, 40),
    st.sampled_from([None, 402, 404, 500, 503]),
)
lists = st.dictionaries(
    st.sampled_from([*MODELS, "*"]), st.lists(st.sampled_from(MODELS), max_size=3), max_size=3
)
fleet_settings = st.fixed_dictionaries(
    {
        "strategy": st.sampled_from(sorted(STRATEGIES)),
        "num_retries": st.integers(0, 4),
        "deadline": st.floats(0.1, 90),
        "retry_after": st.sampled_from([0.0, 0.5]),
        "allowed_fails": st.none() | st.integers(0, 3),
        "fallbacks": lists,
        "context_window_fallbacks": lists,
        "content_policy_fallbacks": lists,
        "default_fallbacks": st.lists(st.sampled_from(MODELS), max_size=2),
        "seed": st.integers(0, 1000),
    }
)
CALM: dict[str, Any] = {"max_examples": 60, "deadline": None}


class Watch:
    """Checks every call against what the fleet promises."""

    def __init__(self, made: Fleet, deployments: list[Deployment], clock: Clock) -> None:
        self.fleet = made
        self.clock = clock
        self.limits = {d.id: d.rpm for d in deployments}
        self.calls: dict[str, list[float]] = {d.id: [] for d in deployments}
        self.in_flight: Counter[str] = Counter()
        self.probes: set[str] = set()

    def before(self) -> dict[str, Any]:
        return {str(told["id"]): told for told in self.fleet.status()}

    def called(self, called: Deployment, before: dict[str, Any]) -> None:
        told = before[called.id]
        assert told["cooling_for"] == 0.0, "called while it cools down"
        probe = called.lease is not None and called.lease.probe
        assert probe == (not told["healthy"])
        if probe:
            assert called.id not in self.probes, "two probes at a time"
            self.probes.add(called.id)
        self.in_flight[called.id] += 1
        self.calls[called.id].append(self.clock())
        limit = self.limits[called.id]
        if limit is not None:
            recent = [at for at in self.calls[called.id] if at > self.clock() - 60.0]
            assert len(recent) <= limit, "more requests in a minute than allowed"

    def ended(self, called: Deployment) -> None:
        self.in_flight[called.id] -= 1
        if called.lease is not None and called.lease.probe:
            self.probes.discard(called.id)
        told = self.before()
        assert {name: told[name]["in_flight"] for name in told} == {
            name: self.in_flight[name] for name in told
        }


@settings(**CALM)
@given(deployments, fleet_settings, st.data())
def test_plans_keep_the_fleets_promises(
    made: list[Deployment], chosen: dict[str, Any], data: st.DataObject
) -> None:
    """Several requests at once, each at another point of its plan."""
    clock = Clock()
    built = fleet(*made, clock=clock, **chosen)
    watch = Watch(built, made, clock)
    plays = [Play(built, clock, data.draw(st.sampled_from(MODELS))) for _ in range(4)]
    for _ in range(25):
        play = data.draw(st.sampled_from(plays))
        if play.deployment is None:
            before = watch.before()
            try:
                step = play.next()
            except NoDeployment:
                step = None
            if isinstance(step, Try):
                watch.called(step.deployment, before)
                continue
            if isinstance(step, Wait):
                assert step.seconds > 0.0
                continue
            ended = True
        else:
            called = play.deployment
            outcome: UpstreamError | str = data.draw(errors | st.sampled_from(["answer", "leave"]))
            clock.pass_(data.draw(st.sampled_from([0.0, 0.1, 3.0, 30.0])))
            if isinstance(outcome, UpstreamError):
                play.fails(outcome)
            elif outcome == "answer":
                play.answers(Usage(input=20, output=data.draw(st.integers(0, 500))))
            else:
                play.is_cancelled()
            ended = not isinstance(outcome, UpstreamError)
            watch.ended(called)
        if ended:
            plays[plays.index(play)] = Play(built, clock, data.draw(st.sampled_from(MODELS)))
    assert all(count >= 0 for count in watch.in_flight.values())


@settings(**CALM)
@given(deployments, fleet_settings, st.lists(errors, min_size=1, max_size=8))
def test_every_plan_ends_within_its_deadline(
    made: list[Deployment], chosen: dict[str, Any], failures: list[UpstreamError]
) -> None:
    """However everything fails, at once or slowly."""
    clock = Clock()
    built = fleet(*made, clock=clock, **chosen)
    for _ in range(3):
        play = Play(built, clock)
        tries = 0
        while True:
            try:
                step = play.next()
            except NoDeployment:
                step = None
            if step is None:
                break
            if isinstance(step, Try):
                play.fails(failures[tries % len(failures)])
                tries += 1
            assert play.waited <= chosen["deadline"]
        most = max([chosen["num_retries"], *(d.max_retries or 0 for d in made)])
        assert tries <= len(MODELS) * (most + 1)
