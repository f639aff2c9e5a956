"""``stepdown explain``: what people and scripts see, and the exit status of faults."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stepdown.cli import main

CONFIG = """
model_list:
  - {model_name: small, litellm_params: {model: openai/gpt-4o-mini, api_key: k}}
  - {model_name: large, litellm_params: {model: openai/gpt-4o, api_key: k}}
routes:
  auto: {ladder: [small, large]}
  careful:
    ladder: [small, large]
    rules: [{name: short, when: {tokens: {lt: 5}}, rung: cheap}]
"""


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["explain", *arguments], input=stdin)


def report(*arguments: str, stdin: str | None = None) -> dict[str, Any]:
    result = run(*arguments, "--json", stdin=stdin)
    assert result.exit_code == 0, result.output
    loaded: dict[str, Any] = json.loads(result.stdout)
    return loaded


def test_json_without_a_configuration() -> None:
    cheap = report("Summarize this note: it rains")
    assert (cheap["model"], cheap["decision"]) == ("gpt-4o-mini", "small-task")
    strong = report("write a 3-line poem about grief")
    assert (strong["model"], strong["decision"]) == ("gpt-4o", "hard-task")
    assert float(cheap["cost"]) < float(cheap["reference_cost"])


def test_the_intent_and_standard_input() -> None:
    assert report("When are you open?")["model"] == "gpt-4o"
    assert report("-", "--intent", "FAQ lookup", stdin="When are you open?")["rung"] == 0


def test_for_people() -> None:
    result = run("Is this spam? [bold]you won[/bold]")
    assert result.exit_code == 0
    for part in ("gpt-4o-mini", "small-task", "is_this", "matched", "cost about $", "tokens"):
        assert part in result.stdout


def test_a_whole_request_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    request = {
        "model": "auto",
        "messages": [{"role": "user", "content": "The shop is in Turin"}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"schema": {"properties": {"city": {"type": "string"}}}},
        },
    }
    file.write_text(json.dumps(request))
    assert report("--file", str(file))["decision"] == "small-output"
    file.write_text('{"model": "auto", "messages": 7}')
    result = run("--file", str(file))
    assert result.exit_code == 2
    assert "messages" in result.stderr


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG)
    return file


def test_a_configurations_routes(config: Path) -> None:
    text = "Classify this note as good or bad: it rains"
    assert report(text, "--config", str(config))["model"] == "small"
    careful = report(text, "--config", str(config), "--route", "careful")
    assert (careful["route"], careful["model"], careful["decision"]) == (
        "careful",
        "large",
        "default",
    )
    assert float(careful["cost"]) > 0


def test_faults_go_to_standard_error_with_status_2(config: Path) -> None:
    result = run("Hello", "--config", str(config), "--route", "carefull")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "there is no route 'carefull'. Did you mean 'careful'?" in result.stderr
    config.write_text(CONFIG.replace("lt: 5", "lt: five"))
    result = run("Hello", "--config", str(config))
    assert result.exit_code == 2
    assert (
        result.stderr.strip()
        == "routes.careful.rules[0].when.tokens.lt: expected a number, got 'five'"
    )


@pytest.mark.parametrize("arguments", [[], ["Hello", "--file", __file__]])
def test_either_a_prompt_or_a_file(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


CASCADE = (
    CONFIG
    + """
  checked:
    ladder: [small, large]
    cascade: [json]
ledger: {url: "sqlite:///{folder}/ledger.db"}
"""
)


def test_a_cascade_tells_from_where_on_it_loses_money(tmp_path: Path) -> None:
    file = tmp_path / "stepdown.yaml"
    file.write_text(CASCADE.replace("{folder}", str(tmp_path)))
    at = ("--config", str(file), "--route", "checked")
    unclaimed = report("Hello there.", *at)
    assert (unclaimed["decision"], unclaimed["model"]) == ("cascade", "small")
    assert [rung["model"] for rung in unclaimed["cascade"]["rungs"]] == ["small"]
    assert "it saves while fewer than 94.0 % climb" in run("Hello there.", *at).stdout


def test_what_is_not_checked_has_no_cascade(tmp_path: Path) -> None:
    file = tmp_path / "stepdown.yaml"
    file.write_text(CASCADE.replace("{folder}", str(tmp_path)))
    at = ("--config", str(file))
    assert report("Hello there.", *at, "--route", "auto")["cascade"] is None
    assert report("Prove that it halts.", *at, "--route", "checked")["cascade"] is None
