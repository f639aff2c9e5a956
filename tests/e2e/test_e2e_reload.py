"""A running server takes a new configuration in one step, or keeps the old one and says why."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from support import chat, faults
from support.clients import HELLO, async_client_of, client_of
from support.configs import deployment
from support.fault_server import FaultServer, wait_until
from support.gateway_process import GatewayProcess

KEY = "sk-master-reload"


def config(upstream: FaultServer, *names: str, key: str | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"model_list": [deployment(upstream, name) for name in names]}
    if key is not None:
        made["general_settings"] = {"master_key": key}
    return made


@pytest.fixture
def gateway(upstream: FaultServer, tmp_path: Path) -> Iterator[GatewayProcess]:
    with GatewayProcess(config(upstream, "old"), tmp_path) as running:
        yield running


def models(gateway: GatewayProcess, key: str = "-") -> set[str]:
    with client_of(gateway, key) as client:
        return {model.id for model in client.models.list()}


def reload(gateway: GatewayProcess, key: str = "-") -> httpx2.Response:
    headers = {"authorization": f"Bearer {key}"}
    return httpx2.post(f"{gateway.url}/admin/reload", headers=headers, timeout=10)


def test_by_request(gateway: GatewayProcess, upstream: FaultServer) -> None:
    gateway.write_config(config(upstream, "new"))
    assert reload(gateway).status_code == 200
    assert models(gateway) == {"new"}
    with client_of(gateway) as client:
        client.chat.completions.create(model="new", messages=HELLO)
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model="old", messages=HELLO)


def test_by_signal(gateway: GatewayProcess, upstream: FaultServer) -> None:
    gateway.write_config(config(upstream, "new"))
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: models(gateway) == {"new"}, "the new configuration is in force")


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no-model": (
        {"model_list": [{"model_name": "x", "litellm_params": {"modle": "openai/x"}}]},
        "model_list[0].litellm_params.model:",
    ),
    "no-such-rung": ({"routes": {"auto": {"ladder": ["oldd"]}}}, "'old'"),
    "unknown-section": ({"ruotes": {}}, "'routes'"),
}
"""What is wrong with a configuration, and words of the reason given."""


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_one_is_refused_with_its_reason(
    gateway: GatewayProcess, upstream: FaultServer, name: str
) -> None:
    gateway.write_config({**config(upstream, "old"), **BROKEN[name][0]})
    refused = reload(gateway)
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "invalid_config"
    said = refused.json()["error"]["message"]
    assert BROKEN[name][1] in said
    assert models(gateway) == {"old"}
    with client_of(gateway) as client:
        client.chat.completions.create(model="old", messages=HELLO)


def test_a_file_that_is_no_yaml_is_refused_by_signal_too(gateway: GatewayProcess) -> None:
    gateway.config_file.write_text("model_list: [")
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: "old configuration stays" in gateway.log, "the log says why")
    assert models(gateway) == {"old"}


def test_the_key_changes_with_the_rest(gateway: GatewayProcess, upstream: FaultServer) -> None:
    gateway.write_config(config(upstream, "old", key=KEY))
    assert reload(gateway).status_code == 200
    assert reload(gateway).status_code == 401
    with pytest.raises(openai.AuthenticationError):
        models(gateway)
    assert models(gateway, KEY) == {"old"}
    assert reload(gateway, KEY).status_code == 200


def test_requests_under_way_are_answered_by_the_old_one(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.always("old", faults.ok(between=0.1))

    async def talk() -> str:
        async with async_client_of(gateway) as client:
            stream = await client.chat.completions.create(model="old", messages=HELLO, stream=True)
            said = ""
            async for chunk in stream:
                if not said:
                    gateway.write_config(config(upstream, "new"))
                    reloaded = await asyncio.to_thread(reload, gateway)
                    assert reloaded.status_code == 200
                said += chunk.choices[0].delta.content or ""
            return said

    assert asyncio.run(talk()) == "".join(chat.WORDS)
    assert models(gateway) == {"new"}
