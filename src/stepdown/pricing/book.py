"""The price book: what a model costs at a provider, by the config's overrides or the catalogue."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from stepdown.pricing.price import TokenPrice
from stepdown.pricing.schedule import Schedule

if TYPE_CHECKING:
    from stepdown.pricing.catalogue import Catalogue, Entry

log = logging.getLogger("stepdown.pricing")

PROVIDERS = {
    "anthropic": "anthropic",
    "azure": "azure",
    "azure_ai": "azure",
    "baseten": "baseten",
    "bedrock": "aws",
    "bedrock_converse": "aws",
    "cerebras": "cerebras",
    "cloudflare": "cloudflare",
    "codestral": "mistral",
    "cohere": "cohere",
    "cohere_chat": "cohere",
    "databricks": "databricks",
    "deepseek": "deepseek",
    "fireworks_ai": "fireworks",
    "gemini": "google",
    "github_copilot": "github-copilot",
    "groq": "groq",
    "meta_llama": "meta",
    "minimax": "minimax",
    "mistral": "mistral",
    "moonshot": "moonshotai",
    "novita": "novita",
    "openai": "openai",
    "openrouter": "openrouter",
    "ovhcloud": "ovhcloud",
    "perplexity": "perplexity",
    "text-completion-openai": "openai",
    "together_ai": "together",
    "vertex_ai": "google",
    "xai": "x-ai",
    "zai": "zai",
}
"""LiteLLM's provider names → genai-prices' ids. Source: docs.litellm.ai/docs/providers"""


class PriceBook:
    """Prices by model and provider. Loads its catalogue when first asked; never the network.

    ``overrides`` are prices by model name, asked before the catalogue.
    """

    def __init__(self, overrides: Mapping[str, TokenPrice] | None = None) -> None:
        self.overrides = dict(overrides or {})

    def price(
        self, model: str, provider: str | None = None, *, at: datetime | None = None
    ) -> TokenPrice | None:
        """What the model's tokens cost at a moment (default: now), or None where it is unknown.

        ``provider`` is LiteLLM's or genai-prices' name for it. Without one, a prefix of the model
        (``groq/llama-3.1-8b-instant``) or the name itself tells; a provider that the catalogue
        does not know has no prices, whatever the model is called.
        """
        if model in self.overrides:
            return self.overrides[model]
        found = self.entry(model, provider)
        return None if found is None else found.schedule.at(at or datetime.now(UTC))

    def follow(self, model: str, provider: str | None = None) -> Schedule | TokenPrice | None:
        """Like ``price``, but the answer changes its rates on the day, or at the hour, they change.

        For whoever keeps a price for long: a deployment of a running gateway.
        """
        if model in self.overrides:
            return self.overrides[model]
        found = self.entry(model, provider)
        return None if found is None else found.schedule.simplest

    def batch(self, model: str, provider: str) -> TokenPrice | None:
        """What the model's tokens cost now in the provider's batches, or None where that is not
        known: then it is a share of the ordinary price. Overrides say nothing of batches."""
        named = self.provider_id(provider)
        if model in self.overrides or named is None:
            return None
        plain = model.removeprefix(f"{provider}/")
        return self.catalogue.batch(plain, named, datetime.now(UTC))

    def entry(self, model: str, provider: str | None = None) -> "Entry | None":
        """The catalogue's entry for a model, overrides aside, or None where it has none."""
        if provider is not None:
            named = self.provider_id(provider)
            if named is None:
                return None
            return self.catalogue.find(model.removeprefix(f"{provider}/"), named)
        prefix, _, rest = model.partition("/")
        named = self.provider_id(prefix) if rest else None
        found = None if named is None else self.catalogue.find(rest, named)
        return found or self.catalogue.find(model, None)

    @cached_property
    def catalogue(self) -> "Catalogue":
        """The refreshed catalogue where there is a sound one, else the package's."""
        from stepdown.pricing import refresh
        from stepdown.pricing.catalogue import Catalogue

        try:
            return refresh.load() or Catalogue.bundled()
        except refresh.PricesUnavailable as error:
            log.warning("%s The prices inside the package are used.", error)
            return Catalogue.bundled()

    def provider_id(self, name: str) -> str | None:
        """The catalogue's id of a provider, by LiteLLM's name or by its own, or None."""
        known = PROVIDERS.get(name.lower())
        if known is not None:
            return known
        return name if name in self.catalogue.providers() else None
