"""What requests cost in batches: by the deployment's entry, by the catalogue, or a share."""

from decimal import Decimal

from stepdown.config.document import Config, Placed
from stepdown.config.endpoints import SIMULATED
from stepdown.config.notes import join
from stepdown.config.prices import own_rates, price_book
from stepdown.config.schema_litellm import Prices
from stepdown.ports import Deployment, Price
from stepdown.pricing.batch_price import HALF, Discounted
from stepdown.pricing.price import TokenPrice

_KEYS = ("input_cost_per_token_batches", "output_cost_per_token_batches")


class BatchPrices:
    """The prices of one configuration's deployments in batches, by the first that is known:

    the entry's own rates for batches; ``batch.price_factor`` of the ordinary price; the
    catalogue's price for batches, where the ordinary one is the catalogue's too; half of it.
    """

    def __init__(self, config: Config) -> None:
        self._factor = config.batch.price_factor
        self._placed = {placed.id: placed for placed in config.deployments}
        self._book = price_book(config)

    def problems_of(self, placed: Placed) -> list[str]:
        """One rate for batches needs the other."""
        given = [key for key in _KEYS if _rate(placed, key) is not None]
        if len(given) != 1:
            return []
        [missing] = set(_KEYS) - set(given)
        path = join(join(placed.path, "litellm_params"), missing)
        return [f"{path}: expected a rate beside {given[0]}, got nothing"]

    def of(self, deployment: Deployment) -> Price | None:
        """The price of a deployment as it serves a name; None where it is unknown."""
        placed, ordinary = self._placed[deployment.id], deployment.price
        into, out = (_rate(placed, key) for key in _KEYS)
        if into is not None and out is not None:
            return TokenPrice(into, out)
        known = self._known(placed, deployment) if self._factor is None else None
        if known is not None or ordinary is None:
            return known
        return Discounted(ordinary, HALF if self._factor is None else self._factor)

    def _known(self, placed: Placed, deployment: Deployment) -> Price | None:
        provider = placed.endpoint.provider
        if provider == SIMULATED or own_rates(placed) or placed.model in self._book.overrides:
            return None
        model = placed.entry.model_info.base_model or deployment.upstream_model
        return self._book.batch(model, provider)


def _rate(placed: Placed, key: str) -> Decimal | None:
    entry = placed.entry
    sections: tuple[Prices, ...] = (entry.model_info, entry.litellm_params)
    rates = (getattr(section, key) for section in sections)
    return next((rate for rate in rates if rate is not None), None)
