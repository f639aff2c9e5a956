"""One call: its answer, its failure, who served it, and its bill."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from msgspec import json, structs

from stepdown.errors import (
    NoDeployment,
    UnknownModel,
    UpstreamDenied,
    UpstreamError,
    UpstreamFailed,
    UpstreamRefused,
    UpstreamTimedOut,
)
from stepdown.evals.calls import LONGEST_ERROR, Call
from stepdown.requests import request_of
from stepdown.types import Choice, Request, Usage
from support.fleets import stated
from support.scripted import Fleet, Reply, Upstream, Words

D = Decimal


def asked() -> Request:
    return request_of(
        {
            "model": "auto",
            "messages": [{"role": "user", "content": "Hello?"}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "new": [1.5],
        },
        id="row-1",
    )


def made(*answers: Words | Reply | BaseException, model: str = "cheap") -> tuple[Call, Upstream]:
    upstream = Upstream("cheap", *answers)
    call = Call(model, asked())
    asyncio.run(call.make(Fleet(cheap=upstream)))
    return call, upstream


def test_the_request_is_put_to_the_model_whole() -> None:
    call, upstream = made(Words("fine day"))
    assert call.choices == (Choice("fineday", finish_reason="stop"),)
    messages = [{"role": "user", "content": "Hello?"}]
    assert upstream.asked == [{"model": "x", "messages": messages, "new": [1.5]}]
    assert call.journey is not None
    assert call.journey.request.id != "row-1"
    assert (call.error, call.served_by, call.is_final) == (None, "cheap", True)
    assert call.usage == Usage(input=19, output=2)
    assert call.bill().cost == D("0.21")


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (b'{"choices":[]}', "upstream_malformed: The upstream's reply has no choices."),
        (b'{"choices":[{"message":{"content":7}}]}', "upstream_malformed: "),
        (b"<html>", "upstream_malformed: "),
        (b'{"error":{"message":"Out of order."}}', "upstream_failed: Out of order."),
    ],
    ids=["none", "nonsense", "html", "error"],
)
def test_a_reply_without_an_answer_is_a_failure(reply: bytes, says: str) -> None:
    call, _ = made(Reply(reply))
    assert call.error is not None
    assert call.error.startswith(says)
    assert (call.choices, call.usage, call.is_final) == ((), None, True)


@pytest.mark.parametrize(
    ("failure", "final"),
    [
        (UpstreamFailed("No."), True),
        (UpstreamRefused("No."), True),
        (UpstreamTimedOut("No."), True),
        (UpstreamDenied("No such key."), False),
        (stated(UpstreamRefused, upstream_status=404), False),
    ],
    ids=["failed", "refused", "late", "denied", "no-such-model"],
)
def test_what_the_configuration_is_to_blame_for_is_not_final(
    failure: UpstreamError, final: bool
) -> None:
    call, _ = made(failure)
    assert (call.was_made, call.is_final, call.choices) == (True, final, ())


def test_a_failure_is_one_line_of_bounded_length() -> None:
    call, _ = made(UpstreamFailed("a\nb\t" + "c" * 1000))
    assert call.error is not None
    assert call.error.startswith("upstream_failed: a b ccc")
    assert len(call.error) == LONGEST_ERROR


def test_where_nobody_was_asked_nothing_is_final() -> None:
    class Full(Fleet):
        def attempts(self, request: Request, model: str, *, alone: bool = False) -> Any:
            raise NoDeployment("Full.")

    call = Call("cheap", asked())
    asyncio.run(call.make(Full(cheap=Upstream("cheap"))))
    assert (call.was_made, call.is_final, call.error) == (False, False, "no_deployment: Full.")
    assert call.bill().most(D(1)) == 0


def test_a_model_that_is_not_there_is_no_failed_answer() -> None:
    with pytest.raises(UnknownModel):
        made(model="sheap")


def test_the_time_is_that_of_the_answer() -> None:
    call, _ = made(Words("fine", steps=[0.05]))
    assert 0.05 <= call.seconds < 5


# ── Bills ────────────────────────────────────────────────────────────────────────────────────


def test_failures_that_told_nothing_cost_nothing() -> None:
    bill = made(UpstreamFailed("No."))[0].bill()
    assert bill.most(D(1)) == bill.cost == 0


def test_what_may_have_been_billed_is_worth_what_was_set_aside() -> None:
    late = made(UpstreamTimedOut("Late."))[0].bill()
    assert (late.cost, late.unknown, late.most(D(2))) == (D(0), 0, D(2))
    untold = made(Reply(json.encode({"choices": [{"message": {"content": "hi"}}]})))
    assert untold[0].choices == (Choice("hi"),)
    assert untold[0].usage is None
    assert (untold[0].bill().unknown, untold[0].bill().most(D(2))) == (1, D(2))


def test_without_a_price_the_cost_is_unknown() -> None:
    fleet = Fleet(cheap=Upstream("cheap"))
    fleet.endpoints["cheap"] = structs.replace(fleet.endpoints["cheap"], price=None)
    call = Call("cheap", asked())
    asyncio.run(call.make(fleet))
    assert call.usage is not None
    assert (call.bill().cost, call.bill().unknown) == (D(0), 1)


def test_a_call_that_is_broken_off_may_have_been_billed() -> None:
    call = Call("cheap", asked())

    async def run() -> None:
        fleet = Fleet(cheap=Upstream("cheap", Words("never", steps=["silence"])))
        async with asyncio.timeout(0.02):
            await call.make(fleet)

    with pytest.raises(TimeoutError):
        asyncio.run(run())
    assert (call.was_made, call.bill().most(D(2))) == (True, D(2))
