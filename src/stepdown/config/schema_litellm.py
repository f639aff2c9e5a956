"""The sections that have LiteLLM's meaning, as far as Stepdown honours them.

Keys that are not here are noted, not refused (``known_litellm.py``).
Source: docs.litellm.ai/docs/proxy/config_settings
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from stepdown.config.shapes import is_list, is_mapping
from stepdown.config.values import (
    Count,
    HttpUrl,
    Name,
    Positive,
    Rate,
    Seconds,
    Timeout,
    Weight,
)

Strategy = Literal[
    "simple-shuffle",
    "least-busy",
    "latency-based-routing",
    "cost-based-routing",
    "usage-based-routing",
    "usage-based-routing-v2",
]
Fallbacks = dict[Name, tuple[Name, ...]]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Phases(Section):
    """Timeouts of a call's phases, in seconds; they go before ``timeout``, ``stream_timeout``."""

    connect: Timeout | None = None
    first_byte: Timeout | None = None
    between_chunks: Timeout | None = None
    total: Timeout | None = None


class Prices(Section):
    """US dollars per token. What is given goes before the price book, what is not comes from it."""

    input_cost_per_token: Rate | None = None
    output_cost_per_token: Rate | None = None
    cache_read_input_token_cost: Rate | None = None
    cache_creation_input_token_cost: Rate | None = None
    input_cost_per_audio_token: Rate | None = None
    output_cost_per_audio_token: Rate | None = None
    output_cost_per_reasoning_token: Rate | None = None
    input_cost_per_token_batches: Rate | None = None
    output_cost_per_token_batches: Rate | None = None


class LitellmParams(Prices):
    """How to reach one deployment."""

    model: Name
    custom_llm_provider: Name | None = None
    api_base: HttpUrl | None = None
    api_key: SecretStr | None = None
    api_version: Name | None = None
    azure_ad_token: SecretStr | None = None
    organization: Name | None = None
    extra_headers: dict[Name, SecretStr] = {}
    extra_query: dict[Name, SecretStr] = {}
    proxy: HttpUrl | None = None
    ssl_verify: bool | Name = True
    http2: bool = False
    max_connections: Positive = 1000
    keepalive: Seconds = 60.0
    timeout: Timeout | None = None
    stream_timeout: Timeout | None = None
    timeouts: Phases = Phases()
    max_retries: Count | None = None
    rpm: Positive | None = None
    tpm: Positive | None = None
    weight: Weight | None = None
    order: Count | None = None
    cooldown_time: Seconds | None = None
    drop_params: bool | None = None
    additional_drop_params: tuple[Name, ...] = ()
    stream_usage: bool = True
    simulated: dict[str, Any] | None = None
    batch: Any = None


class ModelInfo(Prices):
    """Facts about one deployment."""

    id: Name | None = None
    base_model: Name | None = None
    max_input_tokens: Positive | None = None
    mode: Name | None = None


class ModelEntry(Section):
    """One deployment of the model ``model_name``."""

    model_name: Name
    litellm_params: LitellmParams
    model_info: ModelInfo = ModelInfo()


def _fallbacks(value: Any) -> Any:
    """LiteLLM writes ``[{a: [b]}, {c: [d]}]``; a plain mapping says the same."""
    if is_list(value) and all(map(is_mapping, value)):
        return {model: targets for item in value for model, targets in item.items()}
    return value


class FallbackKeys(Section):
    """The keys that ``router_settings`` and ``litellm_settings`` share; the former's win."""

    num_retries: Count = 2
    allowed_fails: Count | None = None
    fallbacks: Fallbacks = {}
    context_window_fallbacks: Fallbacks = {}
    content_policy_fallbacks: Fallbacks = {}
    default_fallbacks: tuple[Name, ...] = ()

    _read_fallbacks = field_validator(
        "fallbacks", "context_window_fallbacks", "content_policy_fallbacks", mode="before"
    )(_fallbacks)


class RetryPolicy(Section):
    """Retries by kind of failure, in place of ``num_retries``."""

    BadRequestErrorRetries: Count | None = None
    AuthenticationErrorRetries: Count | None = None
    TimeoutErrorRetries: Count | None = None
    RateLimitErrorRetries: Count | None = None
    ContentPolicyViolationErrorRetries: Count | None = None
    InternalServerErrorRetries: Count | None = None
    ServiceUnavailableErrorRetries: Count | None = None
    BadGatewayErrorRetries: Count | None = None
    NotFoundErrorRetries: Count | None = None
    DefaultRetries: Count | None = None


class AllowedFailsPolicy(Section):
    """Failures a minute by kind, in place of ``allowed_fails``."""

    BadRequestErrorAllowedFails: Count | None = None
    AuthenticationErrorAllowedFails: Count | None = None
    TimeoutErrorAllowedFails: Count | None = None
    RateLimitErrorAllowedFails: Count | None = None
    ContentPolicyViolationErrorAllowedFails: Count | None = None
    InternalServerErrorAllowedFails: Count | None = None
    ServiceUnavailableErrorAllowedFails: Count | None = None
    BadGatewayErrorAllowedFails: Count | None = None
    NotFoundErrorAllowedFails: Count | None = None


class RouterSettings(FallbackKeys):
    """How calls are spread over deployments, and what happens when one fails."""

    routing_strategy: Strategy = "simple-shuffle"
    retry_after: Seconds = 0.0
    timeout: Timeout = 60.0
    stream_timeout: Timeout | None = None
    cooldown_time: Seconds = 5.0
    disable_cooldowns: bool = False
    retry_policy: RetryPolicy = RetryPolicy()
    allowed_fails_policy: AllowedFailsPolicy = AllowedFailsPolicy()
    model_group_alias: dict[Name, Name] = {}
    enable_pre_call_checks: bool = False

    @field_validator("model_group_alias", mode="before")
    @classmethod
    def _plain_alias(cls, value: Any) -> Any:
        """LiteLLM also writes ``{alias: {model: name, hidden: true}}``."""
        if not is_mapping(value):
            return value
        return {
            alias: target.get("model") if is_mapping(target) else target
            for alias, target in value.items()
        }


class LitellmSettings(FallbackKeys):
    """Defaults for every deployment."""

    drop_params: bool = False
    request_timeout: Timeout = 6000.0


class GeneralSettings(Section):
    """The server's own settings."""

    master_key: SecretStr | None = Field(default=None, min_length=1)
