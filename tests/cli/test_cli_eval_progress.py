"""How far an evaluation is: the lines, the estimate, the bar."""

from decimal import Decimal
from typing import Any, cast

import pytest

from stepdown.cli.eval import progress as module
from stepdown.cli.eval.progress import Progress
from stepdown.evals.asking import Asker
from stepdown.evals.report import Spent

D = Decimal


class Spending:
    """As much of an asker as is looked at."""

    def __init__(self) -> None:
        self.spent = Spent()

    def spend(self, **spent: Any) -> None:
        self.spent = Spent(**spent)


@pytest.fixture
def spending(monkeypatch: pytest.MonkeyPatch) -> Spending:
    """Every line is due at once."""
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.0)
    return Spending()


def progress(spending: Spending, total: int = 100, **options: Any) -> Progress:
    return Progress(total, cast("Asker", spending), **options)


def test_a_line_says_how_far_it_is_and_what_it_comes_to(
    spending: Spending, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress(spending) as shown:
        spending.spend(cost=D("0.30"), judge_cost=D("0.10"))
        shown(10)
        spending.spend(cost=D("1.00"), from_cache=1200, failed=3)
        shown(50)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "10 of 100 rows, $0.40 spent, about $4 in all",
        "50 of 100 rows, $1 spent, about $2 in all, 1,200 answers from the cache, 3 calls failed",
    ]


def test_what_an_earlier_run_paid_for_does_not_make_the_rest_look_cheap(
    spending: Spending, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress(spending) as shown:
        spending.spend(from_cache=180)
        shown(90)
        spending.spend(from_cache=180, cost=D("0.10"))
        shown(90)
        shown(91)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "90 of 100 rows, $0 spent, 180 answers from the cache"
    assert "about" not in lines[1]
    assert lines[2].startswith("91 of 100 rows, $0.10 spent, about $1 in all, ")


def test_lines_are_far_between(
    spending: Spending, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "QUIET_SECONDS", 3600.0)
    with progress(spending) as shown:
        for done in range(100):
            shown(done)
    assert capsys.readouterr().err == ""


def test_quiet_is_quiet(spending: Spending, capsys: pytest.CaptureFixture[str]) -> None:
    with progress(spending, quiet=True) as shown:
        shown(1)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_has_a_bar(
    spending: Spending, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    spending.spend(cost=D("0.40"))
    with progress(spending, what="pairs") as shown:
        shown(10)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "pairs" in captured.err
    assert "10/100" in captured.err
    assert "$0.40 spent, about $4 in all" in captured.err
    assert " of 100 " not in captured.err
