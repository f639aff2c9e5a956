"""A call in the background: tried again where that helps, bounded, and paid for however it ends."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from stepdown.errors import (
    ContentRefused,
    StepdownError,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimedOut,
)
from stepdown.quality.shadow import calls
from stepdown.quality.shadow.calls import Caller, Told, bill
from stepdown.types import Attempt, Request, Usage
from support.fleets import Clock, deployment, fleet, stated
from support.scripted import SILENCE, Fleet, Upstream, Words
from support.shadows import Model, asked

D = Decimal
ANSWER = D("0.01") * (19 + 1)
"""What an answer of one word costs."""


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "PAUSES", (0.0, 0.0))


def ask(upstream: Upstream, timeout: float = 10.0) -> tuple[Told, Fleet]:
    models = Fleet(cheap=upstream)
    return asyncio.run(Caller(models, timeout).ask(asked(), "cheap")), models


def test_an_answer_with_what_it_cost() -> None:
    told, models = ask(Upstream("cheap", Words("Paris")))
    assert told.choice is not None
    assert (told.choice.text, told.choice.finish_reason) == ("Paris", "stop")
    assert (told.cost, told.spent, told.unknown, told.error) == (ANSWER, ANSWER, 0, "")
    assert told.usage == Usage(input=19, output=1)
    assert (models.begun, models.endings) == (1, [None])


def test_a_failure_that_may_pass_is_tried_again() -> None:
    failures = (UpstreamFailed("No."), UpstreamRateLimited("Slowly."))
    told, models = ask(Upstream("cheap", *failures, Words("Paris")))
    assert told.choice is not None
    assert (told.cost, told.spent) == (ANSWER, ANSWER)
    assert models.begun == 3


def test_no_other_model_stands_in() -> None:
    class Lone(Fleet):
        def attempts(self, request: Request, model: str, *, alone: bool = False) -> Any:
            assert alone
            return super().attempts(request, model)

    told = asyncio.run(Caller(Lone(cheap=Upstream("cheap")), 10.0).ask(asked(), "cheap"))
    assert told.choice is not None


def test_not_for_ever() -> None:
    told, models = ask(Upstream("cheap", *(UpstreamFailed("No.") for _ in range(4))))
    assert (told.choice, told.error) == (None, "upstream_failed: No.")
    assert (told.spent, told.unknown, models.begun) == (D(0), 0, 3)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (UpstreamRefused("Too\nhot."), "upstream_refused"),
        (ContentRefused("Too\nhot."), "content_policy_violation"),
        (stated(UpstreamRateLimited, retry_after=31.0), "upstream_rate_limited"),
    ],
)
def test_what_does_not_pass_is_not_tried_again(failure: StepdownError, code: str) -> None:
    told, models = ask(Upstream("cheap", failure, Words("Paris")))
    assert (told.choice, models.begun) == (None, 1)
    assert told.error == " ".join(f"{code}: {failure.message}".split())


def test_a_failures_message_is_kept_in_part() -> None:
    told, _ = ask(Upstream("cheap", UpstreamRefused("x" * 1000)))
    assert len(told.error) == calls.LONGEST_ERROR
    assert told.error.endswith("x…")


def test_an_answer_that_takes_too_long_is_given_up_and_may_be_paid_for() -> None:
    told, models = ask(Model("fine", SILENCE), timeout=0.02)
    assert (told.choice, told.error) == (None, "upstream_timeout: no answer within 0.02 s")
    assert (told.spent, told.unknown, told.most(D("0.7"))) == (D(0), 1, D("0.7"))
    assert models.endings == ["cancelled"]


def test_what_cannot_be_read_is_an_error_and_paid_for() -> None:
    told, models = ask(Model(b'{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":0}}'))
    assert (told.choice, told.error) == (None, "upstream_malformed: The reply has no choices.")
    assert told.spent == 3 * 5 * D("0.01")
    assert models.begun == 3


def test_a_model_that_nobody_serves_is_an_error() -> None:
    nobody = fleet(deployment("d", "other"), clock=Clock())
    told = asyncio.run(Caller(nobody, 1.0).ask(asked(), "cheap"))
    assert (told.choice, told.spent, told.unknown) == (None, D(0), 0)
    assert told.error.startswith("model_not_found: ")


def test_whoever_is_cancelled_gives_its_call_back() -> None:
    silent = Model("fine", SILENCE)
    fleet_of_one = Fleet(cheap=silent)

    async def leave() -> None:
        task = asyncio.ensure_future(Caller(fleet_of_one, 10.0).ask(asked(), "cheap"))
        await silent.was_asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    assert fleet_of_one.endings == ["cancelled"]


def test_a_bill_tells_known_costs_from_unknown_ones() -> None:
    usage = Usage(input=1, output=1)
    attempts = [
        Attempt("m", "d", 0.0, usage=usage, cost=D(1)),
        Attempt("m", "d", 0.0, usage=usage, cost=D(2)),
        Attempt("m", "d", 0.0, usage=usage, cost=D(4), estimated=True),
        Attempt("m", "d", 0.0, usage=usage, cost=None),
        Attempt("m", "d", 0.0, error=UpstreamTimedOut.code),
        Attempt("m", "d", 0.0, error=UpstreamFailed.code),
    ]
    assert bill(attempts) == (D(3), 3)
    assert bill([]) == (D(0), 0)
