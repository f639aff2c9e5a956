"""The real server before a real model: small, on this machine's own processor."""

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from support.clients import client_of as quick_client_of
from support.clients import user
from support.gateway_process import GatewayProcess
from support.ledger_reading import recorded

pytestmark = pytest.mark.real

PATIENCE = 400.0
"""A busy machine reads a prompt slowly."""


def client_of(gateway: GatewayProcess) -> openai.OpenAI:
    return quick_client_of(gateway).with_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    from stepdown.demo.serve_models import serve_model
    from stepdown.demo.weights import ensure_weights

    file = ensure_weights("weak")["weak"]
    folder: Path = tmp_path_factory.mktemp("real")
    with serve_model(file, log=folder / "model.log") as base_url:
        entry = {
            "model_name": "weak",
            "litellm_params": {"model": f"openai/{file.stem}", "api_base": base_url},
            "model_info": {"base_model": "gpt-4o-mini"},
        }
        routes = {"auto": {"ladder": ["weak"]}}
        with GatewayProcess({"model_list": [entry], "routes": routes}, folder) as running:
            yield running


def test_a_plain_answer_with_its_price(gateway: GatewayProcess) -> None:
    with client_of(gateway) as client:
        reply = client.chat.completions.create(
            model="auto", messages=user("What is the capital of France?"), max_tokens=24
        )
    assert reply.choices[0].message.content
    assert reply.usage is not None
    assert 0 < reply.usage.completion_tokens <= 24
    detail = recorded(gateway.database, model="auto")
    assert detail.usage is not None
    assert detail.usage.output == reply.usage.completion_tokens
    assert detail.cost is not None
    assert detail.cost > 0


def test_a_streamed_answer_is_the_plain_one_in_pieces(gateway: GatewayProcess) -> None:
    def ask(stream: bool) -> str:
        with client_of(gateway) as client:
            if not stream:
                plain = client.chat.completions.create(
                    model="weak", messages=user("Count to five."), max_tokens=20, temperature=0
                )
                return plain.choices[0].message.content or ""
            pieces = client.chat.completions.create(
                model="weak",
                messages=user("Count to five."),
                max_tokens=20,
                temperature=0,
                stream=True,
            )
            said = [c.choices[0].delta.content or "" for c in pieces if c.choices]
            assert len(said) > 3
            return "".join(said)

    assert ask(stream=True) == ask(stream=False)


def test_a_schema_is_kept_to(gateway: GatewayProcess) -> None:
    with client_of(gateway) as client:
        reply = client.chat.completions.create(
            model="weak",
            messages=user("Is the sky green? Answer yes or no."),
            max_tokens=20,
            response_format={
                "type": "json_schema",
                "json_schema": {
                    "name": "verdict",
                    "strict": True,
                    "schema": {
                        "type": "object",
                        "properties": {"answer": {"enum": ["yes", "no"]}},
                        "required": ["answer"],
                    },
                },
            },
        )
    assert reply.choices[0].message.content is not None
    assert '"answer"' in reply.choices[0].message.content
