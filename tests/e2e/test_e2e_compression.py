"""Shorter prompts through the real server: what the upstream gets, and what is said of it."""

import json
from typing import Any

import httpx2
import pytest

from support.configs import STRONG, deployment
from support.fault_server import FaultServer
from support.gateway_process import GatewayProcess
from support.ledger_reading import recorded_as
from support.prompts_to_shrink import document

ROWS = [{"id": at, "name": f"name {at}", "price": at + 0.5} for at in range(8)]
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{ "a":  1 }'}}
QUESTION = "Which  note says   that the river bridge was closed?"


@pytest.fixture(scope="module")
def gateway(upstream: FaultServer, launch: Any) -> GatewayProcess:
    strong: dict[str, Any] = {name: float(rate) for name, rate in STRONG.items()}
    route = {"ladder": ["small", "large"], "rules": [], "sessions": False}
    config = {
        "model_list": [deployment(upstream, "small"), deployment(upstream, "large", **strong)],
        "routes": {
            "whole": {**route, "compression": False},
            "lossless": route,
            "half": {
                **route,
                "compression": {
                    "techniques": ["minify", {"extract": {"vectors": "none"}}],
                    "min_tokens": 300,
                },
            },
        },
        "compression": True,
    }
    started: GatewayProcess = launch(config)
    return started


def asked(text: str) -> str:
    """The messages as a client writes them, odd spacing included."""
    return (
        f'[ {{"role":"system", "content":"Be  brief.   "}},\n {{"role": "user","content":"Look."}},'
        f'{{"role":"assistant","content":null, "tool_calls": [{json.dumps(CALL)}]}},'
        f' {{"role":"tool","tool_call_id":"c1", "content": {json.dumps(text)} }},'
        f'{{"role":"user", "content":{json.dumps(QUESTION)}}} ]'
    )


def post(gateway: GatewayProcess, route: str, text: str) -> httpx2.Response:
    body = f'{{"model":"{route}","seed":12345678901234567890, "messages":{asked(text)}}}'
    headers = {"content-type": "application/json"}
    reply = httpx2.post(
        f"{gateway.base_url}/chat/completions", content=body, headers=headers, timeout=20
    )
    assert reply.status_code == 200, reply.text
    return reply


def test_without_it_the_prompt_goes_as_it_came(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    text = json.dumps(ROWS, indent=4)
    post(gateway, "whole", text)
    assert asked(text).encode() in upstream.last("large").body


def test_one_line_removes_space_and_nothing_else(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    post(gateway, "lossless", json.dumps(ROWS, indent=4))
    sent = upstream.last("large").body
    messages = json.loads(sent)["messages"]
    assert messages[3]["content"] == json.dumps(ROWS, separators=(",", ":"))
    assert b'{"role":"system", "content":"Be  brief.   "}' in sent
    assert json.dumps(CALL).encode() in sent
    assert json.dumps(QUESTION).encode() in sent
    assert b'"seed":12345678901234567890' in sent


def test_lossy_ones_keep_the_question_and_what_has_to_do_with_it(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    wanted = "The river bridge was closed in the winter of 1962 by order of the mayor."
    others = "\n\n".join(f"Item {at} of the list tells of apples and pears." for at in range(80))
    post(gateway, "half", f"{others}\n\n{wanted}\n\n{document(1)}")
    messages = json.loads(upstream.last("large").body)["messages"]
    assert wanted in messages[3]["content"]
    assert len(messages[3]["content"]) < 0.6 * len(others)
    assert messages[4]["content"] == QUESTION


def test_the_ledger_and_the_status_tell_what_was_removed(gateway: GatewayProcess) -> None:
    before = status(gateway)["lossless"]
    reply = post(gateway, "lossless", json.dumps(ROWS, indent=4))
    after = status(gateway)["lossless"]
    removed = after["removed"]["minify"] - before["removed"].get("minify", 0)
    assert removed > 50
    assert after["requests"] == before["requests"] + 1
    detail = recorded_as(gateway.database, reply.headers["x-stepdown-request-id"])
    assert detail.techniques == ("minify",)
    assert detail.tokens_before - detail.tokens_after == removed
    assert detail.compression_discount > 0


def status(gateway: GatewayProcess) -> dict[str, Any]:
    found = httpx2.get(f"{gateway.url}/admin/status", timeout=10).json()
    compression: dict[str, Any] = found["compression"]
    assert "whole" not in compression
    return compression
