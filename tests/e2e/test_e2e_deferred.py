"""Single calls that are deferred, over HTTP: polls, cancellations, webhooks, tenants, a crash."""

import signal
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support import chat, faults
from support.clients import HELLO
from support.configs import STRONG, deployment
from support.fault_server import FaultServer, wait_until
from support.gateway_process import GatewayProcess
from support.hooks import SECRET, Hook
from support.ledger_reading import recorded

DEFER = {"x-stepdown-defer": "1h"}
SOON = {"gather": 0.2}
"""Deferred calls wait this long for company."""
Call = dict[str, Any]


@pytest.fixture(scope="module")
def gateway(
    upstream: FaultServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    upstream.always("broken", faults.status(400, "Not like this."))
    upstream.always("silent", faults.never_answers())
    config = {
        "model_list": [deployment(upstream, name) for name in ("plain", "broken", "silent")],
        "router_settings": {"num_retries": 0},
        "routes": {
            "auto": {
                "ladder": ["plain"],
                "defer": {"when": {"metadata.kind": "nightly"}, "within": "1h"},
            }
        },
        "batch": SOON,
    }
    with GatewayProcess(config, tmp_path_factory.mktemp("deferred"), workers=2) as running:
        yield running


def ask(
    gateway: GatewayProcess, model: str = "plain", headers: Mapping[str, str] = {}, **fields: Any
) -> httpx2.Response:
    body = {"model": model, "messages": HELLO, **fields}
    url = f"{gateway.base_url}/chat/completions"
    return httpx2.post(url, json=body, headers={**DEFER, **headers}, timeout=10)


def poll(gateway: GatewayProcess, call: Call, **headers: str) -> httpx2.Response:
    """On a connection of its own, so that any worker may get it."""
    return httpx2.get(gateway.url + call["poll_url"], headers=headers, timeout=10)


def ended(gateway: GatewayProcess, call: Call, timeout: float = 20.0) -> Call:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found: Call = poll(gateway, call).json()
        if found["status"] in ("succeeded", "failed", "cancelled"):
            return found
        time.sleep(0.05)
    raise AssertionError(f"still {found['status']}")


def test_a_call_is_answered_later(gateway: GatewayProcess) -> None:
    reply = ask(gateway)
    assert reply.status_code == 202
    call = reply.json()
    assert reply.headers["location"] == call["poll_url"] == f"/v1/deferred/{call['id']}"
    assert (call["object"], call["status"]) == ("stepdown.deferred", "queued")
    assert call["deadline_at"] - call["created_at"] == 3600
    done = ended(gateway, call)
    assert done["status"] == "succeeded"
    assert done["response"]["choices"][0]["message"]["content"] == "".join(chat.WORDS)
    assert done["stepdown"]["model"] == "plain"
    assert recorded(gateway.database, model="plain")
    assert {poll(gateway, call).status_code for _ in range(20)} == {200}


def test_a_failure(gateway: GatewayProcess) -> None:
    done = ended(gateway, ask(gateway, "broken").json())
    assert done["status"] == "failed"
    assert done["error"]["message"]
    assert "response" not in done


def test_cancelling(gateway: GatewayProcess) -> None:
    call = ask(gateway, "silent").json()
    gone = httpx2.delete(gateway.url + call["poll_url"], timeout=10)
    assert gone.status_code == 200
    assert ended(gateway, call)["status"] == "cancelled"


@pytest.mark.parametrize(
    ("headers", "fields", "param", "says"),
    [
        ({}, {"stream": True}, "stream", "stream: expected false with x-stepdown-defer"),
        ({"x-stepdown-defer": "soon"}, {}, None, "expected a span such as 30m"),
        ({"x-stepdown-defer": "0s"}, {}, None, "expected a span such as 30m"),
        ({"x-stepdown-defer": "9999999w"}, {}, None, "x-stepdown-defer"),
        ({"x-stepdown-async": "true"}, {}, None, "got both"),
        ({"x-stepdown-webhook": "mine"}, {}, None, "expected a webhook"),
    ],
)
def test_refusals(
    gateway: GatewayProcess,
    headers: dict[str, str],
    fields: dict[str, Any],
    param: str | None,
    says: str,
) -> None:
    reply = ask(gateway, headers=headers, **fields)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert (error["code"], error["param"]) == ("invalid_field", param)
    assert says in error["message"]


def test_an_unknown_model_is_told_at_once(gateway: GatewayProcess) -> None:
    reply = ask(gateway, "plan")
    assert reply.status_code == 404
    assert "Did you mean 'plain'" in reply.json()["error"]["message"]


def test_an_unknown_call(gateway: GatewayProcess) -> None:
    for name in ("x", "%00", "call_" + "0" * 500):
        for method in ("GET", "DELETE"):
            reply = httpx2.request(method, f"{gateway.url}/v1/deferred/{name}")
            assert (reply.status_code, reply.json()["error"]["code"]) == (404, "batch_not_found")


def test_a_call_outlives_the_process_that_took_it(upstream: FaultServer, tmp_path: Path) -> None:
    """The queue is paused, so that the call waits; after a kill, the next server goes on."""
    config: dict[str, Any] = {"model_list": [deployment(upstream, "plain")], "batch": SOON}
    with GatewayProcess({**config, "batch": {**SOON, "paused": True}}, tmp_path) as gateway:
        calls = [ask(gateway).json() for _ in range(3)]
        gateway.kill()
        gateway.write_config(config)
        with gateway:
            done = [ended(gateway, call) for call in calls]
    assert [each["status"] for each in done] == ["succeeded"] * 3


def test_tenants(upstream: FaultServer, tmp_path: Path) -> None:
    config = {"model_list": [deployment(upstream, "plain")], "batch": SOON}
    with GatewayProcess(config, tmp_path) as gateway:
        call = ask(gateway).json()
        ended(gateway, call)
        gateway.write_config({**config, "general_settings": {"master_key": "sk-m"}})
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: poll(gateway, call).status_code == 401, "the key is in force")
        key = {"authorization": "Bearer sk-m"}
        assert poll(gateway, call, **key).status_code == 404
        gone = httpx2.delete(gateway.url + call["poll_url"], headers=key)
        assert gone.status_code == 404
        assert ask(gateway).status_code == 401
        mine = ask(gateway, headers=key).json()
        assert poll(gateway, mine, **key).status_code == 200


def test_a_providers_batch_at_its_price(tmp_path: Path) -> None:
    rates = {name: float(rate) for name, rate in STRONG.items()}
    params = {"model": "simulated/large", "batch": True, **rates}
    models = [{"model_name": "large", "litellm_params": params}]
    with GatewayProcess(
        {"model_list": models, "batch": {**SOON, "poll": 0.2}}, tmp_path
    ) as gateway:
        done = [ended(gateway, call) for call in [ask(gateway, "large").json() for _ in range(3)]]
    for call in done:
        assert call["status"] == "succeeded"
        assert call["response"]["choices"][0]["message"]["content"].startswith("simulated")
        told = call["stepdown"]
        assert told["batched"] is True
        assert Decimal(told["cost"]) == Decimal(told["batch_discount"]) > 0


def test_webhooks(upstream: FaultServer, tmp_path: Path) -> None:
    with Hook(503) as hook:
        hooks = {"mine": {"url": hook.url, "secret": "os.environ/HOOK_SECRET"}}
        models = [deployment(upstream, "plain")]
        config = {"model_list": models, "jobs": {"webhooks": hooks}, "batch": SOON}
        with GatewayProcess(config, tmp_path, {"HOOK_SECRET": SECRET}) as gateway:
            call = ask(gateway, headers={"x-stepdown-webhook": "mine"}).json()
            wait_until(lambda: len(hook.received) == 2, "the second try arrives")
            told = hook.received[1].job
            assert (told["id"], told["status"]) == (call["id"], "succeeded")
            assert told["response"] == poll(gateway, call).json()["response"]
            assert SECRET not in gateway.log


def test_a_route_may_say_what_is_answered_later(gateway: GatewayProcess) -> None:
    def post(**fields: Any) -> httpx2.Response:
        body = {"model": "auto", "messages": HELLO, **fields}
        return httpx2.post(f"{gateway.base_url}/chat/completions", json=body, timeout=10)

    nightly = {"metadata": {"kind": "nightly"}}
    reply = post(**nightly)
    assert reply.status_code == 202
    assert ended(gateway, reply.json())["status"] == "succeeded"
    assert post(metadata={"kind": "now"}).status_code == 200
    assert post(**nightly, stream=True).status_code == 200  # a stream is never put off
