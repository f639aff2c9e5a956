"""``stepdown check``: prints what is understood, or exits with 2 and the reasons."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stepdown.cli import main

GOOD = """
model_list:
  - model_name: mini
    litellm_params: {model: openai/gpt-4o-mini, api_key: os.environ/GOOD_KEY, temperature: 0}
  - model_name: own
    litellm_params: {model: openai/own, api_base: "http://u:hunter2@gpu/v1", api_key: sk-hunter2}
  - model_name: claude
    litellm_params: {model: bedrock/claude}
routes:
  auto: {ladder: [mini, own]}
general_settings: {custom_auth: x}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(GOOD)
    return path


def check(*arguments: str | Path, key: str = "sk-0123456789abcdefWXYZ") -> Result:
    environ = {"GOOD_KEY": key, "OPENAI_API_KEY": ""}
    return CliRunner().invoke(main, ["check", *map(str, arguments)], env=environ)


def test_what_it_prints(file: Path) -> None:
    result = check(file)
    assert result.exit_code == 0, result.output
    out = result.stdout
    assert "mini: gpt-4o-mini at https://api.openai.com/v1, key …WXYZ, $0.15 in, $0.6 out" in out
    assert "own: own at http://***@gpu/v1, key …, UNPRICED" in out
    assert "auto: mini → own" in out
    assert "UNPRICED own" in out
    assert "no master_key" in out
    assert "model_list[0].litellm_params.temperature" in out
    assert "Not enforced\n  general_settings.custom_auth" in out
    assert "model_list[2]: claude: the provider 'bedrock'" in out
    assert "hunter2" not in out


def test_json(file: Path) -> None:
    result = check(file, "--json")
    assert result.exit_code == 0
    summary = json.loads(result.stdout)
    assert [model["model"] for model in summary["models"]] == ["mini", "own"]
    assert summary["models"][0]["deployments"][0]["price"]["input"] == "0.15"
    assert summary["models"][1]["deployments"][0]["price"] is None
    assert summary["unpriced"] == ["own"]
    assert summary["routes"][0]["ladder"] == ["mini", "own"]
    assert summary["routes"][0]["rules"] > 0
    assert summary["master_key"] is False
    assert {note["what"] for note in summary["notes"]} >= {"ignored", "not enforced", "left out"}


def test_unset_variables(file: Path) -> None:
    result = check(file, key="")
    assert result.exit_code == 0
    assert (
        "Unset variable\n  model_list[0].litellm_params.api_key: GOOD_KEY is not set"
        in result.stdout
    )
    assert json.loads(check(file, "--json", key="").stdout)["unset"] == [
        "model_list[0].litellm_params.api_key"
    ]


def test_mistakes_of_every_part_at_once(file: Path) -> None:
    rule = "rules: [{name: r, when: {tokns: {lt: 5}}, rung: cheap}]"
    file.write_text(
        GOOD.replace("ladder: [mini, own]", f"ladder: [mini, own], {rule}").replace(
            "api_key: sk-hunter2", "api_key: sk-hunter2, ssl_verify: /no/such/bundle"
        )
        + "ledger: {url: 'mongodb://host/db'}\n"
    )
    result = check(file)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "routes.auto.rules[0].when.tokns: " in result.stderr
    assert "Did you mean 'tokens'" in result.stderr
    assert "ledger.url: expected sqlite:///FILE" in result.stderr


def test_mistakes_in_keys_and_values(file: Path) -> None:
    file.write_text(GOOD.replace("ladder:", "laddr:") + "server: {port: many}\n")
    result = check(file)
    assert result.exit_code == 2
    assert "server.port: expected a whole number, got 'many'" in result.stderr
    assert "routes.auto.laddr: expected one of the keys ladder" in result.stderr
    assert "Did you mean 'ladder'?" in result.stderr


def test_a_file_that_is_not_there() -> None:
    result = check("/no/such/file.yaml")
    assert result.exit_code == 2
    assert result.stderr == (
        "/no/such/file.yaml: expected a readable file, got: No such file or directory\n"
    )


def test_it_is_listed() -> None:
    assert "check" in CliRunner().invoke(main, ["--help"]).output
