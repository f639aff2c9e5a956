"""``stepdown eval compare``: the table, the sentences, the lists, and JSON."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec import structs

from stepdown.cli.eval.compare import command
from stepdown.evals.report import Report, write
from support.eval_series import Scores, make_report, make_row


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [*map(str, arguments)])


def report(rung: int, count: int = 300) -> Report:
    """The cheap model is worse on every tenth row, and better on one."""
    scores: list[Scores] = [[float(n % 10 > 0), 1.0] for n in range(count)]
    scores[1] = [1.0, 0.0]
    rows = [make_row(f"{n}", n, each, rung=rung) for n, each in enumerate(scores, 1)]
    return make_report([structs.replace(row, prompt=f"[bold]row\n{row.line}") for row in rows])


@pytest.fixture
def strong(tmp_path: Path) -> Path:
    return saved(tmp_path / "strong.json", report(1))


@pytest.fixture
def cheap(tmp_path: Path) -> Path:
    return saved(tmp_path / "cheap.json", report(0))


def saved(path: Path, found: Report) -> Path:
    write(found, path)
    return path


def test_the_table(strong: Path, cheap: Path) -> None:
    shown = run(strong, cheap)
    assert shown.exit_code == 0, shown.output
    lines = [line.split("│") for line in shown.output.splitlines() if "│" in line]
    cells = {line[1].strip(): [cell.strip() for cell in line[2:-1]] for line in lines}
    assert cells["mean score"][:3] == ["0.997", "0.900", "−0.097"]
    assert cells["regretted, of all rows"][:3] == ["0.0 %", "10.0 %", "+10.0"]
    assert cells["sent down"][:3] == ["0.0 %", "100.0 %", "+100.0"]
    assert cells["cost of 1,000 rows"][:3] == ["$100", "$10", "−$90"]
    assert cells["saved"][:2] == ["0.0 %", "90.0 %"]
    assert cells["mean score"][4] == "300"


def test_what_is_shown_and_what_is_not(strong: Path, cheap: Path) -> None:
    shown = run(strong, cheap)
    assert "B's mean score is shown to be lower." in shown.output
    assert "B's share of regretted rows is shown to be higher." in shown.output
    assert "B's cost is shown to be lower." in shown.output
    assert "300 rows answered by another model; 30 scored worse with B, 1 better." in shown.output
    same = run(cheap, cheap)
    assert "No difference of the mean score is shown." in same.output
    assert "The largest" not in same.output


def test_the_rows_that_differ_most(strong: Path, cheap: Path) -> None:
    shown = run(strong, cheap).output
    losses = shown[shown.index("The largest losses of B") : shown.index("The largest gains of B")]
    assert losses.count("gpt-4o-mini 0.00 (short-label)") == 10
    assert "[bold]row 1 " in losses
    gains = shown[shown.index("The largest gains of B") :]
    assert "[bold]row 2 " in gains
    assert "gpt-4o 0.00 (short-label)" in gains


def test_what_is_left_out_is_said(tmp_path: Path, strong: Path) -> None:
    found = report(0)
    first, second, *others = found.rows
    unscored = structs.replace(
        first, rungs=(structs.replace(first.rungs[0], score=None), *first.rungs[1:])
    )
    unpriced = structs.replace(second, cost=None)
    rows = (unscored, unpriced, *others[1:], structs.replace(others[0], id="another"))
    shown = run(strong, saved(tmp_path / "b.json", structs.replace(found, rows=rows))).output
    assert "Left out: 1 row of A alone, 1 of B alone." in shown
    assert "1 row not scored in both: in no score and no regret." in shown
    assert "Costs are not compared: 1 row of an unknown price." in shown
    assert "Whether B's cost differs is unknown." in shown


def test_notes(tmp_path: Path, strong: Path) -> None:
    other = structs.replace(report(0), ladder=("gpt-4o-mini", "gpt-5"))
    shown = run(strong, saved(tmp_path / "b.json", other))
    assert "The references differ (gpt-4o, gpt-5)" in shown.output


def test_json(strong: Path, cheap: Path) -> None:
    told = json.loads(run(strong, cheap, "--json", "--confidence", "0.9").output)
    assert (told["rows"], told["confidence"], told["worse"], told["better"]) == (300, 0.9, 30, 1)
    quality = told["quality"]
    assert quality["low"] < quality["value"] < quality["high"] < 0
    assert len(told["losses"]) == 10


def test_what_cannot_be_compared(tmp_path: Path, strong: Path) -> None:
    other = saved(tmp_path / "b.json", make_report([make_row("other", 1, [1.0, 1.0])]))
    shown = run(strong, other)
    assert shown.exit_code == 2
    assert "no row of A (prompts.jsonl) has its id in B" in shown.output
    assert run(strong, tmp_path / "absent.json").exit_code == 2
    assert run(strong).exit_code == 2
