"""``stepdown savings`` over a ledger that a writer made."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stepdown.cli import main
from stepdown.ledger.writer import Ledger
from support.journeys import make_journey


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["savings", *arguments])


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "ledger.db"
    ledger = Ledger(str(path), queue=4)
    for _ in range(7):
        ledger.record(make_journey(cost="42", reference_cost="100", tags="team-a"))
    for _ in range(3):
        ledger.record(make_journey(rule="default", model="gpt-4o", cost="1", reference_cost="1"))
    ledger.record(make_journey(rule="faq", cost=None))
    ledger.close()
    return path


def test_the_table(database: Path) -> None:
    shown = run("--database", f"sqlite:///{database}")
    assert shown.exit_code == 0
    rows = {line.split("│")[1].strip(): line for line in shown.output.splitlines() if "│" in line}
    assert [cell.strip() for cell in rows["short-label"].split("│")[2:-1]] == [
        "7",
        "100.0 %",
        "$294",
        "$700",
        "$406",
        "58.0 %",
    ]
    assert [cell.strip() for cell in rows["total"].split("│")[2:5]] == ["11", "72.7 %", "$297"]
    text = " ".join(shown.output.split())
    assert "1 requests have an unknown cost" in text
    assert "7 requests have no detail" in text


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("rule", ["short-label", "default", "faq"]),
        ("model", ["gpt-4o-mini", "gpt-4o"]),
        ("route", ["auto"]),
        ("tag", ["team-a", "(untagged)"]),
    ],
)
def test_json(database: Path, by: str, names: list[str]) -> None:
    shown = json.loads(run("--database", str(database), "--by", by, "--json").output)
    assert [row["name"] for row in shown["rows"]] == names
    total = shown["total"]
    assert (total["requests"], total["cost"], total["saved"]) == (11, "297", "406")
    assert shown["dropped_details"] == 7


def test_the_default_database(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPDOWN_DATABASE", str(database))
    assert json.loads(run("--json", "--since", "all").output)["total"]["requests"] == 11


def test_a_config_names_the_database(database: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "model_list:\n"
        "  - {model_name: m, litellm_params: {model: openai/gpt-4o, api_key: k}}\n"
        f"ledger: {{url: 'sqlite:///{database}'}}\n"
    )
    assert json.loads(run("--json", "--config", str(config)).output)["total"]["requests"] == 11


def test_nothing_in_this_time(tmp_path: Path) -> None:
    ledger = Ledger(str(tmp_path / "ledger.db"))
    ledger.record(make_journey(at=1000.0))
    ledger.close()
    assert "No requests were recorded" in run("--database", str(tmp_path / "ledger.db")).output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--database", "/nowhere/ledger.db"), "there is no database at /nowhere/ledger.db"),
        (("--database", "mysql://x"), "expected sqlite:///FILE or postgresql://"),
        (("--since", "yesterday"), "expected 30m, 24h, 7d, 4w or the like, or all"),
        (("--by", "mood"), "'mood' is not one of"),
        (("--database", "x", "--config", "y"), "either --database or --config"),
    ],
)
def test_bad_input(arguments: tuple[str, ...], said: str) -> None:
    shown = run(*arguments)
    assert shown.exit_code == 2
    assert said in " ".join(shown.output.split())
