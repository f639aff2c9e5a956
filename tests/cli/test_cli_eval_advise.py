"""``stepdown eval advise``: the findings in words, the patch, and JSON."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from msgspec import structs

from stepdown.cli.eval.advise import command
from stepdown.cli.eval.run import command as run_command
from stepdown.evals.compare import compare
from stepdown.evals.report import read, write
from stepdown.evals.rows import Row
from support.datasets import jsonl
from support.eval_series import Scores, make_report, make_row

RULES = [
    {"name": "label", "when": {"output": "label"}, "rung": "cheap"},
    {"name": "long", "when": {"tokens": {"gt": 2000}}, "rung": "strong"},
]
SAME: Scores = [1.0, 1.0]
WORSE: Scores = [0.0, 1.0]
UNSCORED: Scores = [None, 1.0]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [*map(str, arguments)])


def rows(decision: str, rung: int, *counts: tuple[int, Scores]) -> list[Row]:
    scores = [each for count, each in counts for _ in range(count)]
    return [
        make_row(f"{decision} {n}", n, each, rung=rung, decision=decision)
        for n, each in enumerate(scores, 1)
    ]


def saved(path: Path, *parts: list[Row], rules: Any = RULES) -> Path:
    every = tuple(row for part in parts for row in part)
    write(structs.replace(make_report(()), rows=every, rules=rules), path)
    return path


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    return saved(
        tmp_path / "report.json",
        rows("label", 0, (150, SAME), (50, WORSE), (3, UNSCORED)),
        rows("long", 1, (300, SAME)),
        rows("default", 1, (60, SAME)),
        rows("session", 0, (100, WORSE)),
    )


def test_findings_in_words(mixed: Path) -> None:
    shown = run(mixed, "--budget", "5%")
    assert shown.exit_code == 0, shown.output
    assert shown.output.startswith(
        "auto: regret of at most 5.0 %, with a confidence of 95 % (98.75 % for each of 4 findings)."
    )
    sections = {part.splitlines()[0]: part for part in shown.output.split("\n\n")[1:]}
    assert list(sections)[:5] == [
        "Tighten",
        "Loosen",
        "Above the budget, and not by a rule",
        "Cannot be told yet",
        "What the whole patch comes to, on these rows",
    ]
    tighten = sections["Tighten"]
    assert "label sends down 203 rows: 50 of 200 scored were regretted (25.0 %; at " in tighten
    assert "3 rows of them not scored, and left out." in tighten
    assert "long holds 300 rows: 0 of 300 scored would have been regretted" in sections["Loosen"]
    assert "session sends down 100 rows" in sections["Above the budget, and not by a rule"]
    unknown = sections["Cannot be told yet"]
    assert "no rule claims 60 rows: 0 of 60 scored would have been regretted (0.0 %; bet" in unknown
    assert "more would tell, with a chance of 80 %: within, if it stays as seen." in unknown


def test_the_whole_patch_in_words(mixed: Path) -> None:
    shown = run(mixed, "--budget", "5%").output
    whole = shown[shown.index("What the whole patch") :]
    assert "503 rows answered by another model. Intervals: 99.38 %." in whole
    assert "sent down: 45.7 % → 60.3 %" in whole
    assert "regret of those: 50.0 % → 25.0 % (1" in whole
    assert "cost of 1,000 rows: $58.87 → $45.70 (−$13.17; " in whole
    assert "saved: 41.1 % → 54.3 %" in whole
    assert "The change is measured on the rows that chose it" in whole
    assert "elsewhere than predicted: this report does not tell what each said" in whole


def test_the_patch_is_last_and_is_yaml(mixed: Path) -> None:
    shown = run(mixed, "--budget", "5%").output
    patch = yaml.safe_load(shown[shown.index("# The rules of auto") :])
    assert [rule["rung"] for rule in patch["routes"]["auto"]["rules"]] == ["strong", "cheap"]


def test_the_patch_alone(mixed: Path, tmp_path: Path) -> None:
    alone = run(mixed, "--budget", "5%", "--patch", "-").output
    path = tmp_path / "patch.yaml"
    shown = run(mixed, "--budget", "5%", "--patch", path)
    assert path.read_text() == alone
    assert alone.startswith("# The rules of auto")
    assert shown.output.endswith(f"Written to {path}.\n")
    assert "routes:" not in shown.output


def test_a_file_is_never_written_over(mixed: Path, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("mine")
    shown = run(mixed, "--budget", "5%", "--patch", path)
    assert shown.exit_code == 2
    assert "is there already, and is not written over" in shown.output
    assert path.read_text() == "mine"
    elsewhere = run(mixed, "--budget", "5%", "--patch", tmp_path / "absent" / "patch.yaml")
    assert (elsewhere.exit_code, "cannot be written" in elsewhere.output) == (2, True)


def test_nothing_to_change(tmp_path: Path) -> None:
    fine = saved(
        tmp_path / "fine.json", rows("label", 0, (300, SAME)), rows("long", 1, (99, WORSE))
    )
    path = tmp_path / "patch.yaml"
    shown = run(fine, "--budget", "5%", "--patch", path)
    assert shown.exit_code == 0
    assert "Within the budget\n  label sends down 300 rows" in shown.output
    assert "Rightly at the last rung\n  long holds 99 rows" in shown.output
    assert shown.output.endswith("There is nothing to change.\n")
    assert not path.exists()
    assert run(fine, "--budget", "5%", "--patch", "-").output == ""


# ── Applied ──────────────────────────────────────────────────────────────────────────────────


def question(number: int) -> dict[str, Any]:
    """Short ones are easy, those about code not; one in three is both."""
    short, code = number % 3 != 2, number % 3 != 1
    text = ("import tea\n" if code else "") + f"What is {number}?" + " Tell me." * (not short) * 40
    scores = {"cheap": float(short), "strong": 1.0}
    costs = {"cheap": 0.001, "strong": 0.01}
    return {"id": f"q{number}", "prompt": text, "scores": scores, "costs": costs}


def test_the_patched_route_does_what_was_predicted(tmp_path: Path) -> None:
    config, patch = tmp_path / "config.yaml", tmp_path / "patch.yaml"
    data = jsonl(tmp_path / "data.jsonl", [question(number) for number in range(300)])
    models = [
        {"model_name": name, "litellm_params": {"model": f"simulated/{name}"}}
        for name in ("cheap", "strong")
    ]
    rules = [
        {"name": "short", "when": {"tokens": {"lt": 60}}, "rung": "cheap"},
        {"name": "code", "when": {"code": True}, "rung": "cheap"},
    ]
    document: dict[str, Any] = {
        "model_list": models,
        "routes": {"auto": {"ladder": ["cheap", "strong"], "rules": rules}},
    }

    def evaluated(name: str) -> Path:
        config.write_text(yaml.safe_dump(document))
        given = ["--outcomes", data, "--config", config, "--json", tmp_path / name]
        result = CliRunner().invoke(run_command, [*map(str, given)])
        assert result.exit_code == 0, result.output
        return tmp_path / name

    before = evaluated("before.json")
    shown = run(before, "--budget", "20%", "--patch", patch)
    assert "elsewhere than predicted" not in shown.output
    effect = json.loads(run(before, "--budget", "20%", "--json").output)["effect"]
    document["routes"]["auto"].update(yaml.safe_load(patch.read_text())["routes"]["auto"])
    after = read(evaluated("after.json"))
    assert after.overall.regret.events == effect["after"]["events"] == 0
    assert after.overall.regret.trials == effect["after"]["trials"] == 100
    found = compare(read(before), after, 0.95)
    assert (found.moved, found.down.b) == (effect["moved"], effect["down"]["b"])
    assert found.cost is not None
    assert found.cost.b == effect["cost"]["b"]


# ── What cannot be told ──────────────────────────────────────────────────────────────────────


def test_an_unknown_price(tmp_path: Path) -> None:
    unpriced = [structs.replace(row, cost=None) for row in rows("label", 0, (200, WORSE))]
    shown = run(saved(tmp_path / "report.json", unpriced), "--budget", "5%")
    assert "cost: unknown, as a price is." in shown.output


def test_a_cascade_is_pointed_out(tmp_path: Path) -> None:
    climbed = [structs.replace(row, decided=0) for row in rows("label", 1, (30, WORSE))]
    path = saved(tmp_path / "report.json", climbed, rows("long", 1, (300, SAME)))
    assert "30 rows climbed a cascade." in run(path, "--budget", "5%").output


def test_json(mixed: Path) -> None:
    told = json.loads(run(mixed, "--budget", "0.05", "--json").output)
    assert (told["budget"], told["confidence"]) == (0.05, 0.95)
    changes = {finding["rules"][0]: finding["change"] for finding in told["findings"]}
    assert changes == {"label": "tighten", "long": "loosen", "default": None, "session": None}
    assert yaml.safe_load(told["patch"])["routes"]["auto"]["rules"][0]["rung"] == "strong"


@pytest.mark.parametrize(
    "arguments", [[], ["--budget", "5"], ["--budget", "1%", "--confidence", "1"]]
)
def test_bad_options(mixed: Path, arguments: list[str]) -> None:
    assert run(mixed, *arguments).exit_code == 2


def test_reports_that_cannot_be_used(tmp_path: Path) -> None:
    path = saved(tmp_path / "report.json", rows("label", 0, (3, SAME)), rules=[{"name": "label"}])
    shown = run(path, "--budget", "5%")
    assert shown.exit_code == 2
    assert "rules[0].rung: expected cheap, strong, a model of the ladder" in shown.output
    path.write_text("{}")
    assert run(path, "--budget", "5%").exit_code == 2
