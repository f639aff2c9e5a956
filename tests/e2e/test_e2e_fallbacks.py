"""Several deployments and models: who answers when some of them, or all, are down."""

import time
from typing import Any

import httpx2
import openai
import pytest

from support import chat, faults
from support.clients import HELLO, client_of
from support.configs import deployment
from support.fault_server import FaultServer
from support.gateway_process import GatewayProcess
from support.ledger_reading import recorded, recorded_as

CONTENT = "".join(chat.WORDS)


@pytest.fixture(scope="module")
def gateway(upstream: FaultServer, launch: Any) -> GatewayProcess:
    def model(name: str, *, upstream_name: str | None = None, **params: Any) -> dict[str, Any]:
        return deployment(upstream, name, upstream=upstream_name, **params)

    nowhere = model("nowhere")
    nowhere["litellm_params"]["api_base"] = "http://127.0.0.1:9/v1"
    started: GatewayProcess = launch(
        {
            "model_list": [
                model("pair", upstream_name="pair-first", order=1),
                model("pair", upstream_name="pair-second", order=2),
                model("primary"),
                model("picky"),
                model("backup"),
                model("short"),
                model("roomy"),
                model("strict"),
                model("lenient"),
                model("down", upstream_name="down-a"),
                model("down", upstream_name="down-b"),
                model("flapping"),
                nowhere,
            ],
            "router_settings": {
                "num_retries": 1,
                "timeout": 3,
                "cooldown_time": 1,
                "fallbacks": [{name: ["backup"]} for name in ("primary", "picky", "nowhere")],
                "context_window_fallbacks": [{"short": ["roomy"]}],
                "content_policy_fallbacks": [{"strict": ["lenient"]}],
            },
        }
    )
    return started


def answered_by(gateway: GatewayProcess, model: str) -> str:
    """The model that the reply names."""
    with client_of(gateway) as client:
        reply = client.chat.completions.create(model=model, messages=HELLO)
    assert reply.choices[0].message.content == CONTENT
    return reply.model


def test_a_second_deployment_answers_for_the_first(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    assert answered_by(gateway, "pair") == "pair-first"
    upstream.always("pair-first", faults.status(500))
    begun = time.time()
    assert answered_by(gateway, "pair") == "pair-second"
    detail = recorded(gateway.database, model="pair", since=begun)
    assert [attempt.error for attempt in detail.attempts] == ["upstream_failed", None]


@pytest.mark.parametrize("stream", [False, True])
def test_a_fallback_model_answers(
    gateway: GatewayProcess, upstream: FaultServer, stream: bool
) -> None:
    upstream.always("primary", faults.status(503))
    fields = {"model": "primary", "messages": HELLO, "stream": stream}
    reply = httpx2.post(f"{gateway.base_url}/chat/completions", json=fields, timeout=10)
    assert reply.status_code == 200
    assert reply.headers["x-stepdown-model"] == "backup"
    assert b'"model":"backup"' in reply.content
    detail = recorded_as(gateway.database, reply.headers["x-stepdown-request-id"])
    assert {attempt.model for attempt in detail.attempts} <= {"primary", "backup"}


def test_an_address_where_nobody_listens_has_a_fallback(gateway: GatewayProcess) -> None:
    assert answered_by(gateway, "nowhere") == "backup"


def test_a_context_window_that_is_too_small_has_a_fallback(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("short", faults.status(400, "No.", error_code="context_length_exceeded"))
    assert answered_by(gateway, "short") == "roomy"


def test_a_refused_content_has_a_fallback(gateway: GatewayProcess, upstream: FaultServer) -> None:
    upstream.script("strict", faults.status(400, "No.", error_code="content_policy_violation"))
    assert answered_by(gateway, "strict") == "lenient"


def test_a_refused_request_is_not_asked_twice_but_has_a_fallback(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.always("picky", faults.status(400, "n must be positive."))
    assert answered_by(gateway, "picky") == "backup"
    assert len(upstream.received("picky")) == 1


def test_all_deployments_down(gateway: GatewayProcess, upstream: FaultServer) -> None:
    for name in ("down-a", "down-b"):
        upstream.always(name, faults.status(500, "Down."))
    for _ in range(3):
        with client_of(gateway) as client, pytest.raises(openai.InternalServerError) as caught:
            client.chat.completions.create(model="down", messages=HELLO)
        assert caught.value.code in ("upstream_failed", "no_deployment")
        assert caught.value.status_code in (502, 503)
    assert recorded(gateway.database, model="down").outcome == "failed"
    for name in ("down-a", "down-b"):
        upstream.always(name, faults.ok())


def test_a_deployment_that_is_well_again_answers_again(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("flapping", *[faults.status(500)] * 8)
    with client_of(gateway) as client:
        for _ in range(20):
            try:
                client.chat.completions.create(model="flapping", messages=HELLO)
                break
            except openai.InternalServerError:
                time.sleep(0.2)
    assert answered_by(gateway, "flapping") == "flapping"
