"""``stepdown prices``: one model, a part of a name, a provider, and what is unknown."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stepdown.cli import main


@pytest.fixture(autouse=True)
def bundled_prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["prices", *arguments])


def test_one_model() -> None:
    shown = run("gpt-4o-mini")
    assert shown.exit_code == 0
    for part in ("gpt-4o-mini", "$0.15", "$0.075", "$0.60", "genai-prices 0.", "20"):
        assert part in shown.output
    assert shown.output.count("gpt-4o-mini") == 1


def test_json_is_exact() -> None:
    (price,) = json.loads(run("gpt-4o-mini", "--json").output)
    assert price["provider"] == "openai"
    assert price["input"] == "0.00000015"
    assert price["cached_input"] == "0.000000075"
    assert price["cache_write"] is None
    assert price["source"].startswith("genai-prices ")
    assert len(price["date"]) == 10


def test_tiers_are_shown() -> None:
    assert "above 200,000 input tokens $2.50 / $15" in run("gemini-2.5-pro").output
    (price,) = json.loads(run("gemini-2.5-pro", "--json").output)
    assert price["tiers"][0]["above"] == 200_000
    assert price["tiers"][0]["output"] == "0.000015"


def test_a_part_of_a_name() -> None:
    found = json.loads(run("4o-min", "--provider", "openai", "--json").output)
    assert found
    assert all("4o-min" in price["model"] and price["provider"] == "openai" for price in found)


def test_every_price() -> None:
    assert len(json.loads(run("--json").output)) > 1500


def test_a_litellm_name_of_a_provider() -> None:
    found = json.loads(run("--provider", "together_ai", "--json").output)
    assert {price["provider"] for price in found} == {"together"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("gpt-4oo-mini",), "no price is known for 'gpt-4oo-mini'. Did you mean 'gpt-4o-mini'"),
        (("gpt-4o", "--provider", "opnai"), "'opnai' is not a provider"),
        (("gpt-4o", "--url", "http://x"), "--url belongs to"),
    ],
)
def test_bad_input(arguments: tuple[str, ...], said: str) -> None:
    shown = run(*arguments)
    assert shown.exit_code == 2
    assert said in " ".join(shown.output.split())


def test_update_offline(tmp_path: Path) -> None:
    shown = run("update", "--url", "http://127.0.0.1:9/data.json")
    assert shown.exit_code == 1
    assert "cannot be fetched from http://127.0.0.1:9/data.json" in shown.output
    assert "stay as they were" in shown.output
    assert list(tmp_path.iterdir()) == []
