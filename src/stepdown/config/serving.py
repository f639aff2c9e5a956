"""Which deployments stand behind a name that can be asked for, and what they cost at most."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from stepdown.ports import Price
from stepdown.providers.deployment import Deployment
from stepdown.providers.groups import Catalogue, build_group
from stepdown.types import Usage


class Serving:
    """The deployments of one configuration, by the names that they serve."""

    def __init__(self, deployments: Sequence[Deployment], aliases: Mapping[str, str]) -> None:
        self._deployments: defaultdict[str, list[Deployment]] = defaultdict(list)
        for deployment in deployments:
            self._deployments[deployment.model].append(deployment)
        self._catalogue = Catalogue([build_group(name, ()) for name in self._deployments], aliases)

    def behind(self, model: str) -> list[Deployment]:
        """A model's deployments, each as it serves this name; none where it is unknown."""
        served = self._catalogue.find(model)
        if served is None:
            return []
        deployments = self._deployments[served.group.name]
        if served.matched is None:
            return deployments
        return [each.serving(served.name, served.matched) for each in deployments]

    def dearest(self, model: str) -> Price | None:
        """A price that no deployment of the model exceeds; None where one is unknown."""
        prices = [each.price for each in self.behind(model)]
        known = [price for price in prices if price is not None]
        return Dearest(known) if known and len(known) == len(prices) else None


class Dearest:
    """Implements ``ports.Price``: of several prices, the one that a call may come to."""

    def __init__(self, prices: Sequence[Price]) -> None:
        self._prices = prices

    def cost(self, usage: Usage) -> Decimal:
        return max(price.cost(usage) for price in self._prices)
