"""Finds out what each deployment's tokens cost: by its entry, by ``prices``, by the price book."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from stepdown.config.document import Config, Placed
from stepdown.config.endpoints import SIMULATED
from stepdown.config.schema import PriceSettings
from stepdown.config.schema_litellm import Prices
from stepdown.ports import Price

if TYPE_CHECKING:
    from stepdown.pricing.book import PriceBook
    from stepdown.pricing.price import TokenPrice

_UNITS = {"per million": 1_000_000, "per thousand": 1000, "per token": 1}
_RATES = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached_input",
    "cache_creation_input_token_cost": "cache_write",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
    "output_cost_per_reasoning_token": "reasoning",
}
"""LiteLLM's names of rates → the price's."""


class HalfPriced(Exception):
    """An entry gives a part of a price that is not known otherwise; the message is the problem."""


def price_book(config: Config) -> "PriceBook":
    """The price book, with the file's ``prices`` before it."""
    from stepdown.pricing.book import PriceBook

    return PriceBook({model: token_price(given) for model, given in config.prices.items()})


def token_price(given: PriceSettings) -> "TokenPrice":
    """A price of the file's ``prices``, per token."""
    from stepdown.pricing.price import TokenPrice

    unit = Decimal(_UNITS[given.unit])
    rates = {
        name: rate / unit for name in _RATES.values() if (rate := getattr(given, name)) is not None
    }
    return TokenPrice(**rates, request=given.request or Decimal(0))


def price_of_deployment(placed: Placed, book: "PriceBook") -> Price | None:
    """What the deployment's tokens cost, or None where that is unknown.

    Its own rates go first; those that they leave out come from the catalogue.
    Raises HalfPriced where input or output then has no rate.
    """
    known = price_of_upstream(placed, placed.endpoint.upstream_model, book)
    rates: dict[str, Any] = {**own_rates(placed)}
    if not rates:
        return known
    from stepdown.pricing.price import TokenPrice
    from stepdown.pricing.schedule import Schedule

    base = known.now() if isinstance(known, Schedule) else known
    for rate in ("input", "output"):
        if rate not in rates:
            if not isinstance(base, TokenPrice):
                other = "output" if rate == "input" else "input"
                raise HalfPriced(
                    f"{placed.path}.litellm_params.{rate}_cost_per_token: expected a rate beside "
                    f"that for {other}, got nothing, and the price book does not know the model"
                )
            rates[rate] = getattr(base, rate)
    return TokenPrice(**rates)


def own_rates(placed: Placed) -> dict[str, Decimal]:
    """The rates that the entry itself gives, in US dollars per token."""
    entry = placed.entry
    sections: tuple[Prices, ...] = (entry.model_info, entry.litellm_params)
    return {
        name: rate
        for section in sections
        for key, name in _RATES.items()
        if (rate := getattr(section, key)) is not None
    }


def price_of_upstream(placed: Placed, upstream_model: str, book: "PriceBook") -> Price | None:
    """The price of a model at the deployment's provider, its entry's own rates aside.

    ``model_info.base_model`` is the model priced, where it is given. ``prices`` may name a model
    as clients know it, or as the upstream does.
    """
    base = placed.entry.model_info.base_model
    for name in (placed.model, base, upstream_model):
        if name is not None and name in book.overrides:
            return book.overrides[name]
    if base is not None:
        return _at_any(base, placed.endpoint.provider, book)
    if placed.endpoint.provider == SIMULATED:
        return None
    return book.follow(upstream_model, placed.endpoint.provider)


def _at_any(model: str, provider: str, book: "PriceBook") -> Price | None:
    """A base model may be priced at the deployment's provider, or where its name comes from."""
    found = book.follow(model, provider)
    return book.follow(model) if found is None else found
