"""Brings LiteLLM's settings, which stand in several sections, into those of the fleet."""

from typing import Any

from stepdown.config.document import Config, Placed
from stepdown.config.schema_litellm import FallbackKeys
from stepdown.providers.settings import FleetSettings
from stepdown.types import Timeouts


def fleet_settings(config: Config) -> FleetSettings:
    """The fleet's settings; what ``router_settings`` says goes before ``litellm_settings``."""
    router = config.router_settings
    return FleetSettings(
        strategy=router.routing_strategy,
        num_retries=shared(config, "num_retries"),
        retry_after=router.retry_after,
        deadline=router.timeout,
        allowed_fails=shared(config, "allowed_fails"),
        cooldown_time=0.0 if router.disable_cooldowns else router.cooldown_time,
        retry_policy=router.retry_policy.model_dump(exclude_none=True),
        allowed_fails_policy=router.allowed_fails_policy.model_dump(exclude_none=True),
        fallbacks=_lists(shared(config, "fallbacks")),
        context_window_fallbacks=_lists(shared(config, "context_window_fallbacks")),
        content_policy_fallbacks=_lists(shared(config, "content_policy_fallbacks")),
        default_fallbacks=list(shared(config, "default_fallbacks")),
        aliases=router.model_group_alias,
        enable_pre_call_checks=router.enable_pre_call_checks,
    )


def shared(config: Config, key: str) -> Any:
    """The value of a key that both sections have: where it is given, the router's first."""
    assert key in FallbackKeys.model_fields
    given = key in config.router_settings.model_fields_set
    return getattr(config.router_settings if given else config.litellm_settings, key)


def timeouts_of(config: Config, placed: Placed) -> tuple[Timeouts, Timeouts | None]:
    """A deployment's timeouts for plain and, where they differ, for streamed calls.

    As in LiteLLM, ``timeout`` bounds a call, and the nearest one given counts: the deployment's,
    the router's, then ``request_timeout``. ``stream_timeout`` bounds the wait for a stream's
    first bytes and for each next ones.
    """
    params, router = placed.entry.litellm_params, config.router_settings
    total = params.timeout
    if total is None and "timeout" in router.model_fields_set:
        total = router.timeout
    if total is None:
        total = config.litellm_settings.request_timeout
    phases = params.timeouts.model_dump(exclude_none=True)
    plain = {"total": total, "first_byte": min(total, Timeouts().first_byte)}
    if total < Timeouts().between_chunks:
        plain["between_chunks"] = total
    stream = router.stream_timeout if params.stream_timeout is None else params.stream_timeout
    timeouts = Timeouts(**{**plain, **phases})
    if stream is None:
        return timeouts, None
    streamed = {**plain, "first_byte": stream, "between_chunks": stream}
    return timeouts, Timeouts(**{**streamed, **phases})


def _lists(fallbacks: dict[str, tuple[str, ...]]) -> dict[str, list[str]]:
    return {model: list(targets) for model, targets in fallbacks.items()}
