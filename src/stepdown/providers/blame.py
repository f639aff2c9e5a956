"""Reads a failure: whose fault it is, and what LiteLLM's policies call it."""

from stepdown.errors import UpstreamDenied, UpstreamError, UpstreamRefused

_STATUS_NAMES = {
    404: "NotFoundError",
    502: "BadGatewayError",
    503: "ServiceUnavailableError",
}
_OWN_FAULTS = {402, 404}
"""Refusals that speak of the endpoint, not of the request: nothing is paid, no such model."""


def names(error: UpstreamError) -> tuple[str, ...]:
    """LiteLLM's names for a failure, the closest first, as its policies' keys begin."""
    general = error.kind.removesuffix("Retries")
    special = _STATUS_NAMES.get(error.upstream_status or 0)
    return (general,) if special is None else (special, general)


def is_misconfigured(error: UpstreamError) -> bool:
    """Whether this endpoint will refuse every request: a bad key, an unpaid bill, no such model."""
    return isinstance(error, UpstreamDenied) or (
        isinstance(error, UpstreamRefused) and error.upstream_status in _OWN_FAULTS
    )


def is_requests_fault(error: UpstreamError) -> bool:
    """Whether the request itself was refused: the endpoint is well, asking again is useless."""
    return isinstance(error, UpstreamRefused) and not is_misconfigured(error)
