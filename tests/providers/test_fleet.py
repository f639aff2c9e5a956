"""Plans played step by step: retries, cooldowns, fallbacks, waits, limits. No event loop."""

import pytest

from stepdown.errors import (
    ConfigError,
    ContentRefused,
    ContextWindowExceeded,
    NoDeployment,
    PromptTooLong,
    UnknownModel,
    UpstreamDenied,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from stepdown.providers.fleet import Fleet
from stepdown.providers.settings import FleetSettings
from stepdown.routing.tokens import estimate
from stepdown.types import Timeouts, Usage
from support.fleets import Clock, Play, deployment, fleet, request, stated, status

FAILED = UpstreamFailed("broken")
LONG = "word " * 4000


@pytest.fixture
def clock() -> Clock:
    return Clock()


# ── retries ──────────────────────────────────────────────────────────────────────────────────


def test_one_healthy_deployment_is_called_at_once(clock: Clock) -> None:
    play = Play(fleet(deployment("a"), clock=clock), clock)
    assert play.tries() == "a"
    play.answers()


def test_another_deployment_is_asked_without_a_wait(clock: Clock) -> None:
    play = Play(fleet(deployment("a"), deployment("b"), clock=clock), clock)
    first = play.tries()
    play.fails(FAILED)
    assert {first, play.tries()} == {"a", "b"}


def test_the_same_deployment_is_asked_again_after_a_backoff(clock: Clock) -> None:
    play = Play(fleet(deployment("a"), clock=clock, num_retries=3), clock)
    for longest in (0.5, 1.0, 2.0):
        assert play.tries() == "a"
        play.fails(FAILED)
        assert 0.0 <= play.waits() <= longest
    assert play.tries() == "a"
    play.fails(FAILED)
    assert play.is_over()


def test_the_backoff_is_spread_over_the_whole_range(clock: Clock) -> None:
    waits = []
    for seed in range(200):
        play = Play(fleet(deployment("a"), clock=clock, seed=seed), clock)
        play.tries()
        waits.append(play.fails(FAILED).waits())
    assert min(waits) < 0.05
    assert max(waits) > 0.45
    assert 0.2 < sum(waits) / len(waits) < 0.3


def test_retry_after_is_the_least_wait(clock: Clock) -> None:
    play = Play(fleet(deployment("a"), clock=clock), clock)
    play.tries()
    play.fails(stated(UpstreamRateLimited, retry_after=7.0))
    assert 7.0 <= play.waits() <= 7.5


def test_the_setting_retry_after_is_a_least_wait_as_well(clock: Clock) -> None:
    play = Play(fleet(deployment("a"), clock=clock, retry_after=3.0), clock)
    play.tries()
    assert 3.0 <= play.fails(FAILED).waits() <= 3.5


def test_a_wait_beyond_the_deadline_is_not_begun(clock: Clock) -> None:
    play = Play(fleet(deployment("a"), clock=clock, deadline=5.0), clock)
    play.tries()
    play.fails(stated(UpstreamRateLimited, retry_after=6.0))
    assert play.is_over()


def test_no_try_begins_after_the_deadline(clock: Clock) -> None:
    play = Play(fleet(deployment("a"), deployment("b"), clock=clock, deadline=5.0), clock)
    play.tries()
    play.fails(UpstreamTimedOut("slow"), after=6.0)
    assert play.is_over()


def test_a_refusal_is_final(clock: Clock) -> None:
    play = Play(fleet(deployment("a"), deployment("b"), clock=clock), clock)
    play.tries()
    play.fails(UpstreamRefused("bad field"))
    assert play.is_over()


def test_the_retry_policy_overrules_by_kind(clock: Clock) -> None:
    policy = {"TimeoutErrorRetries": 0, "BadRequestErrorRetries": 1}
    made = fleet(deployment("a"), deployment("b"), clock=clock, retry_policy=policy)
    play = Play(made, clock)
    play.tries()
    assert play.fails(UpstreamTimedOut("slow")).is_over()
    play = Play(made, clock)
    play.tries()
    play.fails(UpstreamRefused("bad field")).tries()
    assert play.fails(UpstreamRefused("bad field")).is_over()


def test_a_deployment_has_its_own_number_of_retries(clock: Clock) -> None:
    play = Play(fleet(deployment("a", max_retries=0), clock=clock), clock)
    play.tries()
    assert play.fails(FAILED).is_over()


def test_lower_order_is_asked_first_and_the_next_one_when_it_failed(clock: Clock) -> None:
    made = fleet(
        deployment("none"), deployment("two", order=2), deployment("one", order=1), clock=clock
    )
    play = Play(made, clock)
    assert play.tries() == "one"
    assert play.fails(FAILED).tries() == "two"
    assert play.fails(FAILED).tries() == "none"


# ── cooldown ─────────────────────────────────────────────────────────────────────────────────


def test_a_rate_limited_deployment_is_left_alone_while_another_serves(clock: Clock) -> None:
    made = fleet(deployment("a", order=1), deployment("b", order=2), clock=clock)
    play = Play(made, clock)
    assert play.tries() == "a"
    assert play.fails(stated(UpstreamRateLimited, retry_after=20.0)).tries() == "b"
    play.answers()
    assert status(made, "a")["cooling_for"] == 20.0
    for _ in range(5):
        later = Play(made, clock)
        assert later.tries() == "b"
        later.answers()


def test_one_probe_at_a_time_finds_out_whether_a_deployment_is_back(clock: Clock) -> None:
    made = fleet(deployment("a", order=1), deployment("b", order=2), clock=clock)
    play = Play(made, clock)
    play.tries()
    play.fails(UpstreamRateLimited("slow down")).tries()
    play.answers()
    clock.pass_(5.0)
    probe, beside = Play(made, clock), Play(made, clock)
    assert probe.tries() == "a"
    assert beside.tries() == "b"
    probe.answers()
    assert status(made, "a")["healthy"]
    assert Play(made, clock).tries() == "a"


def test_a_failed_probe_cools_down_again(clock: Clock) -> None:
    made = fleet(deployment("a", order=1), deployment("b", order=2), clock=clock)
    play = Play(made, clock)
    play.tries()
    play.fails(UpstreamRateLimited("slow down")).tries()
    play.answers()
    clock.pass_(5.0)
    probe = Play(made, clock)
    assert probe.tries() == "a"
    assert probe.fails(FAILED).tries() == "b"
    assert status(made, "a")["cooling_for"] == 5.0


def test_a_probe_whose_client_left_lets_the_next_one_probe(clock: Clock) -> None:
    made = fleet(deployment("a", order=1), deployment("b", order=2), clock=clock)
    play = Play(made, clock)
    play.tries()
    play.fails(UpstreamRateLimited("slow down")).tries()
    clock.pass_(5.0)
    probe = Play(made, clock)
    assert probe.tries() == "a"
    probe.is_cancelled()
    assert Play(made, clock).tries() == "a"


def test_a_bad_key_cools_the_deployment_down_and_another_answers(clock: Clock) -> None:
    made = fleet(deployment("a", order=1), deployment("b", order=2), clock=clock)
    play = Play(made, clock)
    play.tries()
    assert play.fails(UpstreamDenied("bad key")).tries() == "b"
    assert not status(made, "a")["healthy"]


def test_a_lone_deployment_with_a_bad_key_fails_at_once_every_time(clock: Clock) -> None:
    made = fleet(deployment("a"), clock=clock)
    for _ in range(3):
        play = Play(made, clock)
        assert play.tries() == "a"
        assert play.fails(UpstreamDenied("bad key")).is_over()
        assert play.waited == 0.0


def test_a_model_unknown_upstream_is_another_deployments_chance(clock: Clock) -> None:
    made = fleet(deployment("a", order=1), deployment("b", order=2), clock=clock)
    play = Play(made, clock)
    play.tries()
    assert play.fails(stated(UpstreamRefused, upstream_status=404)).tries() == "b"


def test_when_all_cool_down_the_plan_waits_for_the_first_to_come_back(clock: Clock) -> None:
    made = fleet(deployment("a", order=1), deployment("b", order=2), clock=clock, num_retries=1)
    play = Play(made, clock)
    play.tries()
    play.fails(stated(UpstreamRateLimited, retry_after=30.0)).tries()
    play.fails(stated(UpstreamRateLimited, retry_after=9.0))
    assert play.is_over()
    waiting = Play(made, clock)
    assert 9.0 <= waiting.waits() <= 9.1
    assert waiting.tries() == "b"


def test_when_nobody_comes_back_in_time_the_plan_ends_at_once(clock: Clock) -> None:
    made = fleet(deployment("a"), deployment("b"), clock=clock, num_retries=1)
    play = Play(made, clock)
    play.tries()
    play.fails(stated(UpstreamRateLimited, retry_after=100.0)).tries()
    play.fails(stated(UpstreamRateLimited, retry_after=100.0))
    assert play.is_over()
    late = Play(made, clock)
    with pytest.raises(NoDeployment, match="the first comes back in 100 s") as caught:
        late.next()
    assert caught.value.retry_after == pytest.approx(100.0, abs=0.1)


def test_whoever_waits_for_a_probe_is_served_when_it_succeeds(clock: Clock) -> None:
    made = fleet(deployment("a"), clock=clock, allowed_fails=0, num_retries=0)
    play = Play(made, clock)
    play.tries()
    assert play.fails(FAILED).is_over()
    clock.pass_(5.0)
    probe, waiting = Play(made, clock), Play(made, clock)
    probe.tries()
    assert waiting.waits() < 0.2
    assert waiting.waits() < 0.2
    probe.answers()
    assert waiting.tries() == "a"


# ── fallbacks ────────────────────────────────────────────────────────────────────────────────


def test_fallbacks_follow_when_the_retries_are_used_up(clock: Clock) -> None:
    made = fleet(
        deployment("a"),
        deployment("b", "other"),
        deployment("c", "last"),
        clock=clock,
        num_retries=1,
        fallbacks={"m": ["other"]},
        default_fallbacks=["last"],
    )
    play = Play(made, clock)
    for name in ("a", "b", "c"):
        assert play.tries() == name
        play.fails(FAILED).waits()
        assert play.tries() == name
        play.fails(FAILED)
    assert play.is_over()


def test_fallbacks_never_go_in_circles(clock: Clock) -> None:
    made = fleet(
        deployment("a"),
        deployment("b", "other"),
        clock=clock,
        num_retries=0,
        fallbacks={"m": ["other"], "other": ["m", "other"]},
        default_fallbacks=["m"],
    )
    play = Play(made, clock)
    assert play.tries() == "a"
    assert play.fails(FAILED).tries() == "b"
    assert play.fails(FAILED).is_over()


@pytest.mark.parametrize(
    ("error", "answering"),
    [
        (ContextWindowExceeded("too long"), "large"),
        (ContentRefused("not that"), "bold"),
        (FAILED, "plain"),
        (UpstreamRefused("unsupported"), "plain"),
    ],
)
def test_each_kind_of_failure_has_its_fallbacks(
    clock: Clock, error: UpstreamFailed, answering: str
) -> None:
    made = fleet(
        deployment("a"),
        *(deployment(name, name) for name in ("large", "bold", "plain")),
        clock=clock,
        num_retries=0,
        fallbacks={"m": ["plain"]},
        context_window_fallbacks={"m": ["large"]},
        content_policy_fallbacks={"m": ["bold"]},
    )
    play = Play(made, clock)
    play.tries()
    assert play.fails(error).tries() == answering


def test_a_rate_limited_lone_model_falls_back_rather_than_waits(clock: Clock) -> None:
    made = fleet(deployment("a"), deployment("b", "other"), clock=clock, fallbacks={"*": ["other"]})
    play = Play(made, clock)
    play.tries()
    assert play.fails(stated(UpstreamRateLimited, retry_after=4.0)).tries() == "b"
    play.fails(UpstreamRefused("no"))
    assert 3.5 <= play.waits() <= 4.6  # then the first model's turn comes, not before its time
    assert play.tries() == "a"


def test_a_cooling_model_falls_back_without_a_wait(clock: Clock) -> None:
    made = fleet(
        deployment("a"),
        deployment("b", "other"),
        clock=clock,
        allowed_fails=0,
        num_retries=0,
        fallbacks={"m": ["other"]},
    )
    play = Play(made, clock)
    play.tries()
    assert play.fails(FAILED).tries() == "b"
    play.answers()
    assert Play(made, clock).tries() == "b"


# ── the context window ───────────────────────────────────────────────────────────────────────


def test_deployments_too_small_for_the_prompt_are_skipped(clock: Clock) -> None:
    made = fleet(
        deployment("small", max_input_tokens=1000, order=1),
        deployment("large", max_input_tokens=100_000, order=2),
        clock=clock,
    )
    assert Play(made, clock).tries() == "small"
    assert Play(made, clock, text=LONG).tries() == "large"


def test_a_prompt_too_long_for_the_model_goes_to_its_context_window_fallback(clock: Clock) -> None:
    made = fleet(
        deployment("small", max_input_tokens=1000),
        deployment("large", "big", max_input_tokens=100_000),
        clock=clock,
        context_window_fallbacks={"m": ["big"]},
    )
    assert Play(made, clock, text=LONG).tries() == "large"


def test_a_prompt_too_long_for_every_model_is_refused_before_any_call(clock: Clock) -> None:
    made = fleet(
        deployment("small", max_input_tokens=1000),
        deployment("large", "big", max_input_tokens=2000),
        clock=clock,
        context_window_fallbacks={"m": ["big"]},
    )
    with pytest.raises(
        PromptTooLong, match=r"about \d{4} tokens; m, big .* at most 2000"
    ) as caught:
        Play(made, clock, text=LONG).next()
    assert caught.value.status == 400


def test_strict_checks_also_skip_what_is_only_probably_too_long(clock: Clock) -> None:
    window = int(estimate(request(LONG).prompt).value) - 1
    made = [
        fleet(
            deployment("a", max_input_tokens=window),
            clock=clock,
            enable_pre_call_checks=strict,
        )
        for strict in (False, True)
    ]
    assert Play(made[0], clock, text=LONG).tries() == "a"
    with pytest.raises(PromptTooLong):
        Play(made[1], clock, text=LONG).next()


# ── limits ───────────────────────────────────────────────────────────────────────────────────


def test_requests_beyond_rpm_go_elsewhere_then_wait(clock: Clock) -> None:
    made = fleet(
        deployment("a", rpm=2, order=1), deployment("b", rpm=1, order=2), clock=clock, deadline=90.0
    )
    assert [Play(made, clock).tries() for _ in range(3)] == ["a", "a", "b"]
    late = Play(made, clock)
    assert 60.0 <= late.waits() <= 61.1
    assert late.tries() == "a"


def test_tokens_are_set_aside_before_the_call_and_corrected_after(clock: Clock) -> None:
    made = fleet(deployment("a", tpm=1000), clock=clock, deadline=1.0)
    first = Play(made, clock, max_tokens=900)
    first.tries()
    with pytest.raises(NoDeployment):
        Play(made, clock, max_tokens=900).next()
    first.answers(Usage(input=20, output=30))
    assert status(made, "a")["tokens_this_minute"] == 50
    assert Play(made, clock, max_tokens=900).tries() == "a"


# ── names ────────────────────────────────────────────────────────────────────────────────────


def test_aliases_and_patterns_are_served(clock: Clock) -> None:
    made = fleet(
        deployment("a", "openai/*", upstream_model="*"),
        deployment("b", "openai/gpt-*", upstream_model="azure-*"),
        deployment("c", "plain"),
        clock=clock,
        aliases={"nick": "plain"},
    )
    assert Play(made, clock, "nick").tries() == "c"
    play = Play(made, clock, "openai/o3")
    assert play.tries() == "a"
    assert play.deployment is not None
    assert (play.deployment.model, play.deployment.upstream_model) == ("openai/o3", "o3")
    play = Play(made, clock, "openai/gpt-4o")
    assert play.tries() == "b"
    assert play.deployment is not None
    assert play.deployment.upstream_model == "azure-4o"
    play.answers()
    assert status(made, "b")["in_flight"] == 0
    assert made.serves("nick")
    assert not made.serves("gemini/pro")
    assert made.models() == ["openai/*", "openai/gpt-*", "plain", "nick"]


def test_an_unknown_model_is_named_with_its_nearest(clock: Clock) -> None:
    made = fleet(deployment("a", "gpt-4o"), clock=clock)
    with pytest.raises(UnknownModel, match="Did you mean 'gpt-4o'"):
        Play(made, clock, "gpt-4").next()


def test_streams_get_their_own_timeouts(clock: Clock) -> None:
    slow = Timeouts(first_byte=3.0)
    made = fleet(deployment("a", stream_timeouts=slow), clock=clock)
    for stream, seconds in ((True, 3.0), (False, 600.0)):
        step = made.attempts(request(stream=stream), "m").send(None)
        assert step.deployment.timeouts.first_byte == seconds  # type: ignore[union-attr]


def test_settings_that_name_no_model_are_an_error(clock: Clock) -> None:
    with pytest.raises(ConfigError) as caught:
        fleet(
            deployment("a", "gpt-4o"),
            deployment("a", "gpt-4o"),
            clock=clock,
            strategy="least-bussy",
            fallbacks={"gpt-4o": ["gpt-4"]},
        )
    strategy, fallback, twice = caught.value.problems
    assert "Did you mean 'least-busy'" in strategy
    assert fallback.startswith("fallbacks.gpt-4o[0]: expected a model")
    assert "Did you mean 'gpt-4o'" in fallback
    assert "each id once, got a again" in twice


def test_load_and_failures_are_told(clock: Clock) -> None:
    made = fleet(deployment("a"), clock=clock)
    play = Play(made, clock)
    play.tries()
    assert status(made, "a")["in_flight"] == 1
    play.fails(UpstreamUnreachable("gone"))
    told = status(made, "a")
    assert (told["in_flight"], told["failures"], told["healthy"]) == (0, 1, True)


def test_the_reference_price_of_several_deployments_is_the_cheapest_known() -> None:
    from decimal import Decimal

    from stepdown.pricing.price import TokenPrice

    dear, cheap = (TokenPrice(Decimal(rate), Decimal(rate)) for rate in ("0.2", "0.1"))
    made = Fleet(
        [
            deployment("a", price=dear),
            deployment("b", price=cheap),
            deployment("c"),
            deployment("d", "free"),
            deployment("e", "x/*", upstream_model="*", price_of={"y": dear}.get),
        ],
        FleetSettings(),
    )
    assert made.price("m") is cheap
    assert made.price("free") is None
    assert made.price("nobody") is None
    assert made.price("x/y") is dear


def test_nobody_is_asked_before_its_time_because_another_came_back_sooner(clock: Clock) -> None:
    made = fleet(
        deployment("a"),
        deployment("b", "other"),
        deployment("c", "other"),
        clock=clock,
        num_retries=2,
        fallbacks={"m": ["other"]},
    )
    play = Play(made, clock)
    play.tries()
    play.fails(stated(UpstreamRateLimited, retry_after=30.0))
    for _ in range(2):
        play.tries()
        play.fails(UpstreamRateLimited("slow down"))
    assert play.waits() < 6.0
    assert play.tries() in "bc"
    play.fails(FAILED)
    assert play.waits() > 20.0
    assert play.tries() == "a"
