"""Whose fault a failure is, and what LiteLLM calls it."""

import pytest

from stepdown.errors import (
    ContentRefused,
    ContextWindowExceeded,
    UpstreamDenied,
    UpstreamError,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from stepdown.providers.blame import is_misconfigured, is_requests_fault, names
from stepdown.providers.settings import ALLOWED_FAILS_POLICY, RETRY_POLICY
from support.fleets import stated


@pytest.mark.parametrize(
    ("error", "requests_fault", "misconfigured"),
    [
        (UpstreamRefused("no"), True, False),
        (ContextWindowExceeded("long"), True, False),
        (ContentRefused("no"), True, False),
        (UpstreamDenied("key"), False, True),
        (stated(UpstreamRefused, upstream_status=404), False, True),
        (stated(UpstreamRefused, upstream_status=402), False, True),
        (stated(UpstreamRefused, upstream_status=422), True, False),
        (UpstreamFailed("no"), False, False),
        (UpstreamRateLimited("no"), False, False),
        (UpstreamUnreachable("no"), False, False),
    ],
)
def test_whose_fault(error: UpstreamError, requests_fault: bool, misconfigured: bool) -> None:
    assert is_requests_fault(error) is requests_fault
    assert is_misconfigured(error) is misconfigured


@pytest.mark.parametrize(
    ("error", "called"),
    [
        (UpstreamTimedOut("slow"), ("TimeoutError",)),
        (UpstreamFailed("no"), ("InternalServerError",)),
        (
            stated(UpstreamFailed, upstream_status=503),
            ("ServiceUnavailableError", "InternalServerError"),
        ),
        (stated(UpstreamRefused, upstream_status=404), ("NotFoundError", "BadRequestError")),
        (ContentRefused("no"), ("ContentPolicyViolationError",)),
    ],
)
def test_litellms_names(error: UpstreamError, called: tuple[str, ...]) -> None:
    assert names(error) == called
    for name in called:
        assert f"{name}Retries" in RETRY_POLICY
        assert f"{name}AllowedFails" in ALLOWED_FAILS_POLICY
