"""The summary on the terminal: sentences, tables, doubts; nothing that was not measured."""

from decimal import Decimal

import pytest
from msgspec import structs

from stepdown.cli.eval.terminal import MOST_GROUPS, show
from stepdown.evals.items import BadRow
from stepdown.evals.report import Corrected, Report, Spent
from stepdown.evals.words import headline
from stepdown.quality.shares import Share
from support.eval_rows import mixed, numbered, report, row


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> "Shown":
    return Shown(capsys)


class Shown:
    """What is printed of a report."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def of(self, made: Report, *, worst_case: bool = False) -> str:
        show(made, worst_case=worst_case)
        return self._capsys.readouterr().out

    def rows_of(self, made: Report, *, worst_case: bool = False) -> dict[str, list[str]]:
        """The cells of every table, by the first of each row; a later table's win."""
        lines = self.of(made, worst_case=worst_case).splitlines()
        cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if "│" in line]
        return {first: rest for first, *rest in cells}


def test_the_sentences_are_whole_lines(shown: Shown) -> None:
    made = report(mixed(40, 8))
    lines = shown.of(made).splitlines()
    assert lines[:5] == headline(made)
    assert lines[-1] == "This run called no model."


def test_groups_with_their_counts(shown: Shown) -> None:
    rows = shown.rows_of(report(mixed(40, 8)))
    assert rows["short"] == ["40 of 40", "20.0 % of 40", "9.1 to 35.6 %", "–", "−0.200", "90.0 %"]
    assert rows["hard"] == ["0 of 10", "–", "–", "0 of 10", "–", "0.0 %"]


def test_of_few_downgrades_no_rate_is_claimed(shown: Shown) -> None:
    made = report(mixed(9, 2))
    assert "Too few downgrades to say how often that hurt" in shown.of(made)
    assert shown.rows_of(made)["short"][1] == "2 of 9"


def test_policies_and_curves(shown: Shown) -> None:
    rows = shown.rows_of(report(mixed(40, 8)))
    assert rows["all cheap"] == ["100.0 %", "0.640", "36.0 %", "$10"]
    assert rows["all strong"] == ["0.0 %", "1.000", "–", "$100"]
    assert rows["oracle"][0] != ""
    out = shown.of(report(mixed(40, 8)))
    for heading in ("APGR", "CPT 50", "CPT 80", "score at 20 % strong", "score at 80 % strong"):
        assert heading in out


def test_without_a_gap_no_share_of_it_is_told(shown: Shown) -> None:
    made = report(numbered([row((1.0, 1.0))] * 30))
    assert shown.rows_of(made)["route"] == ["–", "–", "–", "1.000", "1.000", "1.000"]
    assert "there is no gap to recover" in shown.of(made)


def test_the_worst_case_is_one_flag_away(shown: Shown) -> None:
    made = report(numbered([*mixed(30, 3), row((None, 1.0), why="small: 503")]))
    without = shown.of(made)
    assert "1 row not scored, 1 of them sent down." in without
    assert "1 ×: small: 503" in without
    assert "orst case" not in without
    out = shown.of(made, worst_case=True)
    assert "Worst case, all unscored downgrades being regrets: 12.9 %" in out
    assert shown.rows_of(made, worst_case=True)["short"][3] == "3.6 to 29.8 %"


def test_doubts_and_costs(shown: Shown) -> None:
    share = Share(3, 100, 0.01, 0.08)
    made = report(
        mixed(40, 8),
        judged=40,
        flips=4,
        corrected=Corrected("ppi", 0.031, 0.012, 0.054, 200, 40, share, share),
        spent=Spent(calls=100, cost=Decimal("1.5"), seconds=30.0),
        stopped="The budget of $2 is spent.",
    )
    source = structs.replace(made.source, bad=(BadRow(7, "prompt: missing"),))
    out = shown.of(structs.replace(made, source=source))
    assert out.startswith("Not the whole set: The budget of $2 is spent.\n")
    for text in (
        "on 4 (10.0 %) it contradicted itself",
        "Without the judge's errors: 3.1 %",
        "line 7: prompt: missing",
        "This run made 100 calls for $1.50 in 30 s.",
    ):
        assert text in out


def test_many_groups_are_cut_and_that_is_said(shown: Shown) -> None:
    rows = [row((1.0, 1.0), tags=(f"t{place:02}",)) for place in range(MOST_GROUPS + 3)]
    out = shown.of(report(numbered(rows)))
    assert "t19" in out
    assert "t20" not in out
    assert "3 smaller ones are not shown." in out


def test_names_are_no_markup(shown: Shown) -> None:
    made = report(numbered([row((0.0, 1.0), decision="[red]x[/red]", tags=("[/]",))] * 3))
    out = shown.of(made)
    assert "[red]x[/red]" in out
    assert "[/]" in out


def test_control_characters_do_not_reach_the_terminal(shown: Shown) -> None:
    odd = "a\x1b]0;title\x07\x1b[31m\nb\ud800"
    rows = [row((0.0, 1.0), decision=odd, tags=(odd,)), row((None, 1.0), why=odd)]
    out = shown.of(report(numbered(rows), route=odd, stopped=odd), worst_case=True)
    assert out.encode()
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "a ]0;title  [31m b " in out


@pytest.mark.parametrize("scores", [None, (None, None), (1.0,)], ids=["no rows", "unscored", "one"])
def test_reports_with_little_in_them(shown: Shown, scores: tuple[float | None, ...] | None) -> None:
    assert "auto answered" in shown.of(report([] if scores is None else [row(scores)]))


def test_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("stepdown.cli.tables.WIDTH_OF_FILES", 80)
    show(report(mixed(40, 8)), worst_case=True)
    tables = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("│", "┃"))]
    assert max(map(len, tables)) <= 80
    assert any("interval" in line for line in tables)
