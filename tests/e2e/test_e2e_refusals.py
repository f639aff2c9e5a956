"""What the gateway refuses, in the words and exception classes that OpenAI's client knows."""

from typing import Any, cast

import httpx2
import openai
import pytest

from support import faults
from support.clients import HELLO, client_of, user
from support.configs import deployment
from support.fault_server import FaultServer
from support.gateway_process import GatewayProcess

MASTER = "sk-master-0123456789"
LIMIT = 100_000


@pytest.fixture(scope="module")
def gateway(upstream: FaultServer, launch: Any) -> GatewayProcess:
    small = deployment(upstream, "small")
    small["model_info"] = {"max_input_tokens": 200}
    started: GatewayProcess = launch(
        {
            "model_list": [small, deployment(upstream, "gpt-4o-mini")],
            "routes": {"auto": {"ladder": ["small", "gpt-4o-mini"]}},
            "router_settings": {"num_retries": 0, "enable_pre_call_checks": True},
            "general_settings": {"master_key": MASTER},
            "server": {"max_body": LIMIT},
        }
    )
    return started


@pytest.fixture(scope="module")
def client(gateway: GatewayProcess) -> Any:
    with client_of(gateway, MASTER) as client:
        yield client


def post(gateway: GatewayProcess, body: bytes, key: str = MASTER) -> httpx2.Response:
    url = f"{gateway.base_url}/chat/completions"
    return httpx2.post(url, content=body, headers={"authorization": f"Bearer {key}"}, timeout=10)


def body_of(error: openai.APIStatusError) -> dict[str, Any]:
    """OpenAI's error object, which the client keeps."""
    body = cast("dict[str, Any]", error.body)
    assert {"message", "type", "param", "code"} <= set(body)
    return body


def test_an_unknown_model_names_the_nearest(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-4o-mni", messages=HELLO)
    said = body_of(caught.value)
    assert (said["code"], said["param"]) == ("model_not_found", "model")
    assert "'gpt-4o-mini'" in said["message"]


def test_an_unknown_path(gateway: GatewayProcess) -> None:
    reply = httpx2.post(f"{gateway.base_url}/chat/completion", json={}, timeout=10)
    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "unknown_url"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": "Hello?"}, "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": []}, "messages"),
        ({"stream": "yes"}, "stream"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"tools": {"type": "function"}}, "tools"),
        ({"model": 4}, "model"),
        ({"response_format": "json"}, "response_format"),
    ],
)
def test_a_wrong_type_names_its_field(
    client: openai.OpenAI, fields: dict[str, Any], param: str
) -> None:
    given = {"model": "small", "messages": HELLO, **fields}
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/chat/completions", body=given, cast_to=object)
    said = body_of(caught.value)
    assert said["code"] == "invalid_field"
    assert said["type"] == "invalid_request_error"
    assert said["param"] == param
    assert param in said["message"]


@pytest.mark.parametrize("missing", ["model", "messages"])
def test_a_missing_field_is_named(client: openai.OpenAI, missing: str) -> None:
    given = {"model": "small", "messages": HELLO}
    del given[missing]
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/chat/completions", body=given, cast_to=object)
    assert body_of(caught.value)["param"] == missing


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"not json", b"[1]", b'"text"', b'{"model":"small",}', b'{"model":"\xff"}'],
)
def test_a_body_that_is_no_json_object(gateway: GatewayProcess, body: bytes) -> None:
    reply = post(gateway, body)
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "invalid_json"


def test_nesting_without_end_is_refused(gateway: GatewayProcess) -> None:
    deep = b'{"model":"small","messages":[],"x":' + b"[" * 40_000 + b"]" * 40_000 + b"}"
    assert post(gateway, deep).status_code == 400


def test_a_body_too_large(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model="small", messages=user("x" * LIMIT))
    assert caught.value.status_code == 413
    said = body_of(caught.value)
    assert said["code"] == "body_too_large"


def test_a_body_too_large_that_states_no_length(gateway: GatewayProcess) -> None:
    def pieces() -> Any:
        for _ in range(200):
            yield b"x" * 1000

    url = f"{gateway.base_url}/chat/completions"
    reply = httpx2.post(
        url, content=pieces(), headers={"authorization": f"Bearer {MASTER}"}, timeout=10
    )
    assert reply.status_code == 413


def test_a_prompt_too_long_is_refused_before_any_call(
    client: openai.OpenAI, upstream: FaultServer
) -> None:
    before = len(upstream.seen)
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="small", messages=user("word " * 2000))
    said = body_of(caught.value)
    assert said["code"] == "context_length_exceeded"
    assert "200" in said["message"]
    assert len(upstream.seen) == before


@pytest.mark.parametrize("key", ["sk", "sk-wrong", MASTER[:-1], MASTER + "0"])
def test_a_wrong_key(gateway: GatewayProcess, key: str) -> None:
    for path in ("/v1/models", "/admin/status"):
        reply = httpx2.get(gateway.url + path, headers={"authorization": f"Bearer {key}"})
        assert reply.status_code == 401
    with client_of(gateway, key) as client, pytest.raises(openai.AuthenticationError) as e:
        client.chat.completions.create(model="small", messages=HELLO)
    assert body_of(e.value)["code"] == "invalid_api_key"
    assert MASTER not in str(e.value)


def test_no_key_at_all(gateway: GatewayProcess) -> None:
    assert httpx2.get(f"{gateway.base_url}/models").status_code == 401
    assert httpx2.get(f"{gateway.url}/health/live").status_code == 200


def test_the_master_key_stays_with_the_gateway(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    client.chat.completions.create(model="small", messages=HELLO)
    seen = upstream.last("small")
    assert MASTER not in str(seen.headers)
    assert MASTER.encode() not in seen.body
    status = httpx2.get(
        f"{gateway.url}/admin/status", headers={"authorization": f"Bearer {MASTER}"}
    )
    assert status.status_code == 200
    assert MASTER not in status.text + gateway.log


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        (
            faults.status(400, "Unsupported value: 'n'.", error_code="unsupported_value"),
            openai.BadRequestError,
            "upstream_refused",
        ),
        (
            faults.status(422, "No such voice."),
            openai.UnprocessableEntityError,
            "upstream_refused",
        ),
        (
            faults.status(400, "Too long.", error_code="context_length_exceeded"),
            openai.BadRequestError,
            "context_length_exceeded",
        ),
        (
            faults.status(400, "Flagged.", error_code="content_policy_violation"),
            openai.BadRequestError,
            "content_policy_violation",
        ),
        (faults.status(401, "Bad key."), openai.InternalServerError, "upstream_denied"),
        (faults.rate_limited(7), openai.RateLimitError, "upstream_rate_limited"),
        (faults.status(500, "Boom."), openai.InternalServerError, "upstream_failed"),
        (faults.status(503, "Busy."), openai.InternalServerError, "upstream_failed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_upstream_refuses(
    client: openai.OpenAI,
    upstream: FaultServer,
    fault: faults.Behaviour,
    error: type[openai.APIStatusError],
    code: str,
) -> None:
    upstream.script("small", fault)
    with pytest.raises(error) as caught:
        client.chat.completions.create(model="small", messages=HELLO)
    assert body_of(caught.value)["code"] == code
    if isinstance(caught.value, openai.RateLimitError):
        assert caught.value.response.headers["retry-after"] == "7"


def test_the_upstreams_own_words_are_passed_on(
    client: openai.OpenAI, upstream: FaultServer
) -> None:
    upstream.script("small", faults.status(400, "Unsupported value: 'n' is 9.", error_code="bad"))
    with pytest.raises(openai.BadRequestError, match="Unsupported value: 'n' is 9"):
        client.chat.completions.create(model="small", messages=HELLO)
