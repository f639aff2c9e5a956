"""Builds what batches need: their terms, and the batch APIs of the deployments that have one."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct

from stepdown.batch_ports import BatchAPI
from stepdown.config.batch_prices import BatchPrices
from stepdown.config.build import webhook_targets
from stepdown.config.document import Config, Placed
from stepdown.config.endpoints import SIMULATED
from stepdown.config.notes import join
from stepdown.config.serving import Serving
from stepdown.config.shapes import is_mapping
from stepdown.config.upstreams import http_options
from stepdown.deferral.batch.outlets import Outlets
from stepdown.deferral.batch.service import BatchService
from stepdown.deferral.batch.terms import BatchTerms
from stepdown.errors import ConfigError
from stepdown.providers.deployment import Deployment
from stepdown.storage.address import parse

if TYPE_CHECKING:
    from stepdown.providers.http import HttpOptions

HOSTS = {"openai": "api.openai.com", "anthropic": "api.anthropic.com"}
"""Where a provider's batch API is taken to be there without being named."""


class Batching(Struct, eq=False):
    """What one configuration says of batches. ``made`` are its batch APIs, with their options."""

    terms: BatchTerms
    outlets: Outlets
    made: Sequence[tuple[Any, BatchAPI]]

    async def aclose(self, kept: "Batching | None" = None) -> None:
        """Close the batch APIs that another configuration does not go on with."""
        others: Collection[BatchAPI] = () if kept is None else [api for _, api in kept.made]
        for _, api in self.made:
            if not any(api is other for other in others):
                await api.aclose()


def build_batches(config: Config, terms: BatchTerms) -> BatchService:
    """The batches, in the ledger's database; not started."""
    url = config.ledger.url
    return BatchService(parse(None if url is None else str(url)), terms)


def build_batching(
    config: Config, deployments: Sequence[Deployment], previous: Batching | None = None
) -> Batching:
    """Nothing is connected. Raises ConfigError."""
    earlier = () if previous is None else previous.made
    made: list[tuple[Any, BatchAPI]] = []
    apis: dict[str, BatchAPI] = {}
    problems: list[str] = []
    prices = BatchPrices(config)
    for placed in config.deployments:
        problems += prices.problems_of(placed)
        try:
            options = _options(placed, config.batch.max_tokens)
        except ValueError as problem:
            path = join(placed.path, "litellm_params")
            problems.append(f"{join(path, 'batch')}: {problem}")
            continue
        if options is None:
            continue
        known = [api for other, api in (*made, *earlier) if other == options]
        api = known[0] if known else _api(*options)
        made.append((options, api))
        apis[placed.id] = api
    if problems:
        raise ConfigError(problems)
    serving = Serving(deployments, config.router_settings.model_group_alias)
    return Batching(terms_of(config), Outlets(serving.behind, apis, prices.of), made)


def terms_of(config: Config) -> BatchTerms:
    """What ``stepdown.deferral`` is to know of the settings."""
    settings = config.batch
    return BatchTerms(
        enabled=settings.enabled,
        paused=settings.paused,
        concurrency=settings.concurrency,
        rpm=settings.rpm,
        gather=settings.gather,
        poll=settings.poll,
        retention=settings.retention,
        most=settings.max,
        most_stored=settings.max_stored,
        max_file=settings.max_file,
        max_lines=settings.max_lines,
        max_line=settings.max_line,
        rounds=settings.rounds,
        webhooks=webhook_targets(config.jobs),
    )


def kind_of_api(placed: Placed) -> str | None:
    """The kind of a deployment's batch API; None where it has none, or what is said is wrong."""
    with suppress(ValueError):
        kind = _kind(placed)
        return None if kind is None else kind[0]
    return None


# ── Which API, and how it is reached ─────────────────────────────────────────────────────────


def _options(placed: Placed, max_tokens: int | None) -> tuple[str, Any] | None:
    """A deployment's kind of batch API with its options; None where it has none.

    Raises ValueError with what is wrong.
    """
    kind = _kind(placed)
    if kind is None or kind[0] != "anthropic":
        return kind
    return kind[0], (kind[1], max_tokens)


def _kind(placed: Placed) -> tuple[str, Any] | None:
    endpoint, given = placed.endpoint, placed.entry.litellm_params.batch
    if endpoint.provider == SIMULATED:
        return _simulated(given)
    if given is False:
        return None
    if given is None or given is True:
        host = urlsplit(str(endpoint.base_url)).hostname
        if HOSTS.get(endpoint.provider) == host:
            return endpoint.provider, http_options(placed)
        if given is None:
            return None
        raise ValueError(f"expected one of {', '.join(HOSTS)}: the kind of batch API at {host}")
    if given not in HOSTS:
        raise ValueError(f"expected one of {', '.join(HOSTS)}, true or false, got {given!r}")
    return given, http_options(placed)


def _simulated(given: Any) -> tuple[str, Any] | None:
    from stepdown.providers.batch.simulated import read_batch_options

    if given is None or given is False:
        return None
    if given is not True and not is_mapping(given):
        raise ValueError(f"expected true, false, or options, got {given!r}")
    try:
        return SIMULATED, read_batch_options({} if given is True else given)
    except ConfigError as error:
        raise ValueError(error.problems[0]) from None


def _api(kind: str, options: Any) -> BatchAPI:
    if kind == SIMULATED:
        from stepdown.providers.batch.simulated import SimulatedBatchAPI, SimulatedProvider

        return SimulatedBatchAPI(SimulatedProvider(options))
    if kind == "anthropic":
        from stepdown.providers.batch.anthropic import AnthropicBatchAPI

        at, max_tokens = options
        return AnthropicBatchAPI(at, max_tokens=max_tokens)
    reached: HttpOptions = options
    from stepdown.providers.batch.openai import OpenAIBatchAPI

    return OpenAIBatchAPI(reached)
