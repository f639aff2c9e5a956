"""Quantities on the command line, read and printed."""

from decimal import Decimal

import click
import pytest

from stepdown.cli.quantities import percent, plain, share, since, tokens


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("250000", 250_000),
        ("250_000", 250_000),
        ("250,000", 250_000),
        ("250k", 250_000),
        ("1.5M", 1_500_000),
        ("100B", 10**11),
        ("100 b", 10**11),
        ("2T", 2 * 10**12),
        ("1e9", 10**9),
    ],
)
def test_tokens(text: str, count: int) -> None:
    assert tokens(text) == count


@pytest.mark.parametrize("text", ["", "B", "-5", "1.5", "1.0001k", "10Q", "1e999", "0x10"])
def test_no_tokens(text: str) -> None:
    with pytest.raises(click.BadParameter):
        tokens(text)


def test_since() -> None:
    assert [since(text) for text in ("30m", "24h", "7d", "1.5d", "4w")] == [
        1800,
        86_400,
        604_800,
        129_600,
        2_419_200,
    ]
    assert since("all") is None
    for text in ("7", "d", "-1d", "7y", ""):
        with pytest.raises(click.BadParameter):
            since(text)


def test_share() -> None:
    assert share("0.7") == share("70%") == Decimal("0.7")
    assert share("0") == 0
    for text in ("1.1", "101%", "-0.5", "half"):
        with pytest.raises(click.BadParameter):
            share(text)


def test_percent_and_plain() -> None:
    assert percent(Decimal("0.658"), 1) == "65.8 %"
    assert percent(1, 0) == "–"
    assert plain(Decimal("1E+6")) == "1000000"
    assert plain(Decimal("0.00000015")) == "0.00000015"
