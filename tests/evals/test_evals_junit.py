"""JUnit XML: what passes, fails, and is neither; and that any name makes sound XML."""

import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from stepdown.evals.gate import Verdict, gate
from stepdown.evals.junit import junit
from stepdown.evals.report import Corrected, Report
from stepdown.evals.rows import Row
from stepdown.quality.shares import Share
from support.eval_rows import mixed, numbered, report, row


def cases(
    made: Report, max_regret: float | None, verdict: Verdict | None = None
) -> dict[str, tuple[str, str]]:
    """Each test's outcome and message, by its name."""
    found: dict[str, tuple[str, str]] = {}
    for case in ElementTree.fromstring(junit(made, max_regret, verdict)).iter("testcase"):
        outcomes = [
            (each.tag, each.get("message", "")) for each in case if each.tag != "system-out"
        ]
        found[case.attrib["name"]] = outcomes[0] if outcomes else ("passed", "")
    return found


def many(regrets: int, downgrades: int, **fields: Any) -> list[Row]:
    return [row((float(at >= regrets), 1.0), **fields) for at in range(downgrades)]


ROWS = numbered(
    [
        *many(0, 500, decision="safe", tags=("chat",)),
        *many(80, 200, decision="bad"),
        *many(1, 10, decision="rare"),
        row((1.0, 1.0), 1, decision="hard"),
        row((None, 1.0), decision="lost"),
    ]
)


def test_each_rule_and_tag_is_judged_by_its_interval() -> None:
    found = cases(report(ROWS), 0.05)
    assert {name: outcome for name, (outcome, _) in found.items()} == {
        "regret": "failure",
        "regret of rule safe": "passed",
        "regret of rule bad": "failure",
        "regret of rule rare": "skipped",
        "regret of rule hard": "skipped",
        "regret of rule lost": "skipped",
        "regret of tag chat": "passed",
    }
    assert found["regret of rule hard"][1] == "Nothing was sent down."
    assert found["regret of rule lost"][1] == "No downgrade is scored."
    assert found["regret of rule rare"][1] == (
        "Too little evidence that regret is at most 5.0 %: it is between 0.08 % and 51.5 %."
    )
    assert found["regret of rule bad"][1].startswith("Regret is above 5.0 %: ")


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [
        (mixed(500, 0), "passed"),
        (mixed(50, 0), "error"),
        (mixed(50, 20), "failure"),
        (mixed(0, 0), "skipped"),
        ([row((None, 1.0))], "error"),
    ],
    ids=["shown to be", "too little", "shown not to be", "none sent down", "none scored"],
)
def test_all_rows_are_judged_and_too_little_evidence_is_an_error(
    rows: list[Row], outcome: str
) -> None:
    assert cases(report(rows), 0.05)["regret"][0] == outcome


@pytest.mark.parametrize(("downgrades", "outcome"), [(59, "passed"), (58, "error")])
def test_what_the_gate_tested_comes_out_as_it_did_there(downgrades: int, outcome: str) -> None:
    """59 rows without a regret are shown to be below 5 % one-sided, not two-sided."""
    made = report(mixed(downgrades, 0))
    verdict = gate(made, max_regret=0.05, confidence=0.95, by_rule=True)
    assert {name: told for name, (told, _) in cases(made, 0.05, verdict).items()} == {
        "regret": outcome,
        "regret of rule short": outcome,
        "regret of rule hard": "skipped",
    }
    assert cases(made, 0.05)["regret"][0] == "error"


def test_all_rows_are_judged_without_the_judges_errors() -> None:
    share = Share(3, 100, 0.01, 0.08)
    known = Corrected("ppi", 0.01, 0.0, 0.02, 300, 100, share, share)
    made = report(mixed(50, 20))
    assert cases(made, 0.05)["regret"][0] == "failure"
    assert cases(structs.replace(made, corrected=known), 0.05)["regret"][0] == "passed"


def test_without_a_limit_nothing_is_judged() -> None:
    assert {outcome for outcome, _ in cases(report(ROWS), None).values()} == {"skipped"}


def test_the_counts_are_told_whatever_the_outcome() -> None:
    root = ElementTree.fromstring(junit(report(ROWS), 0.05))
    outputs = [each.text or "" for each in root.iter("system-out")]
    assert len(outputs) == 7
    assert outputs[0].splitlines()[:2] == [
        "712 rows, 711 sent down, 710 of them scored",
        "regrets (by more than 0.1): 81",
    ]
    assert re.search(r"^regret: 11\.4 % \(95 % interval: 9\.2 to 14\.0 %\)$", outputs[0], re.M)
    assert re.search(r"^worst case: 11\.5 % ", outputs[0], re.M)


def test_the_suite_counts_its_tests() -> None:
    suite = ElementTree.fromstring(junit(report(ROWS), 0.05)).find("testsuite")
    assert suite is not None
    told = [suite.get(name) for name in ("tests", "failures", "errors", "skipped", "timestamp")]
    assert told == ["7", "2", "0", "3", "2026-11-25T12:00:00"]


def names(made: str) -> Sequence[str]:
    return [case.attrib["name"] for case in ElementTree.fromstring(made).iter("testcase")]


@given(st.text())
def test_any_name_makes_sound_xml(name: str) -> None:
    made = junit(report([row((1.0, 1.0), decision=name, tags=(name,))], route=name), 0.1)
    assert len(names(made)) == 3
    assert made.encode()


def test_what_xml_cannot_hold_is_replaced() -> None:
    made = junit(report([row((1.0, 1.0), decision='a\0\x1b[1m\ud800\ufffe<&"')]), 0.1)
    assert names(made)[1] == 'regret of rule a\ufffd\ufffd[1m\ufffd\ufffd<&"'
