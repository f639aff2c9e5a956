"""How many retries a failure is worth, and how long they wait."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.errors import (
    ContextWindowExceeded,
    UpstreamDenied,
    UpstreamError,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimedOut,
)
from stepdown.providers.retry import LONGEST_PAUSE, RetryRules
from support.fleets import stated


@pytest.mark.parametrize(
    ("error", "policy", "own", "allowed"),
    [
        (UpstreamFailed("no"), {}, None, 2),
        (UpstreamFailed("no"), {}, 5, 5),
        (UpstreamFailed("no"), {"DefaultRetries": 4}, 5, 4),
        (UpstreamTimedOut("no"), {"TimeoutErrorRetries": 1, "DefaultRetries": 4}, 5, 1),
        (stated(UpstreamFailed, upstream_status=503), {"ServiceUnavailableErrorRetries": 7}, 1, 7),
        (stated(UpstreamFailed, upstream_status=503), {"InternalServerErrorRetries": 6}, 1, 6),
        (UpstreamRefused("no"), {"DefaultRetries": 4}, 5, 0),
        (UpstreamRefused("no"), {"BadRequestErrorRetries": 1}, None, 1),
        (ContextWindowExceeded("long"), {"BadRequestErrorRetries": 1}, None, 0),
        (UpstreamDenied("key"), {}, None, 2),
    ],
)
def test_how_many(
    error: UpstreamError, policy: dict[str, int], own: int | None, allowed: int
) -> None:
    assert RetryRules(by_kind=policy).allowed(error, own) == allowed


@given(
    st.floats(0, 60),
    st.none() | st.floats(0, 60),
    st.integers(1, 10_000),
    st.integers(0, 2**32),
)
def test_a_pause_is_never_shorter_than_asked_nor_longer_than_the_backoff_allows(
    least: float, retry_after: float | None, tries: int, seed: int
) -> None:
    error = stated(UpstreamRateLimited, retry_after=retry_after)
    pause = RetryRules(retry_after=least).pause(error, tries, Random(seed))
    floor = max(least, retry_after or 0.0)
    assert floor <= pause <= floor + min(LONGEST_PAUSE, 0.5 * 2.0 ** min(tries - 1, 50))
