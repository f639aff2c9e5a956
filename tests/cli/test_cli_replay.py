"""``stepdown replay`` over a ledger and pairs that a world with a known truth made."""

import json
import random
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec import structs

from stepdown.cli.replay import NO_SUPPORT, command
from support.pairs import store_pairs
from support.replays import CHEAP, STRONG, Stratum, make_detail, make_log, store_details

WORLD = [
    Stratum(0.4, 0.0, 0.3, decision="small", model=CHEAP, tokens=100, longer=1.2),
    Stratum(0.3, 0.1, 0.3, tokens=300, longer=1.2),
    Stratum(0.3, 0.4, 0.0, decision="hard", tokens=2_000, intent="planning"),
]
MODELS = f"""
model_list:
  - model_name: {CHEAP}
    litellm_params:
      {{model: openai/x, api_key: k, input_cost_per_token: 1.0e-6, output_cost_per_token: 1.0e-6}}
  - model_name: {STRONG}
    litellm_params:
      {{model: openai/y, api_key: k, input_cost_per_token: 1.0e-5, output_cost_per_token: 1.0e-5}}
"""
LADDER = f"ladder: [{CHEAP}, {STRONG}]"
SHORT = "{name: short, when: {tokens: {lt: 500}}, rung: cheap}"
PLAN = "{name: plan, when: {intent: planning}, rung: cheap}"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('data') / 'ledger.db'}"
    details, pairs = make_log(WORLD, 1_500, random.Random(80))
    now = time.time() - 60.0
    store_details(url, [structs.replace(detail, time=now) for detail in details])
    store_pairs(url, *(structs.replace(pair, time=now) for pair in pairs))
    return url


@pytest.fixture
def new(tmp_path: Path, ledger: str) -> Path:
    return written(tmp_path, SHORT, ledger=ledger)


def written(place: Path, *rules: str, ledger: str = "", more: str = "", name: str = "auto") -> Path:
    path = place / "new.yaml"
    at = f"ledger: {{url: '{ledger}'}}\n" if ledger else ""
    path.write_text(
        f"{MODELS}{at}routes:\n  {name}: {{{LADDER}, rules: [{', '.join(rules)}]}}\n{more}"
    )
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, list(map(str, arguments)))


def told(result: Result) -> str:
    return " ".join(result.output.split())


def test_the_table(new: Path) -> None:
    result = run("--config", new)
    assert result.exit_code == 0
    rows = {line.split("│")[1].strip(): line for line in result.output.splitlines() if "│" in line}
    assert set(rows) == {"as it was", "new.yaml", "all to the last rung", "short"}
    assert "3" in rows["as it was"]
    text = told(result)
    assert "auto: 1,500 recorded requests" in text
    assert "doubly robust" in text
    assert "The intervals of costs are approximate" in text


def test_json(new: Path) -> None:
    found = json.loads(run("--config", new, "--json").output)
    assert (found["answer"], found["requests"], found["route"]) == ("replayed", 1_500, "auto")
    best = found["now"]["estimates"][-1]
    assert best["low"] < 0.3 * 0.1 / 0.7 < best["high"]
    assert found["then"]["estimates"][-1]["value"] == 0.0
    cost = found["cost"]
    assert float(cost["now"][-1]["value"]) < float(cost["then"]) < float(cost["reference"])
    assert [rule["rule"] for rule in found["rules"]] == ["short"]


JUDGE = f"judge: {{{{model: {STRONG}, {{}}}}}}\n"
ERRORS = "errors: {false_positives: 4, negatives: 400, false_negatives: 120, positives: 400}"


def test_with_the_judges_errors_known_regrets_are_without_them(tmp_path: Path, ledger: str) -> None:
    plain = json.loads(run("--config", written(tmp_path, SHORT, ledger=ledger), "--json").output)
    path = written(tmp_path, SHORT, ledger=ledger, more=JUDGE.format(ERRORS))
    found = json.loads(run("--config", path, "--json").output)
    said = plain["now"]["estimates"][-1]
    assert found["now"]["said"] == said
    best = found["now"]["estimates"][-1]
    assert best["value"] == pytest.approx((said["value"] - 0.01) / (0.7 - 0.01))
    assert best["high"] > said["high"]
    text = told(run("--config", path))
    assert "it found 280 of 400 regrets, and made up 4 on 400 others. By its word alone: " in text
    assert "errors" not in told(run("--config", written(tmp_path, SHORT, ledger=ledger)))


def test_labels_alone_correct_nothing(tmp_path: Path, ledger: str) -> None:
    (tmp_path / "pairs.jsonl").touch()
    path = written(tmp_path, SHORT, ledger=ledger, more=JUDGE.format("labelled: pairs.jsonl"))
    assert "judge.labelled alone corrects nothing here" in run("--config", path).stderr


def test_no_support(tmp_path: Path, ledger: str) -> None:
    config = written(tmp_path, SHORT, PLAN, ledger=ledger)
    result = run("--config", config)
    assert result.exit_code == NO_SUPPORT == 3
    assert "The log cannot tell" in result.output
    assert "rule plan: claims 4" in result.output
    assert f"for {CHEAP}; they were decided by hard, and no pair" in result.output
    result = run("--config", config, "--json")
    assert result.exit_code == NO_SUPPORT
    found = json.loads(result.output)
    assert found["answer"] == "no support"
    assert found["unshadowed"][0]["rule"] == "plan"
    assert found["unknown"] == pytest.approx(0.3, abs=0.05)


def test_a_signal_that_was_not_recorded(tmp_path: Path, ledger: str) -> None:
    german = "{name: german, when: {language: de}, rung: cheap}"
    result = run("--config", written(tmp_path, german, ledger=ledger))
    assert result.exit_code == NO_SUPPORT
    assert "signal language: not recorded for 1,500 requests (100.0 %)" in result.output


def test_the_database_of_the_command_line_wins(tmp_path: Path, ledger: str) -> None:
    config = written(tmp_path, SHORT, ledger=f"sqlite:///{tmp_path / 'none.db'}")
    assert run("--config", config, "--database", ledger).exit_code == 0


def test_notes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    now = time.time() - 60.0
    details, pairs = make_log(WORLD[:2], 300, random.Random(81))
    failed = make_detail("failed", outcome="failed", time=now)
    unpriced = make_detail("unpriced", cost=None, time=now)
    store_details(url, [failed, unpriced, *(structs.replace(each, time=now) for each in details)])
    silent = [structs.replace(pair, regret=None) for pair in pairs[:3]]
    store_pairs(url, *(structs.replace(pair, time=now) for pair in (*silent, *pairs[3:])))
    config = written(tmp_path, SHORT, ledger=url)
    text = told(run("--config", config))
    assert "3 more pairs could not be scored" in text
    assert "1 requests have an unknown price" in text
    assert "1 requests that failed or were cancelled are left out" in text
    worst = json.loads(run("--config", config, "--json", "--worst-case").output)
    plain = json.loads(run("--config", config, "--json").output)
    assert worst["now"]["pairs"] == plain["now"]["pairs"] + 3


def test_a_route_with_a_cascade_keeps_what_was_checked(tmp_path: Path, ledger: str) -> None:
    config = tmp_path / "new.yaml"
    config.write_text(
        f"{MODELS}ledger: {{url: '{ledger}'}}\nroutes:\n"
        f"  auto: {{{LADDER}, rules: [{SHORT}], cascade: {{validators: [refusal]}}}}\n"
    )
    assert run("--config", config).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--since", "soon"], "expected 30m, 24h, 7d, 4w"),
        (["--route", "autom"], "there is no route 'autom'. Did you mean 'auto'?"),
        (["--confidence", "0.3"], "0.3 is not in the range"),
        (["--database", "mysql://x"], "got the scheme 'mysql'"),
        (["--database", "/no/such/ledger.db"], "Nothing is recorded yet"),
    ],
)
def test_what_cannot_be_used(new: Path, arguments: list[str], said: str) -> None:
    result = run("--config", new, *arguments)
    assert result.exit_code == 2
    assert said in told(result)


def test_a_configuration_that_cannot_be_used(tmp_path: Path, ledger: str) -> None:
    bad = written(tmp_path, "{name: short, when: {tokenz: 1}, rung: cheap}", ledger=ledger)
    result = run("--config", bad)
    assert result.exit_code == 2
    assert "Did you mean 'tokens'?" in told(result)
    two = written(tmp_path, SHORT, ledger=ledger, more=f"  bot: {{{LADDER}}}\n")
    result = run("--config", two)
    assert "Give --route: the configuration has auto, bot." in told(result)
    assert run("--config", two, "--route", "auto").exit_code == 0


def test_a_route_that_nobody_asked(tmp_path: Path, ledger: str) -> None:
    result = run("--config", written(tmp_path, SHORT, ledger=ledger, name="autos"))
    assert result.exit_code == 2
    assert "no answered request of the route 'autos' is recorded. Did you mean 'auto'?" in told(
        result
    )


def test_nothing_in_this_time(new: Path) -> None:
    result = run("--config", new, "--since", "0.1m")
    assert result.exit_code == 2
    assert "no answered request" in told(result)
