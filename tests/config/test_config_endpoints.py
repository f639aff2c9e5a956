"""Endpoints: where each provider's calls go, with which key, and where no key may go."""

from typing import Any

import pytest

from stepdown.config.endpoints import Endpoint, Unserved, locate
from stepdown.config.litellm_providers import PROVIDERS, UNSUPPORTED
from stepdown.config.schema_litellm import LitellmParams

KEYS = {variable: f"key-of-{variable}" for p in PROVIDERS.values() for variable in p.key_variables}


def place(
    model: str,
    *,
    environ: dict[str, str] | None = None,
    unset: list[str] | None = None,
    **params: Any,
) -> tuple[Endpoint, list[str]]:
    remarks: list[str] = []
    endpoint = locate(
        LitellmParams.model_validate({"model": model, **params}),
        KEYS if environ is None else environ,
        unset=unset or [],
        remark=lambda key, why: remarks.append(f"{key}: {why}"),
    )
    return endpoint, remarks


def headers(endpoint: Endpoint) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in endpoint.headers.items()}


@pytest.mark.parametrize(
    ("model", "upstream", "url", "variable"),
    [
        ("gpt-4o", "gpt-4o", "https://api.openai.com/v1", "OPENAI_API_KEY"),
        ("openai/gpt-4o", "gpt-4o", "https://api.openai.com/v1", "OPENAI_API_KEY"),
        ("openai/*", "*", "https://api.openai.com/v1", "OPENAI_API_KEY"),
        (
            "claude-sonnet-4-5",
            "claude-sonnet-4-5",
            "https://api.anthropic.com/v1",
            "ANTHROPIC_API_KEY",
        ),
        (
            "openrouter/anthropic/claude-sonnet-4.5",
            "anthropic/claude-sonnet-4.5",
            "https://openrouter.ai/api/v1",
            "OPENROUTER_API_KEY",
        ),
        ("groq/llama-3.1-8b", "llama-3.1-8b", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
        ("together_ai/a/b", "a/b", "https://api.together.ai/v1", "TOGETHER_API_KEY"),
        ("mistral/small", "small", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
        ("deepseek/chat", "chat", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
        ("xai/grok-3", "grok-3", "https://api.x.ai/v1", "XAI_API_KEY"),
    ],
)
def test_providers(model: str, upstream: str, url: str, variable: str) -> None:
    endpoint, _ = place(model, environ={variable: "k"})
    assert (endpoint.upstream_model, str(endpoint.base_url)) == (upstream, url)
    assert headers(endpoint) == {"authorization": "Bearer k"}


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_every_provider_can_be_reached(name: str) -> None:
    endpoint, _ = place(f"{name}/m", api_base="https://h.example/x/v1", api_key="k")
    assert headers(endpoint) == {"authorization": "Bearer k"}
    assert endpoint.base_url == "https://h.example/x/v1"
    provider = PROVIDERS[name]
    if provider.base_url is not None:
        own, _ = place(f"{name}/m", environ={})
        assert str(own.base_url) == provider.base_url


def test_no_provider_is_both_served_and_unsupported() -> None:
    assert not UNSUPPORTED & PROVIDERS.keys()


@pytest.mark.parametrize("name", sorted(UNSUPPORTED))
def test_other_dialects_are_left_out(name: str) -> None:
    with pytest.raises(Unserved, match="does not speak OpenAI's chat dialect"):
        place(f"{name}/m")


def test_an_unknown_provider_names_the_nearest() -> None:
    with pytest.raises(Unserved, match="Did you mean 'mistral'"):
        place("mistrall/small")


def test_a_slash_is_part_of_the_name_where_there_is_an_api_base() -> None:
    endpoint, _ = place("Qwen/Qwen2.5", api_base="http://gpu:8000/v1", api_key="k")
    assert (endpoint.provider, endpoint.upstream_model) == ("openai", "Qwen/Qwen2.5")


def test_a_provider_may_be_named_beside_the_model() -> None:
    endpoint, _ = place("a/b", custom_llm_provider="groq")
    assert (endpoint.provider, endpoint.upstream_model) == ("groq", "a/b")
    endpoint, _ = place("groq/b", custom_llm_provider="groq")
    assert endpoint.upstream_model == "b"
    with pytest.raises(Unserved):
        place("a", custom_llm_provider="bedrock")


AZURE = "https://res.openai.azure.com"


@pytest.mark.parametrize(
    ("base", "version", "url", "query"),
    [
        (AZURE, None, f"{AZURE}/openai/v1", {}),
        (f"{AZURE}/", "preview", f"{AZURE}/openai/v1", {}),
        (f"{AZURE}/openai", None, f"{AZURE}/openai/v1", {}),
        (f"{AZURE}/openai/v1/", None, f"{AZURE}/openai/v1", {}),
        (
            AZURE,
            "2024-10-21",
            f"{AZURE}/openai/deployments/my-4o",
            {"api-version": "2024-10-21"},
        ),
        (
            f"{AZURE}/openai/deployments/other",
            "2024-10-21",
            f"{AZURE}/openai/deployments/other",
            {"api-version": "2024-10-21"},
        ),
    ],
)
def test_azure(base: str, version: str | None, url: str, query: dict[str, str]) -> None:
    endpoint, _ = place("azure/my-4o", api_base=base, api_version=version)
    assert str(endpoint.base_url) == url
    assert {k: v.get_secret_value() for k, v in endpoint.query.items()} == query
    assert headers(endpoint) == {"api-key": "key-of-AZURE_API_KEY"}


def test_azure_needs_a_base_and_takes_tokens() -> None:
    with pytest.raises(Unserved, match="needs an api_base"):
        place("azure/x", environ={})
    endpoint, _ = place("azure/x", environ={"AZURE_API_BASE": AZURE}, azure_ad_token="t")
    assert headers(endpoint) == {"authorization": "Bearer t"}


def test_azure_ai_hosts() -> None:
    endpoint, _ = place("azure_ai/m", api_base="https://r.services.ai.azure.com")
    assert str(endpoint.base_url) == "https://r.services.ai.azure.com/openai/v1"
    assert "api-key" in headers(endpoint)
    endpoint, _ = place("azure_ai/m", api_base="https://x.eu.models.ai.azure.com/v1")
    assert "authorization" in headers(endpoint)


@pytest.mark.parametrize("name", ["ollama", "ollama_chat", "hosted_vllm", "lm_studio", "llamafile"])
def test_local_servers_have_their_api_under_v1(name: str) -> None:
    endpoint, remarks = place(f"{name}/m", environ={}, api_base="http://gpu:1234/")
    assert str(endpoint.base_url) == "http://gpu:1234/v1"
    assert headers(endpoint) == {}
    assert remarks == []


def test_the_whole_urls_end_is_not_doubled() -> None:
    endpoint, _ = place("openai/m", api_base="http://gpu/v1/chat/completions", api_key="k")
    assert str(endpoint.base_url) == "http://gpu/v1"


def test_no_key_goes_to_another_host() -> None:
    endpoint, remarks = place("openai/m", api_base="https://elsewhere.example/v1")
    assert headers(endpoint) == {}
    assert remarks == [
        "api_key: none given; the key in OPENAI_API_KEY is not sent to another host "
        "(elsewhere.example)"
    ]
    endpoint, _ = place("openai/m", api_base="https://api.openai.com/v1")
    assert headers(endpoint) == {"authorization": "Bearer key-of-OPENAI_API_KEY"}


def test_a_key_whose_variable_is_unset_is_not_replaced_by_another() -> None:
    endpoint, _ = place("openai/m", unset=["api_key"])
    assert headers(endpoint) == {}


def test_a_base_whose_variable_is_unset_is_not_replaced_by_the_providers() -> None:
    with pytest.raises(Unserved, match="not set"):
        place("openai/m", unset=["api_base"])


def test_a_missing_key_is_told() -> None:
    _, remarks = place("fireworks_ai/m", environ={})
    assert remarks == [
        "api_key: none given, and FIREWORKS_API_KEY or FIREWORKS_AI_API_KEY or "
        "FIREWORKSAI_API_KEY is not set"
    ]


def test_own_headers_and_query_win() -> None:
    endpoint, _ = place(
        "openai/m",
        organization="org-1",
        extra_headers={"Authorization": "Basic x", "X-Team": "a"},
        extra_query={"trace": "1"},
    )
    assert headers(endpoint) == {
        "authorization": "Basic x",
        "openai-organization": "org-1",
        "x-team": "a",
    }
    assert endpoint.query["trace"].get_secret_value() == "1"


def test_fields_that_a_provider_refuses() -> None:
    mistral, _ = place("mistral/m")
    assert "logprobs" in mistral.unsupported
    assert not mistral.stream_usage
    assert place("openai/m")[0].stream_usage
    assert not place("openai/m", stream_usage=False)[0].stream_usage


def test_compatible_endpoints_say_so() -> None:
    assert "OpenAI-compatible endpoint" in place("anthropic/claude-sonnet-4-5")[1][0]


def test_simulated() -> None:
    endpoint, remarks = place("simulated/weak", environ={})
    assert (endpoint.provider, endpoint.upstream_model) == ("simulated", "weak")
    assert remarks == []


def test_the_environment_may_say_where_a_server_is() -> None:
    endpoint, _ = place("hosted_vllm/m", environ={"HOSTED_VLLM_API_BASE": "http://gpu/v1"})
    assert str(endpoint.base_url) == "http://gpu/v1"
