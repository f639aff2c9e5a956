"""Reports say whose prices they use and, in each line of a simulated run, that it is simulated."""

from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from stepdown.demo.gateway import Gateway, Rung
from stepdown.demo.prompts import DemoPrompt
from stepdown.demo.report import Report, dollars, shortened
from stepdown.demo.rows import Row, summarize

PROMPTS = [
    DemoPrompt([{"role": "user", "content": "Classify this, " + "please " * 40}]),
    DemoPrompt([{"role": "user", "content": "Write about [bold]grief[/bold] :smile:"}]),
    DemoPrompt([{"role": "user", "content": "Nobody answers this"}]),
]


def rungs(mark: str) -> list[Rung]:
    return [
        Rung(f"{mark}weak", "openai/Small", "gpt-4o-mini"),
        Rung(f"{mark}strong", "openai/Large", "gpt-4o"),
    ]


def rows(mark: str) -> list[Row]:
    cost, saved = Decimal("0.00002"), Decimal("0.0003")
    down, stayed, failed = (prompt.shown for prompt in PROMPTS)
    return [
        Row("a", down, f"{mark}weak", "short-task", 0.2, cost=cost, saved=saved, answer="no\nyes"),
        Row("b", stayed, f"{mark}strong", "creative", 3.0, cost=saved, saved=Decimal(0)),
        Row("c", failed, "", "", 0.1, error="upstream_failed: it broke"),
    ]


def printed(*, simulated: bool, terminal: bool, answers: bool = False) -> str:
    """All that a whole run prints."""
    mark = "simulated-" if simulated else ""
    out = StringIO()
    console = Console(
        file=out,
        force_terminal=terminal,
        width=100,
        height=30,
        color_system=None,
        legacy_windows=False,
    )
    report = Report(console, rungs(mark), simulated=simulated)
    done = report.follow(iter(rows(mark)), PROMPTS, answers=answers)
    report.summary(summarize(done, cheap=f"{mark}weak", simulated=simulated, seconds=3.3))
    gateway = Gateway("http://x/v1", "sqlite:////x", Path("/x.yaml"), cast("Any", None))
    report.next_steps(gateway, stays=True)
    report.next_steps(gateway, stays=False)
    return out.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("answers", [True, False])
def test_each_line_of_a_simulated_run_says_so(terminal: bool, answers: bool) -> None:
    text = printed(simulated=True, terminal=terminal, answers=answers)
    for control in ("\x1b[?25l", "\x1b[?25h", "\x1b[1A", "\x1b[2K", "\r"):  # the live table's own
        text = text.replace(control, "")
    lines = [line for line in text.split("\n") if line.strip()]
    assert len(lines) > 15
    assert [line for line in lines if "simulated" not in line] == []


@pytest.mark.parametrize("terminal", [True, False])
def test_a_real_run_never_says_simulated_and_names_the_prices(terminal: bool) -> None:
    text = printed(simulated=False, terminal=terminal)
    assert "simulated" not in text
    assert "costs are those of gpt-4o-mini / gpt-4o for the same tokens" in text


@pytest.mark.parametrize("terminal", [True, False])
def test_what_a_prompt_says_is_no_markup(terminal: bool) -> None:
    assert "[bold]grief[/bold] :smile:" in printed(simulated=False, terminal=terminal)


def test_the_summary_says_the_split_and_the_saving() -> None:
    text = printed(simulated=False, terminal=False)
    assert "2 prompts answered in 3 s: 1 by weak (50%), 1 by strong" in text
    assert "Failed: 1 prompts got no answer" in text
    assert "Cost: $0.000320 against $0.000620 with strong alone: 48.4 % saved" in text
    assert "(93.8 % on the prompts sent down)" in text
    assert "short-task: 1 to weak, saved $0.000300" in text


def test_amounts() -> None:
    assert dollars(None) == "unpriced"
    assert dollars(Decimal("0.0000214")) == "$0.000021"
    assert dollars(Decimal("-1.5")) == "-$1.500000"


def test_long_prompts_are_cut() -> None:
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abcde…"
