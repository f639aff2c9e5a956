"""What a deployment in use learns from its calls, and what it sets aside for them."""

import asyncio
from typing import Any

import pytest

from stepdown.errors import UpstreamError, UpstreamFailed, UpstreamRateLimited, UpstreamRefused
from stepdown.providers.cooldown import CooldownRules
from stepdown.providers.demand import Demand
from stepdown.providers.deployment import Lease
from stepdown.providers.member import Member
from stepdown.types import Attempt, Usage
from support.fleets import deployment, request, stated


def member(alone: bool = False, **settings: Any) -> Member:
    made = deployment("a", **settings)
    return Member(made, CooldownRules(), alone=alone, counts_tokens=False)


def demand(text: str = "hello", **fields: Any) -> Demand:
    return Demand(request(text, **fields), strict=False)


def end(
    made: Member,
    now: float,
    error: BaseException | None = None,
    lease: Lease | None = None,
    usage: Usage | None = None,
) -> None:
    made.in_flight += 1
    made.ended(now, lease, Attempt("m", "a", now - 1.0, ended=now, usage=usage), error)


def test_a_request_above_the_token_limit_takes_all_of_it() -> None:
    made = member(tpm=100)
    asked = demand(max_tokens=5000)
    assert made.pause(0.0, asked) == 0.0
    lease = made.lend(0.0, asked).lease
    assert lease is not None
    assert lease.tokens == 100
    assert made.pause(1.0, demand(max_tokens=1)) > 0.0
    end(made, 2.0, lease=lease, usage=Usage(input=10, output=20))
    assert made.tokens is not None
    assert made.tokens.used(2.0) == 30


def test_a_failed_call_gives_its_tokens_back() -> None:
    made = member(tpm=100)
    lease = made.lend(0.0, demand(max_tokens=50)).lease
    end(made, 1.0, UpstreamFailed("no"), lease=lease)
    assert made.tokens is not None
    assert made.tokens.used(1.0) == 0


def test_failures_of_calls_begun_before_a_cooldown_do_not_prolong_it() -> None:
    made = member()
    for now in (10.0, 13.0):
        end(made, now, UpstreamRateLimited("slow down"))
    assert made.circuit.until == 15.0
    end(made, 14.0, stated(UpstreamRateLimited, retry_after=30.0))
    assert made.circuit.until == 44.0, "but what the upstream states counts"


def test_a_success_of_a_call_begun_before_a_cooldown_does_not_end_it() -> None:
    made = member()
    end(made, 10.0, UpstreamRateLimited("slow down"))
    end(made, 11.0)
    assert made.pause(12.0, demand()) == 3.0


@pytest.mark.parametrize(("error", "back"), [(None, True), (UpstreamRefused("bad field"), True)])
def test_a_probe_that_shows_the_endpoint_well_ends_the_cooldown(
    error: UpstreamError | None, back: bool
) -> None:
    made = member()
    end(made, 10.0, UpstreamRateLimited("slow down"))
    lease = made.lend(15.0, demand()).lease
    assert lease == Lease(probe=True)
    end(made, 16.0, error, lease=lease)
    assert (made.circuit.until == 0.0) is back


def test_a_departed_client_tells_nothing() -> None:
    made = member()
    end(made, 10.0, asyncio.CancelledError())
    assert (made.failures, made.minute.failures, made.minute.successes) == (0, 0, 0)


def test_latency_is_for_each_output_token_and_moves_with_what_is_measured() -> None:
    made = member()
    end(made, 10.0, usage=Usage(input=1, output=100))
    assert made.latency == pytest.approx(0.01)
    end(made, 20.0, usage=Usage(input=1, output=50))
    assert made.latency == pytest.approx(0.01 + 0.2 * 0.01)


def test_the_expected_output_follows_what_was_seen() -> None:
    made = member()
    for _ in range(60):
        end(made, 1.0, usage=Usage(input=1, output=10))
    assert made.output == pytest.approx(10.0, abs=0.1)
