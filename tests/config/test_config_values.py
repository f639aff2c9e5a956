"""Values beyond text and numbers: sizes, times, money, URLs."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from stepdown.config.values import Bytes, Count, HttpUrl, Rate, SecretUrl, Span, Timeout


def value(kind: Any, given: Any) -> Any:
    return TypeAdapter(kind).validate_python(given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("32MB", 32_000_000), ("64 MiB", 67_108_864), (1024, 1024), ("1.5kb", 1500), ("7", 7)],
)
def test_sizes(given: Any, expected: int) -> None:
    assert value(Bytes, given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [("30d", 2_592_000), ("12h", 43_200), ("200ms", 0.2), (5, 5.0), ("1w", 604_800), ("10 m", 600)],
)
def test_times(given: Any, expected: float) -> None:
    assert value(Span, given) == pytest.approx(expected)


@pytest.mark.parametrize(
    "given", ["", "x", "5 fortnights", "-3s", 0, True, None, [1], "nan", "1e3s"]
)
def test_what_is_no_time(given: Any) -> None:
    with pytest.raises(ValidationError):
        value(Span, given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [(0.15, "0.15"), (1.5e-7, "1.5E-7"), ("1e-7", "1E-7"), ("0.60", "0.60"), (3, "3")],
)
def test_money_is_what_was_written(given: Any, expected: str) -> None:
    assert value(Rate, given) == Decimal(expected)


@given(st.decimals(min_value=0, max_value=1000, places=10))
def test_money_in_text_is_exact(amount: Decimal) -> None:
    assert value(Rate, str(amount)) == amount


@pytest.mark.parametrize("given", [-0.1, float("nan"), float("inf"), "free", True, None])
def test_what_is_no_money(given: Any) -> None:
    with pytest.raises(ValidationError):
        value(Rate, given)


@pytest.mark.parametrize("kind", [Count, Timeout, Bytes])
def test_yes_is_no_number(kind: Any) -> None:
    with pytest.raises(ValidationError):
        value(kind, True)


@pytest.mark.parametrize(
    "given", ["", "api.openai.com", "ftp://x/", "http://", "http://[::1", "file:///etc/passwd", 5]
)
def test_what_is_no_http_url(given: Any) -> None:
    with pytest.raises(ValidationError):
        value(HttpUrl, given)


def test_urls_hide_their_secrets_and_stay_usable() -> None:
    url = value(HttpUrl, "https://me:pw@host:8443/v1?key=k&x=y")
    assert url == "https://me:pw@host:8443/v1?key=k&x=y"
    assert url.shown == "https://***@host:8443/v1?***"
    assert repr(url) == "'https://***@host:8443/v1?***'"
    assert SecretUrl("http://host/v1").shown == "http://host/v1"


def test_urls_are_hidden_in_json_and_kept_in_python() -> None:
    adapter = TypeAdapter(SecretUrl)
    url = SecretUrl("postgresql://me:pw@host/db")
    assert adapter.dump_json(url) == b'"postgresql://***@host/db"'
    assert adapter.dump_python(url) == "postgresql://me:pw@host/db"
