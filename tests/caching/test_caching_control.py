"""Cache-Control as clients write it, and as they write it wrongly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.caching import control
from stepdown.caching.control import NOTHING, CacheControl, cache_control

OF = {
    None: NOTHING,
    "": NOTHING,
    "no-cache": CacheControl(no_cache=True),
    "No-Store": CacheControl(no_store=True),
    "max-age=60": CacheControl(max_age=60),
    'MAX-AGE="60"': CacheControl(max_age=60),
    "max-age=0": CacheControl(max_age=0),
    " no-cache ,\tno-store , max-age = 5": CacheControl(no_cache=True, no_store=True, max_age=5),
    "max-age=9, max-age=3, max-age=5": CacheControl(max_age=3),
    "no-transform, no-cache": CacheControl(no_cache=True),
    'private="a, no-store", no-cache': CacheControl(no_cache=True),
    "no-cache=x": CacheControl(no_cache=True),
    "max-age": NOTHING,
    "max-age=": NOTHING,
    "max-age=-1": NOTHING,
    "max-age=1.5": NOTHING,
    "max-age=soon": NOTHING,
    "max-age=99999999999": NOTHING,
    "nocache": NOTHING,
    "x-no-cache": NOTHING,
    "no-cache-please": NOTHING,
    "only-if-cached, max-stale=5, min-fresh=5": NOTHING,
    ",,,": NOTHING,
}


@pytest.mark.parametrize("header", OF)
def test_headers(header: str | None) -> None:
    assert cache_control(header) == OF[header]


@given(st.text(alphabet='no-cachestrmxg=,"; 0123456789\t', max_size=60))
def test_anything_is_taken(header: str) -> None:
    found = cache_control(header)
    assert found.max_age is None or found.max_age >= 0


def test_a_very_long_header_is_read_in_no_time() -> None:
    assert cache_control("max-age=" * 1_000_000) == NOTHING
    assert cache_control('"' * 1_000_000) == NOTHING
    assert cache_control(" " * 1_000_000 + "no-cache") == NOTHING


@pytest.mark.parametrize("header", ["-" * 100_000 + "!", "a" + " " * 100_000 + "!", "\t" * 100_000])
def test_no_directive_is_tried_again_and_again(
    header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were it, these would take minutes."""
    monkeypatch.setattr(control, "_LONGEST", 1_000_000)
    assert cache_control(header) == NOTHING
