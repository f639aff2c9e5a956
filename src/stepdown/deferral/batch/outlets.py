"""Which deployments have a batch API, and what a request costs there."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from stepdown.batch_ports import BatchAPI
from stepdown.ports import Deployment, Price


class Outlet(Struct, frozen=True):
    """A deployment with its batch API; ``price`` is that of requests in batches."""

    deployment: Deployment
    api: BatchAPI
    price: Price | None


class Outlets:
    """The outlets of one configuration.

    ``behind`` gives a model's deployments, each as it serves this name. ``apis`` are by the
    deployments' ids, ``price_of`` gives a deployment's price in batches.
    """

    def __init__(
        self,
        behind: Callable[[str], Sequence[Deployment]],
        apis: Mapping[str, BatchAPI],
        price_of: Callable[[Deployment], Price | None],
    ) -> None:
        self._behind = behind
        self._apis = apis
        self._price_of = price_of
        self._known: dict[str, tuple[Outlet, ...]] = {}

    def of(self, model: str) -> Sequence[Outlet]:
        """A model's outlets, in the configuration's order."""
        if model not in self._known:
            if len(self._known) >= MOST_NAMES:
                self._known.clear()
            self._known[model] = tuple(
                Outlet(each, self._apis[each.id], self._price_of(each))
                for each in self._behind(model)
                if each.id in self._apis
            )
        return self._known[model]

    def at(self, deployment: str, model: str) -> Outlet | None:
        """The outlet of this id, as it serves this model; None where the configuration has none."""
        return next((each for each in self.of(model) if each.deployment.id == deployment), None)


MOST_NAMES = 1000
"""How many model names are remembered; with patterns in the configuration, clients make them."""
