"""Fault drills: each way in which an upstream fails, against the real server, over real sockets."""

import json
import time
from collections.abc import Iterable
from typing import Any

import httpx2
import openai
import pytest

from support import chat, faults
from support.clients import HELLO, client_of
from support.configs import deployment
from support.fault_server import FaultServer, wait_until
from support.gateway_process import GatewayProcess
from support.ledger_reading import recorded, recorded_as

CONTENT = "".join(chat.WORDS)
QUICK = {"connect": 1.0, "first_byte": 0.4, "between_chunks": 0.4, "total": 5.0}

BEFORE_THE_ANSWER = {
    "rate-limited": (faults.rate_limited(0.3), "upstream_rate_limited"),
    "error-500": (faults.status(500), "upstream_failed"),
    "error-503": (faults.status(503), "upstream_failed"),
    "error-529": (faults.status(529), "upstream_failed"),
    "silent": (faults.never_answers(), "upstream_timeout"),
    "reset": (faults.reset_before_head(), "upstream_unreachable"),
    "closed": (faults.close_before_head(), "upstream_unreachable"),
    "html": (faults.html_page(), "upstream_malformed"),
    "malformed": (faults.malformed_json(), "upstream_malformed"),
    "half-a-body": (faults.cut_in_body(), "upstream_unreachable"),
    "no-choices": (faults.body(b'{"object":"chat.completion"}'), "upstream_malformed"),
    "error-as-200": (faults.body(chat.error("Overloaded.")), "upstream_failed"),
}
"""Faults of a whole reply, and the code a client gets when there is nothing left to try."""

BEFORE_THE_STREAM = {
    name: BEFORE_THE_ANSWER[name]
    for name in ("rate-limited", "error-500", "silent", "reset", "closed", "html", "malformed")
} | {
    "empty": (faults.raw_stream(), "upstream_malformed"),
    "error-first": (faults.error_event(0), "upstream_failed"),
}
"""Faults before a stream's first event: the client has seen nothing, so another try is free."""

IN_THE_STREAM = {
    "reset": faults.reset_in_stream(3),
    "cut": faults.cut_in_stream(3),
    "stalled": faults.stalls(3),
    "error-event": faults.error_event(3),
    "unfinished": faults.unfinished_stream(3),
}
"""Faults after the first streamed byte: too late for another try."""


def _models(upstream: FaultServer, prefix: str, names: Iterable[str]) -> list[dict[str, Any]]:
    """A model for each drill: none inherits another's cooldown, nor, with a header of its own,
    another's connections: that a kept one fails at once is no failure, and tested elsewhere.
    """
    return [
        deployment(
            upstream,
            f"{prefix}-{name}",
            timeouts=QUICK,
            extra_headers={"x-drill": f"{prefix}-{name}"},
        )
        for name in names
    ]


@pytest.fixture(scope="module")
def gateway(upstream: FaultServer, launch: Any) -> GatewayProcess:
    started: GatewayProcess = launch(
        {
            "model_list": [
                *_models(upstream, "once", BEFORE_THE_ANSWER),
                *_models(upstream, "always", BEFORE_THE_ANSWER),
                *_models(upstream, "stream-once", BEFORE_THE_STREAM),
                *_models(upstream, "stream-always", BEFORE_THE_STREAM),
                *_models(upstream, "broken", IN_THE_STREAM),
            ],
            "router_settings": {"num_retries": 1, "timeout": 10, "allowed_fails": 100},
        }
    )
    return started


def stream(gateway: GatewayProcess, model: str) -> httpx2.Response:
    fields = {"model": model, "messages": HELLO, "stream": True}
    return httpx2.post(f"{gateway.base_url}/chat/completions", json=fields, timeout=15)


def listen(gateway: GatewayProcess, model: str, said: list[str]) -> None:
    """Stream an answer with the official client, as far as it comes."""
    with client_of(gateway) as client:
        chunks = client.chat.completions.create(model=model, messages=HELLO, stream=True)
        said.extend(chunk.choices[0].delta.content or "" for chunk in chunks)


@pytest.mark.parametrize("name", BEFORE_THE_ANSWER)
def test_one_failure_is_made_good_by_another_try(
    gateway: GatewayProcess, upstream: FaultServer, name: str
) -> None:
    model = f"once-{name}"
    upstream.script(model, BEFORE_THE_ANSWER[name][0])
    with client_of(gateway) as client:
        raw = client.chat.completions.with_raw_response.create(model=model, messages=HELLO)
    assert raw.parse().choices[0].message.content == CONTENT
    assert raw.headers["x-stepdown-attempts"] == "2"
    detail = recorded_as(gateway.database, raw.headers["x-stepdown-request-id"])
    assert detail.outcome == "answered"
    assert [attempt.error for attempt in detail.attempts] == [BEFORE_THE_ANSWER[name][1], None]


def test_retry_after_is_honoured(gateway: GatewayProcess, upstream: FaultServer) -> None:
    model = "once-rate-limited"
    before = len(upstream.received(model))
    upstream.script(model, faults.rate_limited(0.5))
    with client_of(gateway) as client:
        client.chat.completions.create(model=model, messages=HELLO)
    first, second = upstream.received(model)[before:]
    assert second.arrived - first.arrived >= 0.5


@pytest.mark.parametrize("name", BEFORE_THE_ANSWER)
def test_failing_always_ends_in_an_error_that_says_how(
    gateway: GatewayProcess, upstream: FaultServer, name: str
) -> None:
    model = f"always-{name}"
    fault, code = BEFORE_THE_ANSWER[name]
    upstream.always(model, fault)
    with client_of(gateway) as client, pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model=model, messages=HELLO)
    assert caught.value.code == code
    assert caught.value.status_code in (429, 502, 504)
    assert len(upstream.received(model)) == 2
    detail = recorded(gateway.database, model=model)
    assert (detail.outcome, detail.error) == ("failed", code)
    assert len(detail.attempts) == 2


@pytest.mark.parametrize("name", BEFORE_THE_STREAM)
def test_a_failure_before_the_stream_is_made_good_unseen(
    gateway: GatewayProcess, upstream: FaultServer, name: str
) -> None:
    model = f"stream-once-{name}"
    upstream.script(model, BEFORE_THE_STREAM[name][0])
    reply = stream(gateway, model)
    assert reply.status_code == 200
    assert reply.content == b"".join(chat.stream(model, with_usage=False))
    assert reply.headers["x-stepdown-attempts"] == "2"


@pytest.mark.parametrize("name", BEFORE_THE_STREAM)
def test_a_stream_that_never_begins_is_an_ordinary_error(
    gateway: GatewayProcess, upstream: FaultServer, name: str
) -> None:
    model = f"stream-always-{name}"
    fault, code = BEFORE_THE_STREAM[name]
    upstream.always(model, fault)
    reply = stream(gateway, model)
    assert reply.status_code in (429, 502, 504)
    assert reply.headers["content-type"] == "application/json"
    assert reply.json()["error"]["code"] == code


@pytest.mark.parametrize("name", IN_THE_STREAM)
def test_a_failure_in_the_stream_ends_it_with_an_error_event(
    gateway: GatewayProcess, upstream: FaultServer, name: str
) -> None:
    model, before = f"broken-{name}", len(upstream.received(f"broken-{name}"))
    upstream.script(model, IN_THE_STREAM[name])
    begun = time.time()
    got = stream(gateway, model).content
    *shown, last = [event for event in got.split(b"\n\n") if event]
    assert b"\n\n".join(shown) + b"\n\n" == b"".join(chat.stream(model, with_usage=False)[:3])
    said = json.loads(last.removeprefix(b"data: "))["error"]
    assert set(said) >= {"message", "type", "param", "code"}
    assert said["code"].startswith("upstream_")
    assert b"[DONE]" not in got
    assert len(upstream.received(model)) == before + 1
    detail = recorded(gateway.database, model=model, since=begun)
    assert (detail.outcome, detail.error) == ("failed", said["code"])


@pytest.mark.parametrize("name", IN_THE_STREAM)
def test_the_client_raises_what_it_raises_for_openai(
    gateway: GatewayProcess, upstream: FaultServer, name: str
) -> None:
    model = f"broken-{name}"
    upstream.script(model, IN_THE_STREAM[name])
    said: list[str] = []
    with pytest.raises(openai.APIError):
        listen(gateway, model, said)
    assert said == ["", *chat.WORDS[:2]]


def test_what_a_broken_stream_used_is_recorded(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("broken-cut", faults.cut_in_stream(5))
    begun = time.time()
    stream(gateway, "broken-cut")
    detail = recorded(gateway.database, model="broken-cut", since=begun)
    assert detail.estimated
    assert detail.usage is not None
    assert detail.usage.output == 5
    assert detail.cost is not None
    assert detail.cost > 0


def test_a_slow_head_and_slow_chunks_within_their_limits_are_no_failure(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("broken-stalled", faults.ok(head_after=0.2, between=0.1))
    reply = stream(gateway, "broken-stalled")
    assert reply.content == b"".join(chat.stream("broken-stalled", with_usage=False))


def test_the_gateway_hangs_up_on_an_upstream_that_took_too_long(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("broken-stalled", faults.stalls(2))
    stream(gateway, "broken-stalled")
    seen = upstream.last("broken-stalled")
    wait_until(lambda: seen.disconnected is not None, "the upstream call is cut")


def test_the_gateway_is_well_after_all_that(gateway: GatewayProcess, upstream: FaultServer) -> None:
    for name in BEFORE_THE_ANSWER:
        upstream.always(f"once-{name}", faults.ok())
        with client_of(gateway) as client:
            reply = client.chat.completions.create(model=f"once-{name}", messages=HELLO)
        assert reply.choices[0].message.content == CONTENT
    assert "Traceback" not in gateway.log
