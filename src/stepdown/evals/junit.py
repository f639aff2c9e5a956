"""A report as JUnit XML, which CI systems show as tests: one of all rows, one a rule, one a tag.

A test passes where the upper end of the regret's interval is at most the limit, and fails where
the lower end is above it. In between there is too little evidence: an error for all rows, while a
group, which may be small, is skipped. The intervals of a grouping hold together: no group is red
just because there are many. Of all rows the regret without the judge's errors is tested, where it
is known. What the gate tested comes out as it did there.
Source of the format: github.com/testmoapp/junitxml
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from xml.etree import ElementTree

from stepdown.evals.gate import Check, Verdict
from stepdown.evals.report import Group, Report
from stepdown.evals.words import interval, level, percent, rows

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
SUITE = "stepdown eval"
GROUPINGS = ("rule", "tag")
Outcome = tuple[str, str] | None
"""The element that says what is wrong, and its message; None where the test passes."""
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, escaped or not (w3.org/TR/xml, 2.2)."""


def junit(report: Report, max_regret: float | None, verdict: Verdict | None = None) -> str:
    """The XML, to be written as UTF-8.

    ``max_regret`` is in 0..1; without one nothing is judged, and every test is skipped. ``verdict``
    is the gate's on this report, with this limit.
    """
    cases = list(_cases(report, max_regret, verdict))
    suite = ElementTree.Element(
        "testsuite",
        name=_xml(f"{SUITE} {report.route}"),
        tests=str(len(cases)),
        failures=_count(cases, "failure"),
        errors=_count(cases, "error"),
        skipped=_count(cases, "skipped"),
        time=f"{report.spent.seconds:.3f}",
        timestamp=datetime.fromtimestamp(report.time, UTC).strftime("%Y-%m-%dT%H:%M:%S"),
    )
    suite.extend(cases)
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    return f"{DECLARATION}\n{ElementTree.tostring(suites, encoding='unicode')}\n"


def _cases(
    report: Report, max_regret: float | None, verdict: Verdict | None
) -> Iterator[ElementTree.Element]:
    gated = {} if verdict is None else _gated(verdict)
    overall = gated[None] if None in gated else _overall(report, max_regret)
    yield _case(report, "regret", report.overall, report.confidence, overall)
    for grouping in report.groupings:
        for group in grouping.groups if grouping.by in GROUPINGS else ():
            outcome = _grouped(group, max_regret)
            if grouping.by == "rule" and group.name in gated:
                outcome = gated[group.name]
            name = f"regret of {grouping.by} {group.name}"
            yield _case(report, name, group, grouping.each, outcome)


def _case(
    report: Report, name: str, group: Group, confidence: float, outcome: Outcome
) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase", name=_xml(name), classname=_xml(f"{report.route}.{report.source.name}")
    )
    if outcome is not None:
        element, message = outcome
        ElementTree.SubElement(case, element, message=_xml(message))
    told = ElementTree.SubElement(case, "system-out")
    told.text = _xml(_counts(group, report.margin, confidence))
    return case


# ── Outcomes ─────────────────────────────────────────────────────────────────────────────────


def _overall(report: Report, max_regret: float | None) -> Outcome:
    known = report.corrected or report.overall.regret
    if not report.overall.down:
        return "skipped", "Nothing was sent down."
    return _between(known.low, known.high, max_regret, unsure="error")


def _grouped(group: Group, max_regret: float | None) -> Outcome:
    if not group.down:
        return "skipped", "Nothing was sent down."
    if not group.regret.trials:
        return "skipped", "No downgrade is scored."
    return _between(group.regret.low, group.regret.high, max_regret, unsure="skipped")


def _between(low: float, high: float, max_regret: float | None, unsure: str) -> Outcome:
    if max_regret is None:
        return "skipped", "Measured; there is no limit to judge it by."
    if high <= max_regret:
        return None
    return _told("failure" if low > max_regret else unsure, low, high, max_regret)


def _gated(verdict: Verdict) -> dict[str | None, Outcome]:
    """What the gate tested, by rule; None for all rows."""
    return {check.rule: _checked(check) for check in verdict.checks if check.of == "regret"}


def _checked(check: Check) -> Outcome:
    if check.outcome == "pass":
        return None
    element = "failure" if check.outcome == "fail" else "error"
    return _told(element, check.low or 0.0, 1.0 if check.high is None else check.high, check.limit)


def _told(element: str, low: float, high: float, limit: float) -> tuple[str, str]:
    known = f"it is between {percent(low)} and {percent(high)}"
    if element == "failure":
        return element, f"Regret is above {percent(limit)}: {known}."
    return element, f"Too little evidence that regret is at most {percent(limit)}: {known}."


# ── Texts ────────────────────────────────────────────────────────────────────────────────────


def _counts(group: Group, margin: float, confidence: float) -> str:
    regret = group.regret
    lines = [
        f"{rows(group.rows)}, {group.down:,} sent down, {regret.trials:,} of them scored",
        f"regrets (by more than {margin:g}): {regret.events:,}",
    ]
    if regret.trials:
        lines.append(
            f"regret: {percent(regret.value)} ({level(confidence)} interval: {interval(regret)})"
        )
    if group.unscored:
        lines.append(f"worst case: {percent(group.worst.value)} ({interval(group.worst)})")
    return "\n".join(lines)


def _count(cases: list[ElementTree.Element], outcome: str) -> str:
    return str(sum(case.find(outcome) is not None for case in cases))


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
