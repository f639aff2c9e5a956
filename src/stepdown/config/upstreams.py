"""Makes the upstreams. Deployments with the same endpoint share one, and its connections."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from stepdown.config.document import Placed
from stepdown.config.endpoints import SIMULATED
from stepdown.ports import Upstream

if TYPE_CHECKING:
    from stepdown.providers.http import HttpOptions


class Upstreams:
    """The upstreams of one configuration; what an earlier one has made already is taken over."""

    def __init__(self, earlier: "Upstreams | None" = None) -> None:
        self._earlier = [] if earlier is None else list(earlier._made)
        self._made: list[tuple[HttpOptions, Upstream]] = []

    def of(self, placed: Placed) -> Upstream:
        """The upstream of a deployment. Raises ConfigError for options that cannot be used."""
        if placed.endpoint.provider == SIMULATED:
            return _simulated(placed)
        from stepdown.providers.http import HttpUpstream

        options = http_options(placed)
        for made, upstream in self._made:
            if made == options:
                return upstream
        kept = next((upstream for made, upstream in self._earlier if made == options), None)
        upstream = HttpUpstream(options) if kept is None else kept
        self._made.append((options, upstream))
        return upstream

    def all(self) -> list[Upstream]:
        return [upstream for _, upstream in self._made]

    async def aclose(self, but: Collection[Upstream] = ()) -> None:
        """Close every upstream, except those that are still in use elsewhere."""
        for upstream in self.all():
            if not any(upstream is kept for kept in but):
                await upstream.aclose()


def _simulated(placed: Placed) -> Upstream:
    from stepdown.providers.simulated import SimulatedUpstream

    options: dict[str, Any] = placed.entry.litellm_params.simulated or {}
    return SimulatedUpstream(placed.endpoint.upstream_model, options)


def http_options(placed: Placed) -> "HttpOptions":
    """How a deployment's endpoint is reached."""
    from stepdown.providers.http import HttpOptions

    endpoint, params = placed.endpoint, placed.entry.litellm_params
    return HttpOptions(
        base_url=str(endpoint.base_url),
        headers={name: value.get_secret_value() for name, value in endpoint.headers.items()},
        query={name: value.get_secret_value() for name, value in endpoint.query.items()},
        proxy=None if endpoint.proxy is None else str(endpoint.proxy),
        verify=params.ssl_verify,
        http2=params.http2,
        max_connections=params.max_connections,
        keepalive=params.keepalive,
    )
