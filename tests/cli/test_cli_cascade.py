"""``stepdown cascade fit``: the table, the JSON, and what is said about bad data."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from stepdown.cascade.registry import build_checks
from stepdown.cli.cascade import command
from stepdown.routing.problems import Problems


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, ["fit", *map(str, arguments)])


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The best 300 of 400 answers are right; the strong model always is."""
    rng = random.Random(1)
    rows = [
        {"score": -i / 400, "cheap": i < 300, "strong": 1, "cheap_cost": 0.01, "strong_cost": 0.1}
        for i in range(400)
    ]
    rng.shuffle(rows)
    return write(tmp_path / "data.jsonl", rows)


def test_the_table(data: Path) -> None:
    shown = run(data)
    assert shown.exit_code == 0, shown.output
    rows = {line.split("│")[1].strip(): line for line in shown.output.splitlines() if "│" in line}
    assert list(rows) == ["threshold", "chance", "all cheap", "all strong", "foresight"]
    assert [cell.strip() for cell in rows["all strong"].split("│")[2:-1]] == [
        "0.0 %",
        "–",
        "0.0 %",
        "100.0 %",
        "$0.10",
    ]
    assert "At most 5.0 % of what it accepts is regretted, with a confidence of 95.0 %" in (
        " ".join(shown.output.split())
    )
    assert "it saves while fewer than 90.0 % of the requests climb" in shown.output


def test_the_lines_can_be_pasted(data: Path) -> None:
    shown = run(data)
    pasted = yaml.safe_load(shown.output[shown.output.index("validators:") :])
    problems = Problems()
    validators, _ = build_checks(pasted["validators"], "v", problems)
    assert problems.lines == []
    assert [validator.name for validator in validators] == ["logprob"]


@pytest.mark.parametrize(
    ("validator", "sign", "option"),
    [
        ("logprob.min", -1, {"logprob": "min"}),
        ("logprob.margin", 1, {"logprob": "margin"}),
        ("self_consistency", 1, {"self_consistency": "share"}),
    ],
)
def test_json(tmp_path: Path, validator: str, sign: int, option: dict[str, str]) -> None:
    rows = [{"sure": sign * 0.5, "cheap": 1} for _ in range(200)]
    path = write(tmp_path / "data.jsonl", rows)
    shown = run(path, "--json", "--score-field", "sure", "--validator", validator)
    told = json.loads(shown.output)
    assert told["chosen"]["threshold"] == sign * 0.5
    assert (told["rows"], told["risk"], told["confidence"]) == (200, 0.05, 0.95)
    [(name, key)] = option.items()
    assert yaml.safe_load(told["yaml"]) == [{name: {key: sign * 0.5}}]


def test_no_threshold_is_said_plainly(tmp_path: Path) -> None:
    path = write(tmp_path / "data.jsonl", [{"score": -1, "cheap": i % 2} for i in range(200)])
    shown = run(path)
    assert shown.exit_code == 1
    assert "No threshold meets a risk of 5.0 % with a confidence of 95.0 %." in shown.output
    assert "The closest, -1.0: accepts 200 of 200" in shown.output
    assert "validators:" not in shown.output
    told = run(path, "--json")
    assert told.exit_code == 1
    assert json.loads(told.output)["chosen"] is None


def test_too_few_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "data.jsonl", [{"score": -1, "cheap": 1}])
    assert "That takes at least 86 rows; there are 1." in run(path).output


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected one JSON object a line, got no row"),
        ('{"score": -1, "cheap": 1}\nx', "line 2: expected a JSON object"),
        ('{"score": -1, "cheap": 5}', "line 1: cheap: expected 0..1, true or false, got 5"),
        ('{"score": 1, "cheap": 1}', "row 1: score: expected -inf to 0 for logprob.mean, got 1"),
        ("x" * 1_000_001, "line 1: expected at most 1,000,000 bytes"),
    ],
)
def test_bad_data(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(text)
    shown = run(path)
    assert shown.exit_code == 2
    assert problem in shown.output


@pytest.mark.parametrize(
    "arguments", [["--risk", "0"], ["--confidence", "1"], ["--validator", "json"]]
)
def test_bad_options(data: Path, arguments: list[str]) -> None:
    assert run(data, *arguments).exit_code == 2


def test_a_file_that_is_not_there() -> None:
    assert run("absent.jsonl").exit_code == 2
