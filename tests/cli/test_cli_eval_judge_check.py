"""``stepdown eval judge-check``: what it prints, what it asks, how it ends early."""

import json
from pathlib import Path
from typing import Any

import pytest

from stepdown.cli.eval.run import STOPPED
from stepdown.quality.judge_check import check_judge
from stepdown.quality.labelled import read_labelled
from stepdown.types import Scores
from support.datasets import jsonl
from support.eval_place import Place, asked, replying
from support.fault_server import FaultServer


def labelled(number: int, better: str, served: str = "cheap", reference: str = "strong one") -> Any:
    return {"prompt": f"{number}?", "served": served, "reference": reference, "better": better}


PAIRS = [
    *(labelled(n, "reference") for n in range(6)),
    *(labelled(n, "tie") for n in range(6, 9)),
    labelled(9, "served"),
]


def decides(body: dict[str, Any]) -> str | int:
    """For the strong answer; says A of pair 6 in either order, and fails on pair 7."""
    text = asked(body)
    if "\n7?" in text:
        return 500
    first = text.index("<answer A"), text.index("</answer A")
    better = "A" if "\n6?" in text or "strong" in text[slice(*first)] else "B"
    return json.dumps({"better": better})


@pytest.fixture
def place(tmp_path: Path, upstream: FaultServer, request: pytest.FixtureRequest) -> Place:
    made = Place(tmp_path, upstream, request.node.name)
    made.configure(judge={"model": "umpire"})
    made.says("umpire", replying(decides))
    return made


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return jsonl(tmp_path / "pairs.jsonl", PAIRS)


def test_it_is_measured_against_people(place: Place, pairs: Path) -> None:
    result = place.judge_check(pairs, "--json", "--confidence", "0.9")
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    regret, tie = Scores((0.0, 0.5)), Scores((0.5, 0.5), flips=1)
    known = read_labelled(pairs).pairs
    said = [regret] * 6 + [tie, Scores((None, 0.5), why="the judge's call failed")] + [regret] * 2
    judged = [
        Scores(each.values, flips=each.flips, judged=int(None not in each.values), why=each.why)
        for each in said
    ]
    wanted = check_judge(zip(known, judged, strict=True), 0.1, 0.9)
    assert (shown["pairs"], shown["unjudged"]) == (10, 1)
    assert shown["why"] == {"the judge's call failed": 1}
    assert shown["agreement"]["events"] == wanted.agreement.events == 7
    assert shown["flips"]["events"] == 1
    assert (shown["false_positive"]["events"], shown["false_positive"]["trials"]) == (2, 3)
    assert shown["false_negative"]["high"] == wanted.false_negative.high
    assert shown["kappa"]["value"] == wanted.kappa.value
    assert (shown["bad"], shown["left"], shown["stopped"]) == ([], 0, None)
    assert place.calls("umpire").total() == 20


def test_it_is_printed_for_people(place: Place, pairs: Path) -> None:
    with pairs.open("a") as file:
        file.write('{"prompt": "?"}\n' * 12)
    result = place.judge_check(pairs)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "10 pairs, 1 of them not judged. Intervals: 95 %, each by itself."
    figures = [line for line in lines if "%  (" in line]
    assert len({line.index("%  (") for line in figures}) == 1, "the figures stand in one column"
    assert figures[0].startswith("agrees with people              77.8 %  (")
    assert figures[0].endswith("; 7 of 9)")
    assert "not judged: 1 × the judge's call failed" in lines
    assert "12 rows were left out:" in lines
    assert lines[-1] == "  and 2 more"


def test_a_second_check_asks_nobody_but_where_a_call_had_failed(place: Place, pairs: Path) -> None:
    first, second = place.judge_check(pairs), place.judge_check(pairs)
    assert first.stdout == second.stdout
    assert place.calls("umpire").total() == 20
    place.judge_check(pairs, "--retry-failed")
    assert place.calls("umpire").total() == 22


def test_another_judge_than_the_configured_one(place: Place, pairs: Path) -> None:
    place.says("strong", replying(lambda body: '{"better": "tie"}'))
    result = place.judge_check(pairs, "--judge", "strong", "--json")
    assert json.loads(result.stdout)["agreement"]["events"] == 3
    assert (place.calls("umpire").total(), place.calls("strong").total()) == (0, 20)


def test_it_ends_early_with_what_it_has(place: Place, pairs: Path) -> None:
    result = place.judge_check(pairs, "--budget", "$0.0125", "--concurrency", "1", "--json")
    assert result.exit_code == STOPPED, result.output
    shown = json.loads(result.stdout)
    assert 0 < shown["pairs"] < 10
    assert shown["left"] == 10 - shown["pairs"]
    assert shown["stopped"].startswith("The budget of $0.0125 is used up")
    again = place.judge_check(pairs, "--budget", "$0.0000001")
    assert again.exit_code == STOPPED
    assert again.stdout.startswith("Not all pairs: The budget of ")


@pytest.mark.parametrize(
    ("sections", "content", "problem"),
    [
        ({}, None, "judge: expected a model (or --judge MODEL), got none"),
        ({"judge": {"model": "umpire"}}, "{}\n", "expected a labelled pair a line, got none. line"),
        ({"judge": {"model": "umpire"}}, "", "expected a labelled pair a line, got none."),
    ],
)
def test_what_cannot_be_used(
    place: Place, pairs: Path, sections: dict[str, Any], content: str | None, problem: str
) -> None:
    place.configure(**sections)
    if content is not None:
        pairs.write_text(content)
    result = place.judge_check(pairs)
    assert result.exit_code == 2
    assert problem in result.stderr
    assert place.calls("umpire").total() == 0
