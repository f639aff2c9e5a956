"""Which failures cool a deployment down, for how long, by LiteLLM's rules and by the user's."""

import pytest

from stepdown.errors import (
    ContentRefused,
    UpstreamDenied,
    UpstreamError,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimedOut,
)
from stepdown.providers.cooldown import LONE_MINIMUM, LONGEST, Circuit, CooldownRules, Minute
from support.fleets import stated

RULES = CooldownRules()


def counted(*errors: UpstreamError, successes: int = 0) -> Minute:
    minute = Minute()
    for _ in range(successes):
        minute.succeeded(0.0)
    for error in errors:
        minute.failed(0.0, error)
    return minute


@pytest.mark.parametrize("kind", [UpstreamRateLimited, UpstreamDenied])
def test_some_failures_cool_down_at_once_where_others_serve(kind: type[UpstreamError]) -> None:
    error = kind("no")
    minute = counted(error, successes=99)
    assert RULES.too_many(error, minute, alone=False)
    assert not RULES.too_many(error, minute, alone=True)


def test_a_missing_model_is_the_deployments_own_fault() -> None:
    error = stated(UpstreamRefused, upstream_status=404)
    assert RULES.too_many(error, counted(error), alone=False)


@pytest.mark.parametrize(
    ("failures", "successes", "cools"), [(4, 0, False), (5, 0, True), (5, 5, False), (6, 5, True)]
)
def test_more_than_half_of_five_requests_a_minute(
    failures: int, successes: int, cools: bool
) -> None:
    error = UpstreamFailed("no")
    minute = counted(*[error] * failures, successes=successes)
    assert RULES.too_many(error, minute, alone=False) is cools


def test_a_lone_deployment_must_fail_a_thousand_times_without_a_success() -> None:
    error = UpstreamFailed("no")
    failures = [error] * LONE_MINIMUM
    assert RULES.too_many(error, counted(*failures), alone=True)
    assert not RULES.too_many(error, counted(*failures[1:]), alone=True)
    assert not RULES.too_many(error, counted(*failures, successes=1), alone=True)


def test_allowed_fails_counts_all_kinds_for_lone_deployments_too() -> None:
    rules = CooldownRules(allowed_fails=1)
    slow, broken = UpstreamTimedOut("slow"), UpstreamFailed("no")
    assert not rules.too_many(slow, counted(slow), alone=True)
    assert rules.too_many(broken, counted(slow, broken), alone=True)


def test_a_policy_counts_each_kind_for_itself() -> None:
    rules = CooldownRules(
        allowed_fails=0,
        allowed_fails_policy={
            "TimeoutErrorAllowedFails": 2,
            "InternalServerErrorAllowedFails": 1,
            "ServiceUnavailableErrorAllowedFails": 0,
        },
    )
    slow, broken = UpstreamTimedOut("slow"), UpstreamFailed("no")
    unavailable = stated(UpstreamFailed, upstream_status=503)
    assert not rules.too_many(slow, counted(slow, slow, broken), alone=False)
    assert rules.too_many(slow, counted(slow, slow, slow), alone=False)
    assert not rules.too_many(broken, counted(broken), alone=False)
    assert rules.too_many(unavailable, counted(unavailable), alone=False)
    limited = UpstreamRateLimited("not in the policy")
    assert rules.too_many(limited, counted(limited), alone=False)


def test_a_new_minute_begins_without_failures() -> None:
    minute = Minute()
    minute.failed(59.0, ContentRefused("no"))
    minute.succeeded(60.0)
    assert (minute.failures, minute.successes, minute.by_name) == (0, 1, {})


def test_the_length_is_the_deployments_the_fleets_or_what_the_upstream_asks_for() -> None:
    plain, asking = UpstreamFailed("no"), stated(UpstreamRateLimited, retry_after=30.0)
    assert RULES.length(plain, None) == 5.0
    assert RULES.length(plain, 9.0) == 9.0
    assert RULES.length(asking, None) == 30.0
    assert RULES.length(asking, 60.0) == 60.0
    assert RULES.length(stated(UpstreamRateLimited, retry_after=1e9), None) == LONGEST
    assert RULES.length(asking, 0.0) == 0.0


def test_a_circuit_opens_half_opens_and_closes() -> None:
    circuit = Circuit()
    assert circuit.pause(10.0) == 0.0
    circuit.open(10.0, 5.0)
    circuit.open(11.0, 1.0)  # a shorter cooldown does not cut the longer one
    assert circuit.pause(12.0) == 3.0
    assert circuit.pause(15.0) == 0.0
    circuit.probing = True
    assert circuit.pause(15.0) > 0.0
    circuit.close()
    assert circuit.pause(15.0) == 0.0


def test_a_cooldown_of_no_time_is_none() -> None:
    circuit = Circuit()
    circuit.open(10.0, 0.0)
    assert circuit.until == 0.0
