"""The official OpenAI client against the real server: only its ``base_url`` has changed."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionToolParam

from support import chat, faults
from support.clients import HELLO, async_client_of, client_of, user
from support.configs import CHEAP, KEY, STRONG, deployment, price
from support.fault_server import FaultServer
from support.gateway_process import GatewayProcess
from support.ledger_reading import recorded_as

CONTENT = "".join(chat.WORDS)
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
}
EXTRACTION = "Extract the invoice number as JSON: 'Invoice 4711 of 3 May, due in 30 days.'"
DESIGN = "Design a rate limiter for a cluster and compare two approaches in depth."


@pytest.fixture(scope="module")
def gateway(upstream: FaultServer, launch: Any) -> GatewayProcess:
    strong = {name: float(rate) for name, rate in STRONG.items()}
    started: GatewayProcess = launch(
        {
            "model_list": [
                deployment(upstream, "small", upstream="vendor-small"),
                deployment(upstream, "large", upstream="vendor-large", **strong),
            ],
            "routes": {"auto": {"ladder": ["small", "large"]}},
        }
    )
    return started


def test_a_plain_answer(gateway: GatewayProcess, upstream: FaultServer) -> None:
    with client_of(gateway) as client:
        reply = client.chat.completions.create(model="small", messages=HELLO)
    assert reply.choices[0].message.content == CONTENT
    assert reply.usage is not None
    assert reply.usage.total_tokens == chat.PROMPT_TOKENS + len(chat.WORDS)
    seen = upstream.last("vendor-small")
    assert seen.path == "/v1/chat/completions"
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.json == {"model": "vendor-small", "messages": HELLO}


def test_a_streamed_answer(gateway: GatewayProcess) -> None:
    with (
        client_of(gateway) as client,
        client.chat.completions.create(model="small", messages=HELLO, stream=True) as stream,
    ):
        chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == CONTENT
    assert all(chunk.usage is None for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_a_stream_whose_usage_the_client_asks_for(gateway: GatewayProcess) -> None:
    with (
        client_of(gateway) as client,
        client.chat.completions.create(
            model="small", messages=HELLO, stream=True, stream_options={"include_usage": True}
        ) as stream,
    ):
        chunks = list(stream)
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == len(chat.WORDS)


def test_the_stream_helper_adds_the_answer_up(gateway: GatewayProcess) -> None:
    with (
        client_of(gateway) as client,
        client.chat.completions.stream(model="small", messages=HELLO) as stream,
    ):
        final = stream.get_final_completion()
    assert final.choices[0].message.content == CONTENT


def test_the_asynchronous_client_plain_and_streamed(gateway: GatewayProcess) -> None:
    async def talk() -> tuple[str | None, str]:
        async with async_client_of(gateway) as client:
            plain = await client.chat.completions.create(model="small", messages=HELLO)
            stream = await client.chat.completions.create(
                model="small", messages=HELLO, stream=True
            )
            said = [c.choices[0].delta.content or "" async for c in stream]
            return plain.choices[0].message.content, "".join(said)

    assert asyncio.run(talk()) == (CONTENT, CONTENT)


def test_many_at_once_are_not_mixed_up(gateway: GatewayProcess, upstream: FaultServer) -> None:
    async def echo(exchange: Any) -> None:
        asked = exchange.seen.json["messages"][0]["content"]
        await asyncio.sleep(0.01 * (hash(asked) % 5))
        await exchange.whole(chat.completion("vendor-small", f"re: {asked}"))

    upstream.script("vendor-small", *[echo] * 100)

    async def talk() -> list[str | None]:
        async with async_client_of(gateway) as client:
            asked = [
                client.chat.completions.create(model="small", messages=user(f"number {n}"))
                for n in range(100)
            ]
            return [reply.choices[0].message.content for reply in await asyncio.gather(*asked)]

    assert asyncio.run(talk()) == [f"re: number {n}" for n in range(100)]


def test_tools_reach_the_model_and_its_calls_come_back(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"place": "Bonn"}'},
    }
    upstream.script(
        "vendor-small",
        faults.ok(content=None, message={"tool_calls": [call]}, finish_reason="tool_calls"),
    )
    with client_of(gateway) as client:
        reply = client.chat.completions.create(
            model="small", messages=HELLO, tools=[WEATHER], tool_choice="required"
        )
    assert upstream.last("vendor-small").json["tools"] == [WEATHER]
    assert upstream.last("vendor-small").json["tool_choice"] == "required"
    calls = reply.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].to_dict() == call


def test_a_response_format_reaches_the_model(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    schema: dict[str, object] = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
    }
    upstream.script("vendor-small", faults.ok(content='{"n": 7}'))
    with client_of(gateway) as client:
        reply = client.chat.completions.create(
            model="small",
            messages=HELLO,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "number", "schema": schema, "strict": True},
            },
        )
    sent = upstream.last("vendor-small").json["response_format"]
    assert sent["json_schema"] == {"name": "number", "schema": schema, "strict": True}
    assert json.loads(reply.choices[0].message.content or "") == {"n": 7}


@pytest.mark.parametrize(
    ("prompt", "model", "rates"), [(EXTRACTION, "small", CHEAP), (DESIGN, "large", STRONG)]
)
def test_a_route_tells_in_headers_what_it_chose_and_saved(
    gateway: GatewayProcess, prompt: str, model: str, rates: dict[str, str]
) -> None:
    with client_of(gateway) as client:
        raw = client.chat.completions.with_raw_response.create(model="auto", messages=user(prompt))
    tokens = {"prompt": chat.PROMPT_TOKENS, "completion": len(chat.WORDS)}
    cost, strong = price(rates, **tokens), price(STRONG, **tokens)
    assert raw.headers["x-stepdown-model"] == model
    assert raw.headers["x-stepdown-attempts"] == "1"
    assert Decimal(raw.headers["x-stepdown-cost"]) == cost
    assert Decimal(raw.headers["x-stepdown-saved"]) == strong - cost
    assert raw.parse().model == f"vendor-{model}"
    detail = recorded_as(gateway.database, raw.headers["x-stepdown-request-id"])
    assert raw.headers["x-stepdown-decision"] == detail.decision
    assert (detail.outcome, detail.model, detail.cost) == ("answered", model, cost)
    assert detail.reference_cost == strong


def test_a_streamed_route_tells_its_model_and_the_ledger_its_cost(
    gateway: GatewayProcess,
) -> None:
    with (
        client_of(gateway) as client,
        client.chat.completions.with_streaming_response.create(
            model="auto", messages=user(DESIGN), stream=True
        ) as raw,
    ):
        headers = raw.headers
        text = "".join(raw.iter_text())
    assert text.endswith("data: [DONE]\n\n")
    assert headers["x-stepdown-model"] == "large"
    detail = recorded_as(gateway.database, headers["x-stepdown-request-id"])
    assert detail.stream
    assert not detail.estimated
    assert detail.cost == price(STRONG, prompt=chat.PROMPT_TOKENS, completion=len(chat.WORDS))


def test_the_headers_of_a_request_are_heeded(gateway: GatewayProcess) -> None:
    with client_of(gateway) as client:
        raw = client.chat.completions.with_raw_response.create(
            model="small",
            messages=user("Plan it."),
            extra_headers={
                "x-stepdown-route": "auto",
                "x-stepdown-intent": "complex planning",
                "x-stepdown-session": "s-1",
            },
        )
    detail = recorded_as(gateway.database, raw.headers["x-stepdown-request-id"])
    assert detail.route == "auto"
    assert (detail.model, detail.intent, detail.session) == ("large", "complex planning", "s-1")


def test_models_are_listed_with_routes(gateway: GatewayProcess) -> None:
    with client_of(gateway) as client:
        listed = {model.id: model.owned_by for model in client.models.list()}
    assert set(listed) == {"auto", "small", "large"}
    assert listed["auto"] != listed["small"]


def test_health(gateway: GatewayProcess) -> None:
    for path in ("/health/live", "/health/ready"):
        assert httpx2.get(gateway.url + path).status_code == 200


def test_the_client_class_of_a_timeout_is_its_own(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("vendor-small", faults.never_answers())
    with client_of(gateway) as client, pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="small", messages=HELLO, timeout=0.3)
