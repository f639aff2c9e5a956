"""``stepdown eval gate``: exit statuses, what is said, and the files."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from msgspec import structs

from stepdown.cli.eval.gate import command
from stepdown.evals.report import Corrected, Report, write
from stepdown.evals.rows import Row
from stepdown.quality.shares import Share
from support.eval_series import Scores, make_report, make_row


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [*map(str, arguments)])


def rows(regrets: int, down: int, *, unscored: int = 0, kept: int = 0) -> list[Row]:
    scores: list[Scores] = [
        *[[0.0, 1.0]] * regrets,
        *[[1.0, 1.0]] * (down - regrets),
        *[[None, 1.0]] * unscored,
        *[[1.0, 1.0]] * kept,
    ]
    return [
        make_row(f"{n}", n, each, rung=int(n > down + unscored)) for n, each in enumerate(scores, 1)
    ]


def saved(path: Path, report: Report) -> Path:
    write(report, path)
    return path


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """2 of 500 regretted; 5 unscored; half of the rows are kept at the last rung."""
    return saved(tmp_path / "good.json", make_report(rows(2, 500, unscored=5, kept=505)))


def test_a_pass(good: Path) -> None:
    shown = run(good, "--max-regret", "2%")
    assert shown.exit_code == 0, shown.output
    assert shown.output.startswith(
        "Pass: auto is within the limits, with a confidence of 95 % "
        "(regret: gpt-4o being better by more than 0.1).\n"
    )
    assert "regret 0.40 % (at least 0.07 %, at most 1.3 %, limit 2.0 %)" in shown.output
    assert "2 of 500 scored downgrades" in shown.output
    assert "5 unscored downgrades are left out (--worst-case: as regrets)." in shown.output


def test_a_failure(tmp_path: Path) -> None:
    bad = saved(tmp_path / "bad.json", make_report(rows(50, 500)))
    shown = run(bad, "--max-regret", "0.02")
    assert shown.exit_code == 1
    assert shown.output.startswith("Fail: auto is beyond a limit, with a confidence of 95 %")


def test_too_little_evidence_says_how_many_rows_it_takes(tmp_path: Path) -> None:
    few = saved(tmp_path / "few.json", make_report(rows(0, 20, kept=20)))
    shown = run(few, "--max-regret", "0.02")
    assert shown.exit_code == 3
    assert shown.output.startswith("Too little evidence: auto is neither shown to be within")
    assert (
        "It takes about 258 rows more (129 scored downgrades), with a chance of 80 %, to pass, "
        "if it stays as seen."
    ) in shown.output


def test_more_rows_would_not_help(tmp_path: Path) -> None:
    above = saved(tmp_path / "above.json", make_report(rows(9, 300)))
    shown = run(above, "--max-regret", "0.02")
    assert shown.exit_code == 3
    assert "More rows would more likely show a failure: about 1," in shown.output
    at = saved(tmp_path / "at.json", make_report(rows(2, 100)))
    assert "What is seen is at the limit" in run(at, "--max-regret", "0.02").output


def test_nothing_sent_down(tmp_path: Path) -> None:
    kept = saved(tmp_path / "kept.json", make_report(rows(0, 0, kept=100)))
    shown = run(kept, "--max-regret", "0.02")
    assert shown.exit_code == 3
    assert "No row was sent down." in shown.output


def test_the_worst_case(good: Path) -> None:
    shown = run(good, "--max-regret", "0.02", "--worst-case")
    assert shown.exit_code == 3
    assert "7 of 505 downgrades" in shown.output
    assert "5 unscored downgrades are counted as regrets." in shown.output


def test_the_saving(good: Path) -> None:
    shown = run(good, "--max-regret", "0.02", "--min-saving", "40%")
    assert shown.exit_code == 0, shown.output
    assert "saves 45.0 % of the cost (at least 4" in shown.output
    assert run(good, "--max-regret", "0.02", "--min-saving", "0.6").exit_code == 1
    near = run(good, "--max-regret", "0.02", "--min-saving", "0.44")
    assert near.exit_code == 3
    assert "rows more to pass, if it stays as seen." in near.output


def test_an_unknown_price(tmp_path: Path) -> None:
    listed = rows(0, 500)
    listed[0] = structs.replace(listed[0], cost=None)
    path = saved(tmp_path / "report.json", make_report(listed))
    shown = run(path, "--max-regret", "0.02", "--min-saving", "0.4")
    assert shown.exit_code == 3
    assert "the saving is unknown; asked for is 40.0 %." in shown.output
    assert "The cost of 1 row is unknown, as a price is." in shown.output


def test_by_rule(tmp_path: Path) -> None:
    listed = [structs.replace(row, decision=f"rule {row.line % 2}") for row in rows(0, 290)]
    path = saved(tmp_path / "report.json", make_report(listed))
    assert run(path, "--max-regret", "0.02").exit_code == 0
    shown = run(path, "--max-regret", "0.02", "--by", "rule")
    assert shown.exit_code == 3
    assert "too little evidence: regret of rule 0 0.0 % (at least 0.0 %, at most" in shown.output


def test_without_the_judge_s_errors(tmp_path: Path) -> None:
    corrected = Corrected("ppi", 0.01, 0.0, 0.018, 60, 60, Share(0, 50), Share(0, 10))
    report = structs.replace(make_report(rows(100, 500)), corrected=corrected)
    path = saved(tmp_path / "report.json", report)
    shown = run(path, "--max-regret", "0.02")
    assert shown.exit_code == 0, shown.output
    assert "regret 1.0 % (at least 0.0 %, at most 1.8 %, limit 2.0 %), from 500 scored" in (
        shown.output
    )
    surer = run(path, "--max-regret", "0.02", "--confidence", "0.99")
    assert surer.exit_code == 2
    assert "evaluate with --confidence 0.99 or more" in surer.output


def test_json(good: Path) -> None:
    shown = run(good, "--max-regret", "0.02", "--min-saving", "0.4", "--json")
    told = json.loads(shown.output)
    assert (told["outcome"], told["confidence"], told["margin"]) == ("pass", 0.95, 0.1)
    regret, saving = told["checks"]
    assert (regret["events"], regret["trials"], regret["unscored"]) == (2, 500, 5)
    assert (saving["of"], saving["outcome"]) == ("saving", "pass")


@pytest.mark.parametrize(("limit", "failures", "errors"), [(0.02, 0, 0), (0.01, 0, 1)])
def test_junit(good: Path, tmp_path: Path, limit: float, failures: int, errors: int) -> None:
    """What is tested of all rows comes out as the gate does."""
    path = tmp_path / "gate.xml"
    shown = run(good, "--max-regret", limit, "--junit", path)
    suite = ElementTree.parse(path).getroot()[0]
    assert (suite.get("failures"), suite.get("errors")) == (f"{failures}", f"{errors}")
    assert shown.exit_code == (3 if errors else 0)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["gate.xml", "good.json"]


def test_a_file_that_cannot_be_written(good: Path, tmp_path: Path) -> None:
    shown = run(good, "--max-regret", "0.02", "--junit", tmp_path / "absent" / "gate.xml")
    assert shown.exit_code == 2
    assert "cannot be written" in shown.output


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--max-regret", "2"],
        ["--max-regret", "0.02", "--confidence", "0.5"],
        ["--max-regret", "0.02", "--by", "tag"],
    ],
)
def test_bad_options(good: Path, arguments: list[str]) -> None:
    assert run(good, *arguments).exit_code == 2


def test_what_is_no_report(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text('{"prompt": "Hi"}\n')
    shown = run(path, "--max-regret", "0.02")
    assert shown.exit_code == 2
    assert "not a report of 'stepdown eval run --json'" in shown.output
    assert run(tmp_path / "absent.json", "--max-regret", "0.02").exit_code == 2
