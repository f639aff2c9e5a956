"""``stepdown suggest`` over a ledger and pairs of a world with a planted region."""

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from msgspec import structs

from stepdown.cli.suggest import command
from stepdown.ledger.detail import Detail
from stepdown.quality.pairs import Pair
from stepdown.types import Reading
from support.pairs import store_pairs
from support.replays import CHEAP, STRONG, make_detail, pair_for, store_details

CONFIG = f"""
model_list:
  - {{model_name: {CHEAP}, litellm_params: {{model: openai/x, api_key: k}}}}
  - {{model_name: {STRONG}, litellm_params: {{model: openai/y, api_key: k}}}}
routes:
  auto:
    ladder: [{CHEAP}, {STRONG}]
    rules:
      - {{name: suggested-1, when: {{intent: greeting}}, rung: cheap}}
      - {{name: planning, when: {{intent: planning}}, rung: strong}}
"""


def make_world(number: int) -> tuple[list[Detail], list[Pair]]:
    """Short FAQs are answered as well by the small model; plans are, too, but a rule holds them."""
    rng = random.Random(90)
    details: list[Detail] = []
    pairs: list[Pair] = []
    now = time.time() - 60.0
    for place in range(number):
        tokens, intent = rng.randrange(20, 2_000), rng.choice(["faq", "order", "planning"])
        detail = make_detail(
            f"{place}",
            decision="planning" if intent == "planning" else "default",
            readings={"tokens": Reading(tokens), "task": Reading(frozenset({"write"}))},
            intent=intent,
            time=now,
        )
        details.append(detail)
        good = intent == "planning" or (intent == "faq" and tokens < 1_000)
        if rng.random() < 0.5:
            regret = None if place < 20 else rng.random() < (0.001 if good else 0.3)
            pairs.append(pair_for(detail, regret=regret, propensity=0.5))
    return details, pairs


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('data') / 'ledger.db'}"
    details, pairs = make_world(6_000)
    store_details(url, details)
    store_pairs(url, *pairs)
    return url


@pytest.fixture
def config(tmp_path: Path, ledger: str) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(f"{CONFIG}ledger: {{url: '{ledger}'}}\n")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, list(map(str, arguments)))


def told(result: Result) -> str:
    return " ".join(result.output.split())


def test_json(config: Path) -> None:
    result = run("--config", config, "--json")
    assert result.exit_code == 0
    found = json.loads(result.output)
    [rule] = found["rules"]
    assert rule["when"]["intent"] == "faq"
    assert 800 <= rule["when"]["tokens"]["lt"] <= 1_000
    assert rule["certified"] is True
    assert rule["name"] == "suggested-2"
    assert rule["share"] == pytest.approx(1 / 6, abs=0.03)
    assert found["claimable"] == pytest.approx(4_000, abs=200), "a rule holds the plans"
    assert found["unscored"] > 0


def test_what_is_printed_can_be_pasted(config: Path) -> None:
    result = run("--config", config)
    assert result.exit_code == 0
    text = told(result)
    assert "Rules that auto could have" in text
    assert "requests are claimed by no rule" in text
    assert "Signals that were recorded: intent, key, task, tokens." in text
    assert "pairs could not be scored; they are left out" in text
    patch = yaml.safe_load(result.output[result.output.index("# Candidates") :])
    rules = patch["routes"]["auto"]["rules"]
    assert [rule["name"] for rule in rules] == ["suggested-1", "planning", "suggested-2"]
    assert rules[-1]["observe"] is True


def test_with_the_judges_errors_known_regrets_are_without_them(config: Path, ledger: str) -> None:
    def with_errors(errors: str) -> tuple[dict[str, Any], str]:
        judge = f"judge: {{model: {STRONG}, errors: {errors}}}\n"
        config.write_text(f"{CONFIG}ledger: {{url: '{ledger}'}}\n{judge}")
        return json.loads(run("--config", config, "--json").output), told(run("--config", config))

    plain = json.loads(run("--config", config, "--json").output)
    assert plain["judge"] is None
    good = "{false_positives: 0, negatives: 2000, false_negatives: 0, positives: 2000}"
    found, text = with_errors(good)
    [rule], [before] = found["rules"], plain["rules"]
    assert rule["held"]["high"] > before["held"]["high"]
    assert found["pairs"] > plain["pairs"]
    assert "it found 2,000 of 2,000 regrets, and made up 0 on 2,000 others." in text
    unknown = "{false_positives: 0, negatives: 0, false_negatives: 0, positives: 0}"
    found, text = with_errors(unknown)
    assert found["pairs"] is None
    assert not any(rule["certified"] for rule in found["rules"])
    assert "Too little is known of the judge" in text


def test_without_a_configuration_the_record_tells_what_no_rule_claims(ledger: str) -> None:
    found = json.loads(run("--database", ledger, "--json").output)
    assert found["rules"][0]["when"]["intent"] == "faq"
    assert found["rules"][0]["name"] == "suggested-1"
    patch = yaml.safe_load(found["yaml"])
    assert len(patch["routes"]["auto"]["rules"]) == 1


def test_nothing_is_within_a_tiny_budget(config: Path) -> None:
    result = run("--config", config, "--budget", "0.0001")
    assert result.exit_code == 0
    assert "No condition was found" in result.output
    assert "routes:" not in result.output
    assert (
        json.loads(run("--config", config, "--budget", "0.0001", "--json").output)["yaml"] is None
    )


def test_few_pairs(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    details, pairs = make_world(1_200)
    unpriced = [*pairs[:-9], *(structs.replace(pair, candidate_cost=None) for pair in pairs[-9:])]
    store_details(url, details)
    store_pairs(url, *unpriced)
    text = told(run("--database", url))
    assert "not shown" in text
    assert "held-out pairs of it, if none is regretted" in text
    assert "pairs have an unknown cost; their saving counts nothing" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--budget", "1.5"], "1.5 is not in the range"),
        (["--most", "0"], "0 is not in the range"),
        (["--route", "autom"], "there is no route 'autom'. Did you mean 'auto'?"),
        (["--database", "/no/such/ledger.db"], "Nothing is recorded yet"),
        (["--since", "0.1m"], "No pair of the route 'auto' is recorded in this time"),
    ],
)
def test_what_cannot_be_used(config: Path, arguments: list[str], said: str) -> None:
    result = run("--config", config, *arguments)
    assert result.exit_code == 2
    assert said in told(result)


def test_a_route_that_was_never_shadowed(ledger: str) -> None:
    result = run("--database", ledger, "--route", "auot")
    assert result.exit_code == 2
    assert "it has to be shadowed. Did you mean 'auto'?" in told(result)


def test_a_configuration_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(CONFIG.replace("rung: strong", "rung: stronk"))
    result = run("--config", path)
    assert result.exit_code == 2
    assert "Did you mean 'strong'?" in told(result)
