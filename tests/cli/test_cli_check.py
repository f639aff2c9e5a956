"""``stepdown check``: prints what is understood, or exits with 2 and the reasons."""

import json
from pathlib import Path
from typing import Any

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


CASCADE = """
    rules:
      - {name: tickets, when: {intent: tickets}, rung: cheap, cascade: [{one_of: [a, b]}]}
      - {name: chat, when: {intent: chat}, rung: cheap, cascade: false}
    cascade:
      validators: [json_schema, finish_reason, {judge: {model: own}}]
      timeout: {first_byte: 2, total: 8s}
      hedge_after: 3
  manner: {ladder: [mini, own], cascade: [finish_reason]}
"""


@pytest.fixture
def cascades(file: Path) -> Path:
    file.write_text(
        GOOD.replace("auto: {ladder: [mini, own]}", f"auto:\n    ladder: [mini, own]{CASCADE}")
    )
    return file


def test_cascades(cascades: Path) -> None:
    out = check(cascades).stdout
    assert (
        "auto: mini → own  (2 rules)\n"
        "    cascade: json_schema, finish_reason, then judge; climbs with no first byte after 2 s; "
        "climbs with no answer after 8 s; asks the last rung too after 3 s; "
        "begins cheap where one of these applies: json_schema, judge\n"
        "    cascade of rule 'tickets': one_of\n"
        "    cascade of rule 'chat': none\n"
    ) in out
    assert "cascade: finish_reason; begins where the rules say, as no check here vouches" in out


def test_cascades_as_json(cascades: Path) -> None:
    auto, manner = json.loads(check(cascades, "--json").stdout)["routes"]
    assert auto["cascade"]["validators"] == ["json_schema", "finish_reason"]
    assert auto["cascade"]["graders"] == ["judge"]
    assert auto["cascade"]["timeout"] == {"first_byte": 2.0, "total": 8.0}
    assert auto["rule_cascades"]["tickets"]["validators"] == ["one_of"]
    assert auto["rule_cascades"]["chat"] is None
    assert manner["cascade"]["vouching"] == []


def test_mistakes_in_cascades_come_with_those_of_rules(cascades: Path) -> None:
    text = cascades.read_text().replace("hedge_after", "hedge_aftr")
    text = text.replace("{model: own}", "{model: onw}").replace("intent: chat", "intnt: chat")
    cascades.write_text(text)
    result = check(cascades)
    assert result.exit_code == 2
    assert "routes.auto.cascade.hedge_aftr: a cascade has no such option. Did you mean" in (
        result.stderr
    )
    assert "a check asks 'onw', which is no model of model_list. Did you mean 'own'?" in (
        result.stderr
    )
    assert "routes.auto.rules[1].when.intnt: " in result.stderr


WATCHED = """
    rules:
      - {name: short, when: {tokens: {lt: 50}}, rung: cheap}
      - {name: chat, when: {intent: chat}, rung: cheap, trusted: true}
    regret: {budget: 0.02}
  manner: {ladder: [mini, own], shadow: 0.25}
"""


@pytest.fixture
def watched(file: Path) -> Path:
    file.write_text(
        GOOD.replace("auto: {ladder: [mini, own]}", f"auto:\n    ladder: [mini, own]{WATCHED}")
    )
    return file


def test_regret_and_shadows(watched: Path) -> None:
    out = check(watched).stdout
    assert (
        "auto: mini → own  (2 rules)\n"
        "    regret: 2 % at most, 95 % sure; guards short, chat, chat trusted at first; "
        "shadows 2 % of what is sent down, 20 % under observation\n"
    ) in out
    assert "    shadows 25 % of what is sent down\n" in out


def test_regret_and_shadows_as_json(watched: Path) -> None:
    auto, manner = json.loads(check(watched, "--json").stdout)["routes"]
    assert auto["regret"]["budget"] == 0.02
    assert auto["regret"]["guards"] == ["short", "chat"]
    assert auto["regret"]["trusts"] == ["chat"]
    assert auto["shadow"]["observe_rate"] == 0.2
    assert (manner["regret"], manner["shadow"]["rate"]) == (None, 0.25)


def test_mistakes_in_what_is_shadowed(watched: Path) -> None:
    text = watched.read_text().replace("shadow: 0.25", "shadow: {rules: {shrt: 0.1}}")
    watched.write_text(text + "shadow: {scorers: [numric], alerts: [pager]}\n")
    result = check(watched)
    assert result.exit_code == 2
    assert "routes.manner.shadow.rules.shrt: the route has no such rule." in result.stderr
    assert "shadow.scorers[0]: there is no scorer 'numric'" in result.stderr
    assert "shadow.alerts[0]: expected a webhook of jobs.webhooks, got 'pager'." in result.stderr


def test_it_is_listed() -> None:
    assert "check" in CliRunner().invoke(main, ["--help"]).output


def test_the_savers_of_a_route_and_what_is_wrong_with_them(tmp_path: Path) -> None:
    route = {"ladder": ["m"], "compression": ["minify", "duplicates"]}
    given: dict[str, Any] = {
        "model_list": [{"model_name": "m", "litellm_params": {"model": "simulated/m"}}],
        "routes": {"auto": {**route, "cache": {"exact": {"ttl": "5m"}}}},
    }
    given["model_list"][0]["litellm_params"]["batch"] = True
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps(given))
    said = check(file)
    assert "    exact cache: in memory, for 300 s" in said.output
    assert "    compression: minify, duplicates" in said.output
    assert said.output.splitlines()[2].endswith(", simulated batches")
    given["cache"] = {"exact": {"store": "sqlite", "url": "postgresql://x/y"}}
    given["compression"] = ["minfy"]
    given["routes"]["bot"] = {"ladder": ["m"]}
    given["routes"]["auto"]["regret"] = {"budget": 0.02}
    file.write_text(json.dumps(given))
    said = check(file)
    assert said.exit_code == 2
    assert "cache.exact.url: expected sqlite:///FILE" in said.output
    assert said.output.count("compression.techniques[0]: there is no technique 'minfy'") == 1
