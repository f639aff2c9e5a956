"""A deployment: one endpoint that serves a model, and how it wants to be called."""

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from stepdown.ports import Dialect, Price, Upstream
from stepdown.types import Timeouts


class Lease(Struct, frozen=True, gc=False):
    """What the fleet set aside for one call; it is settled when the call ends.

    ``tokens`` were reserved in the second ``second`` of the fleet's clock. ``probe`` marks the
    one call that finds out whether a deployment is back after its cooldown.
    """

    tokens: int = 0
    second: int = 0
    probe: bool = False


class Deployment(Struct, frozen=True):
    """One endpoint that serves a model, as the configuration states it.

    ``model`` is the name that clients know, ``upstream_model`` the upstream's own. Either may
    hold ``*``: then the deployment serves every name that fits, and the upstream's name takes
    over what the stars matched; ``price_of`` prices such a name where ``price`` does not.
    ``rpm`` and ``tpm`` are requests and tokens a minute; ``order``: lower is asked first, none
    last; ``cooldown_time`` in seconds; ``max_retries`` replaces the fleet's ``num_retries``.
    ``lease`` is the fleet's: a call that must be settled at its end gets a copy which bears it.
    """

    id: str
    model: str
    upstream_model: str
    upstream: Upstream
    dialect: Dialect
    price: Price | None = None
    timeouts: Timeouts = Timeouts()
    stream_timeouts: Timeouts | None = None
    weight: float | None = None
    rpm: int | None = None
    tpm: int | None = None
    order: int | None = None
    max_input_tokens: int | None = None
    cooldown_time: float | None = None
    max_retries: int | None = None
    drop_params: bool = False
    unsupported: frozenset[str] = frozenset()
    stream_usage: bool = True
    price_of: Callable[[str], Price | None] | None = None
    lease: Lease | None = None

    @property
    def dropped(self) -> frozenset[str]:
        """The request fields that are left out: the unsupported ones, where dropping is allowed."""
        return self.unsupported if self.drop_params else frozenset()

    def for_streams(self) -> "Deployment":
        """The same endpoint with the timeouts of streamed calls."""
        if self.stream_timeouts is None:
            return self
        return replace(self, timeouts=self.stream_timeouts)

    def serving(self, model: str, matched: Sequence[str]) -> "Deployment":
        """The same endpoint for one name that its pattern matched, the stars filled in."""
        upstream_model = self.upstream_model
        for part in matched:
            upstream_model = upstream_model.replace("*", part, 1)
        price = self.price
        if price is None and self.price_of is not None:
            price = self.price_of(upstream_model)
        return replace(self, model=model, upstream_model=upstream_model, price=price)
