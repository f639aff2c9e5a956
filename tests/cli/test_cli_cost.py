"""``stepdown cost``: the planning figures of the documentation, and bad input."""

import json
from decimal import Decimal

import pytest
from click.testing import CliRunner, Result

from stepdown.cli import main
from stepdown.pricing.price import TokenPrice
from stepdown.types import Usage


@pytest.fixture(autouse=True)
def bundled_prices(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["cost", *arguments])


MODELS = ("--cheap", "gpt-4o-mini", "--strong", "gpt-4o")


def test_a_hundred_billion_tokens() -> None:
    shown = run("--output", "100B", "--share", "0.7", *MODELS)
    assert shown.exit_code == 0
    assert "$1,000,000 → $342,000, 65.8 % saved" in shown.output


def test_a_hundred_million_tokens_save_the_same_share() -> None:
    shown = run("--output", "100M", "--share", "70%", *MODELS)
    assert "$1,000 → $342, 65.8 % saved" in shown.output


def test_input_counts_too() -> None:
    shown = run("--output", "100B", "--input", "400B", "--share", "0.7", *MODELS, "--json")
    figures = json.loads(shown.output)
    assert figures["all_strong"] == "2000000"
    assert figures["blended"] == "684000"
    assert figures["saved_share"] == "0.658"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--output", "100X", "--share", "0.7", *MODELS), "such as 250k, 1.5M or 100B, got '100X'"),
        (("--output", "1.5", "--share", "0.7", *MODELS), "a whole number of tokens"),
        (("--output", "100B", "--share", "7", *MODELS), "a share such as 0.7 or 70%, got '7'"),
        (("--output", "100B", "--share", "-1", *MODELS), "a share such as"),
        (
            ("--output", "1B", "--share", "0", "--cheap", "gpt-4o-mni", "--strong", "gpt-4o"),
            "no price is known for 'gpt-4o-mni'. Did you mean 'gpt-4o-mini'",
        ),
        (("--share", "0.7", *MODELS), "Missing option '--output'"),
    ],
)
def test_bad_input(arguments: tuple[str, ...], said: str) -> None:
    shown = run(*arguments)
    assert shown.exit_code == 2
    assert said in " ".join(shown.output.split())


def test_the_plan_is_exact() -> None:
    from stepdown.cli.cost import plan

    cheap = TokenPrice(Decimal("1e-7"), Decimal("3e-7"))
    strong = TokenPrice(Decimal("1e-6"), Decimal("1e-5"))
    bill = plan(cheap, strong, Usage(input=3, output=7), Decimal("0.1"))
    assert bill.strong == Decimal("0.000073")
    assert bill.blended == Decimal("0.1") * Decimal("0.0000024") + Decimal("0.9") * bill.strong
