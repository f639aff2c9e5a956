"""Which rules to tighten and which to loosen, so that a regret budget is kept and not wasted.

**What is asked of the rows.** Of each rule that sent rows down: is their downgrade regret above the
budget? Of the rows that a rule holds at the last rung, and of those that no rule claims
(``default``): would the regret have been within the budget, had the rule let them go to the
cheapest? A row that several rules hold goes only when all of them let go, so that such rows are
asked about by themselves.

**How sure that is.** Each question is answered by exact one-sided bounds whose error is 1 -
confidence divided by the number of questions (Bonferroni). Of the two answers to a question only
one can be wrong, so that with the confidence given no answer at all is wrong. Which questions there
are follows from the routing alone; no score has a say in it.

**What it comes to.** The expected change is measured on the very rows that chose it. Looking for
the best among many changes makes it look better than it is. So the interval of a change has the
error of one question, and that of the whole patch its part for each patch that could have been
chosen (two to the power of the rules that could be changed).

**Where rows go.** A report keeps what each rule said of a row, so that the rows are predicted to go
where the route with the patch sends them. What a cascade would make of those that move is not
known, and regrets are as the judge saw them, its errors included. Reports of earlier versions keep
the rule that decided and no other: there a row on which several rules match can go elsewhere than
predicted (``whatif.recorded``): up, where a rule that is tightened matched a row that another sent
down; not down, where another rule holds it too. An evaluation with the patch tells.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct, structs

from stepdown.evals.compare import Difference, NotComparable, compare
from stepdown.evals.enough import more_to_fail, more_to_pass
from stepdown.evals.patch import as_yaml
from stepdown.evals.questions import Does, Question, held, sent_down
from stepdown.evals.report import Report
from stepdown.evals.rows import Row
from stepdown.evals.whatif import NoRules, Rules, keeps_verdicts, rerouted, rules_of
from stepdown.evals.words import percent
from stepdown.quality.intervals import each_of, lower, upper
from stepdown.quality.shares import Share, share
from stepdown.routing.rules import DEFAULT

Answer = Literal["above", "within", "unknown"]
Change = Literal["tighten", "loosen"]
_MOST_DOUBLINGS = 40
"""Beyond these 1 less an error is 1, as far as numbers of this kind tell."""


class Unusable(ValueError):
    """A report that no advice can be taken from."""


class Effect(Struct, frozen=True):
    """What a change does on these rows, from before to after; see ``compare.Comparison``.

    ``before`` and ``after`` are the downgrade regret: of the scored rows that are sent down.
    """

    moved: int
    before: Share
    after: Share
    quality: Difference | None
    regret: Difference | None
    down: Difference
    cost: Difference | None
    saved_before: float | None
    saved_after: float | None


class Finding(Struct, frozen=True):
    """The answer to one question: is the regret above the budget, or within?

    ``rules`` is one rule, ``default``, or a built-in decision; or the rules that hold the rows
    together. ``regret`` is that of the ``rows`` sent down or, of those held, the one that they
    would have had; its bounds are one-sided. ``unscored`` rows are not in it. ``more_rows`` of the
    data set are likely to settle an unknown answer, which would be ``likely``. ``change`` is what
    the patch does about it. A rule that could be loosened and is ``held_back`` holds other rows
    together with these rules, on which the regret is not shown to be within.
    """

    rules: tuple[str, ...]
    does: Does
    answer: Answer
    rows: int
    regret: Share
    unscored: int
    likely: Answer | None = None
    more_rows: int | None = None
    change: Change | None = None
    effect: Effect | None = None
    held_back: tuple[str, ...] = ()


class Advice(Struct, frozen=True):
    """``each`` is the confidence of one answer; ``patch`` is YAML, None where nothing is changed.

    ``effect`` is what the whole patch does, its intervals at ``effect_confidence``. ``climbed``
    rows were climbed by a cascade, whose checks the rows that are let go would meet, too.
    ``exact``: the report tells what every rule said of a row, and so where each would go.
    """

    route: str
    budget: float
    confidence: float
    each: float
    effect_confidence: float
    findings: tuple[Finding, ...]
    patch: str | None
    effect: Effect | None
    climbed: int
    exact: bool


def advise(report: Report, *, budget: float, confidence: float) -> Advice:
    """What to change, so that regret is at most ``budget`` (0..1) and no more is spent on that than
    needed. Raises Unusable, or ValueError for a confidence out of bounds."""
    try:
        rules = rules_of(report)
    except NoRules as error:
        raise Unusable(str(error)) from error
    if not report.rows:
        raise Unusable("the report has no rows")
    asked = [*sent_down(report), *held(report, rules)]
    each = each_of(confidence, max(1, sum(bool(question.trials) for question in asked)))
    findings = [_answered(question, budget, each, len(report.rows)) for question in asked]
    held_back = _held_back(findings)
    findings = [_decided(finding, rules, held_back) for finding in findings]
    rungs = {name: rung for finding in findings for name, rung in _rungs(finding, rules).items()}
    changeable = {name for question in asked for name in question.rules if rules.has(name)}
    of_patches = each_of(confidence, 2 ** min(len(changeable), _MOST_DOUBLINGS))

    def effect(changed: Mapping[str, int], sure: float) -> Effect | None:
        if not changed:
            return None
        return _effect(report, rerouted(report.rows, rules, changed), sure)

    return Advice(
        report.route,
        budget,
        confidence,
        each,
        of_patches,
        tuple(
            structs.replace(finding, effect=effect(_rungs(finding, rules), each))
            for finding in findings
        ),
        as_yaml(report.route, rules, rungs, _why(findings, budget)) if rungs else None,
        effect(rungs, of_patches),
        sum(row.rung != row.decided for row in report.rows),
        keeps_verdicts(report),
    )


# ── Answers ──────────────────────────────────────────────────────────────────────────────────


def _answered(question: Question, budget: float, each: float, rows: int) -> Finding:
    events, trials = question.events, question.trials
    low, high = lower(events, trials, each), upper(events, trials, each)
    answer: Answer = "unknown"
    if low > budget:
        answer = "above"
    elif high <= budget:
        answer = "within"
    likely, more = None, None
    if answer == "unknown" and trials:
        likely, more = _likely(events, trials, budget, each)
    return Finding(
        question.rules,
        question.does,
        answer,
        question.rows,
        Share(events, trials, low, high),
        question.rows - trials,
        likely,
        None if more is None else math.ceil(more * rows / trials),
    )


def _likely(events: int, trials: int, budget: float, each: float) -> tuple[Answer, int | None]:
    if events / trials < budget:
        return "within", more_to_pass(events, trials, budget, each)
    return "above", more_to_fail(events, trials, budget, each)


# ── Changes ──────────────────────────────────────────────────────────────────────────────────


def _held_back(findings: Sequence[Finding]) -> Mapping[str, tuple[str, ...]]:
    """The rules that could let go of what each holds alone, and must not let go as others do.

    Rows that several hold would go if all let go. Where those are not shown to be within the
    budget, the one that holds the fewest rows alone does not.
    """
    held = [finding for finding in findings if finding.does == "holds"]
    alone = {finding.rules[0]: finding for finding in held if len(finding.rules) == 1}
    free = {name for name, finding in alone.items() if finding.answer == "within"}
    back: dict[str, tuple[str, ...]] = {}
    for finding in held:
        if len(finding.rules) > 1 and finding.answer != "within" and free.issuperset(finding.rules):
            kept = min(finding.rules, key=lambda name: alone[name].rows)
            free.remove(kept)
            back[kept] = tuple(name for name in finding.rules if name != kept)
    return back


def _decided(finding: Finding, rules: Rules, held_back: Mapping[str, tuple[str, ...]]) -> Finding:
    """The finding with what the patch does about it."""
    [name, *others] = finding.rules
    if others or not rules.has(name):
        return finding
    if finding.does == "sends down" and finding.answer == "above":
        return structs.replace(finding, change="tighten")
    if finding.does == "holds" and finding.answer == "within":
        if name in held_back:
            return structs.replace(finding, held_back=held_back[name])
        return structs.replace(finding, change="loosen")
    return finding


def _rungs(finding: Finding, rules: Rules) -> dict[str, int]:
    """The new rung, by the rule's name."""
    if finding.change is None:
        return {}
    return {finding.rules[0]: rules.top if finding.change == "tighten" else 0}


def _why(findings: Iterable[Finding], budget: float) -> dict[str, str]:
    return {
        finding.rules[0]: _because(finding, budget)
        for finding in findings
        if finding.change is not None
    }


def _because(finding: Finding, budget: float) -> str:
    """The comment on a changed rule."""
    regret, limit = finding.regret, f"budget {percent(budget)}"
    counts = f"{regret.events:,} of {regret.trials:,} scored rows"
    if finding.change == "tighten":
        return (
            f"Tightened: {counts} that it sent down were regretted ({percent(regret.value)}; at "
            f"least {percent(regret.low)}, {limit})."
        )
    if finding.rules == (DEFAULT,):
        what, whose = "Added", "that no rule claimed"
    else:
        what, whose = "Loosened", "that it held at the last rung"
    return (
        f"{what}: {counts} {whose} would have been regretted ({percent(regret.value)}; at most "
        f"{percent(regret.high)}, {limit})."
    )


def _effect(report: Report, after: tuple[Row, ...], confidence: float) -> Effect:
    try:
        found = compare(report, structs.replace(report, rows=after), confidence)
    except NotComparable as error:
        raise Unusable(str(error)) from error
    return Effect(
        found.moved,
        _regret(report.rows, report.margin, confidence),
        _regret(after, report.margin, confidence),
        found.quality,
        found.regret,
        found.down,
        found.cost,
        found.saved_a,
        found.saved_b,
    )


def _regret(rows: Iterable[Row], margin: float, confidence: float) -> Share:
    regretted = [row.regretted(margin) for row in rows if row.downgraded]
    return share(regretted.count(True), len(regretted) - regretted.count(None), confidence)
