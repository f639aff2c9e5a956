"""Advice: by hand, through routes that are built of the patch, and by simulation."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest
import yaml
from msgspec import structs

from stepdown.evals.advise import Advice, Finding, Unusable, advise
from stepdown.evals.patch import patched
from stepdown.evals.report import Report
from stepdown.evals.rows import Row
from stepdown.evals.whatif import Said, SaidOf, recorded, rerouted, rules_of
from stepdown.quality.intervals import lower, upper
from stepdown.routing.route import PolicyRoute, build_route
from stepdown.routing.rules import Match
from stepdown.types import Request
from support.answers import asking
from support.eval_series import Scores, make_report, make_row

BUDGET = 0.05
RULES = [
    {"name": "short", "when": {"tokens": {"lt": 300}}, "rung": "cheap"},
    {"name": "label", "when": {"output": "label"}, "rung": "cheap"},
    {"name": "long", "when": {"tokens": {"gt": 2000}}, "rung": "strong"},
]
SAME: Scores = [1.0, 1.0]
WORSE: Scores = [0.0, 1.0]


def rows(decision: str, rung: int, *counts: tuple[int, Scores]) -> list[Row]:
    """Rows that one rule decided, so many of each kind."""
    scores = [each for count, each in counts for _ in range(count)]
    return [
        make_row(f"{decision} {n}", n, each, rung=rung, decision=decision)
        for n, each in enumerate(scores, 1)
    ]


def report(*parts: Iterable[Row], rules: Any = RULES, **fields: Any) -> Report:
    every = tuple(row for part in parts for row in part)
    return structs.replace(make_report(()), rows=every, rules=rules, **fields)


def advised(found: Report, **options: Any) -> Advice:
    return advise(found, **{"budget": BUDGET, "confidence": 0.95, **options})


def finding(advice: Advice, *names: str) -> Finding:
    [found] = [each for each in advice.findings if each.rules == names]
    return found


def changes(advice: Advice) -> dict[str, str | None]:
    return {each.rules[0]: each.change for each in advice.findings if len(each.rules) == 1}


def rules_in(advice: Advice) -> list[Any]:
    assert advice.patch is not None
    found: list[Any] = yaml.safe_load(advice.patch)["routes"]["auto"]["rules"]
    return found


# ── By hand ──────────────────────────────────────────────────────────────────────────────────

MIXED = report(
    rows("short", 0, (400, SAME)),
    rows("label", 0, (150, SAME), (50, WORSE)),
    rows("long", 1, (300, SAME)),
    rows("default", 1, (100, SAME), (100, WORSE)),
)


def test_each_rule_is_answered_for() -> None:
    advice = advised(MIXED)
    assert advice.each == pytest.approx(1 - 0.05 / 4)
    assert changes(advice) == {"short": None, "label": "tighten", "long": "loosen", "default": None}
    answers = {each.rules[0]: (each.does, each.answer) for each in advice.findings}
    assert answers == {
        "short": ("sends down", "within"),
        "label": ("sends down", "above"),
        "long": ("holds", "within"),
        "default": ("holds", "above"),
    }
    label = finding(advice, "label").regret
    assert (label.events, label.trials) == (50, 200)
    assert (label.low, label.high) == (lower(50, 200, advice.each), upper(50, 200, advice.each))


def test_the_patch_changes_these_rungs_and_says_why() -> None:
    advice = advised(MIXED)
    first, second, third = RULES
    assert rules_in(advice) == [first, {**second, "rung": "strong"}, {**third, "rung": "cheap"}]
    assert advice.patch is not None
    assert "# Tightened: 50 of 200 scored rows that it sent down were regretted (25.0 %; at " in (
        advice.patch
    )
    assert "# Loosened: 0 of 300 scored rows that it held at the last rung would have been" in (
        advice.patch
    )


def test_what_the_changes_come_to() -> None:
    advice = advised(MIXED)
    tightened = finding(advice, "label").effect
    assert tightened is not None
    assert tightened.moved == 200
    assert tightened.regret is not None
    assert (tightened.regret.a, tightened.regret.b) == pytest.approx((50 / 1100, 0.0))
    assert tightened.cost is not None
    assert tightened.cost.value == pytest.approx(200 * 0.09 / 1100)
    assert advice.effect is not None
    assert advice.effect.moved == 500
    assert advice.effect.regret is not None
    assert advice.effect.regret.b == 0.0
    before, after = advice.effect.before, advice.effect.after
    assert (before.events, before.trials) == (50, 600)
    assert (after.events, after.trials) == (0, 700)
    assert after.high < 0.02
    assert advice.effect.regret.low < -50 / 1100 < advice.effect.regret.high < 0.0
    assert advice.effect.down.value == pytest.approx(100 / 1100)
    assert advice.effect.saved_before == pytest.approx(0.9 * 600 / 1100)
    assert advice.effect.saved_after == pytest.approx(0.9 * 700 / 1100)
    assert advice.effect_confidence == pytest.approx(1 - 0.05 / 2**4)
    assert finding(advice, "short").effect is None


def test_what_no_rule_claims_may_be_let_go_of() -> None:
    advice = advised(report(rows("default", 1, (300, SAME))))
    assert changes(advice) == {"default": "loosen"}
    assert rules_in(advice)[-1] == {"name": "rest", "when": {"turns": {"ge": 0}}, "rung": "cheap"}
    assert advice.patch is not None
    assert "# Added: 0 of 300 scored rows that no rule claimed would have been" in advice.patch


def test_what_cannot_be_told_says_how_many_rows_it_takes() -> None:
    advice = advised(report(rows("short", 0, (20, SAME)), rows("long", 1, (20, SAME))))
    assert (advice.patch, advice.effect) == (None, None)
    found = finding(advice, "short")
    assert (found.answer, found.likely) == ("unknown", "within")
    more = 72 - 20
    assert 0.95**72 <= 0.05 / 2 < 0.95**71
    assert found.more_rows == 2 * more, "half of the rows are its own"
    over = advised(report(rows("short", 0, (36, SAME), (4, WORSE))))
    assert finding(over, "short").likely == "above"


def test_unscored_rows_are_left_out_and_counted() -> None:
    advice = advised(report(rows("long", 1, (300, SAME), (7, [None, 1.0]))))
    found = finding(advice, "long")
    assert (found.rows, found.regret.trials, found.unscored) == (307, 300, 7)
    nothing = advised(report(rows("long", 1, (7, [None, 1.0]))))
    found = finding(nothing, "long")
    assert (found.answer, found.likely, found.more_rows) == ("unknown", None, None)
    assert nothing.each == 0.95, "what nothing is known of is no question"


@pytest.mark.parametrize("name", ["session", "router", "cascade"])
def test_what_is_no_rule_is_reported_and_not_patched(name: str) -> None:
    advice = advised(report(rows(name, 0, (150, SAME), (50, WORSE))))
    found = finding(advice, name)
    assert (found.answer, found.change, advice.patch) == ("above", None, None)
    assert advised(report(rows(name, 1, (200, SAME)))).findings == ()


def test_more_questions_take_more_evidence() -> None:
    held = rows("long", 1, (72, SAME))
    assert changes(advised(report(held))) == {"long": "loosen"}
    others = [rows(f"rule {n}", 0, (72, SAME)) for n in range(8)]
    assert changes(advised(report(held, *others)))["long"] is None


def test_rows_that_climbed_are_counted() -> None:
    climbed = [structs.replace(row, decided=0) for row in rows("short", 1, (30, WORSE))]
    advice = advised(report(rows("short", 0, (300, SAME)), climbed))
    assert (advice.climbed, finding(advice, "short").rows) == (30, 300)


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (report(), "the report has no rows"),
        (report(rows("short", 0, (3, SAME)), rules=[7]), r"rules\[0\]: expected a rule"),
        (
            report(rows("long", 1, (100, SAME)), rows("long", 1, (100, SAME))),
            "the id 'long 1' is there twice",
        ),
    ],
)
def test_reports_that_no_advice_can_be_taken_from(found: Report, problem: str) -> None:
    with pytest.raises(Unusable, match=problem):
        advised(found)


# ── Rows that several rules hold ─────────────────────────────────────────────────────────────


def saying(said: dict[str, Said]) -> SaidOf:
    """What the rules said, by the first word of a row's id."""
    return lambda row: said[row.id.split()[0]]


def test_rules_that_hold_rows_together_are_asked_about_together() -> None:
    rules = [{**RULES[2], "name": name} for name in ("long", "hard")]
    said: dict[str, Said] = {
        "long": {"long": True},
        "hard": {"hard": True},
        "both": {"long": True, "hard": True},
    }
    both = [structs.replace(row, decision="long") for row in rows("both", 1, (60, WORSE))]
    found = report(rows("long", 1, (300, SAME)), rows("hard", 1, (200, SAME)), both, rules=rules)
    advice = advised(found, said_of=saying(said))
    assert finding(advice, "long", "hard").answer == "above"
    assert changes(advice) == {"long": "loosen", "hard": None}
    assert finding(advice, "hard").held_back == ("long",)
    assert advice.effect is not None
    assert advice.effect.moved == 300
    harmless = [structs.replace(row, rungs=found.rows[0].rungs) for row in both]
    found = structs.replace(found, rows=(*found.rows[:500], *harmless, *_renamed(harmless)))
    advice = advised(found, said_of=saying(said))
    assert changes(advice) == {"long": "loosen", "hard": "loosen"}
    assert advice.effect is not None
    assert advice.effect.moved == 620


def _renamed(given: Sequence[Row]) -> list[Row]:
    return [structs.replace(row, id=f"{row.id} again") for row in given]


# ── Through the route that is built of the patch ─────────────────────────────────────────────

TEXTS = (
    "Summarize this: the meeting is on Monday.",
    "Classify the ticket as bug or wish: it crashes.",
    "Is this spam? Win a prize.",
    "Analyze the causes of the war and compare them.",
    "Design a data structure, and explain why it is fast.",
    "What is the capital of France?",
    "Write a poem about the sea, in several paragraphs.",
    "Extract the names, then analyze them.",
    "word " * 460,
    "Summarize this: " + "word " * 2100,
    "Analyze this: " + "word " * 2600,
    "Tell me about tea.",
)
INTENTS = (None, "faq", "planning")


def route_of(rules: Any, match: Match, ladder: Sequence[str]) -> PolicyRoute:
    options = {"ladder": list(ladder), "rules": rules, "match": match, "sessions": False}
    return build_route("auto", options, price_of=lambda model: None)


def requests() -> list[Request]:
    return [
        structs.replace(asking(text), intent=intent)
        for text in TEXTS
        for intent in INTENTS
        for _ in range(20)
    ]


def routed(route: PolicyRoute, ladder: Sequence[str], scores: Callable[[int], Scores]) -> list[Row]:
    found: list[Row] = []
    for place, request in enumerate(requests()):
        decision = route.decide(request, route.read(request))
        row = make_row(f"{place}", place, SAME, decision=decision.name)
        rungs = [
            structs.replace(row.rungs[0], model=model, score=score)
            for model, score in zip(ladder, scores(place), strict=True)
        ]
        found.append(
            structs.replace(row, rungs=tuple(rungs), rung=decision.rung, decided=decision.rung)
        )
    return found


def said_by(route: PolicyRoute) -> SaidOf:
    asked = requests()

    def said(row: Row) -> Said:
        verdicts = route.explain(route.read(asked[row.line]))
        return {verdict.name: verdict.matched for verdict in verdicts}

    return said


@pytest.mark.parametrize("match", ["all", "first"])
@pytest.mark.parametrize("ladder", [("small", "large"), ("small", "middle", "large")])
@pytest.mark.parametrize("seed", range(4))
def test_the_route_of_the_patch_decides_as_predicted(
    match: Match, ladder: Sequence[str], seed: int
) -> None:
    """Whole kinds of prompts are regretted or are not, so that rules are tightened and loosened."""
    draw = np.random.default_rng(seed)
    regretted = draw.random(len(TEXTS)) < 0.4
    given = [dict(rule) for rule in rules_of(report(rules="standard")).written]
    if len(ladder) == 3:
        given[1]["rung"] = "middle"

    def scores(place: int) -> Scores:
        cheap = 0.0 if regretted[place // (20 * len(INTENTS))] else 1.0
        return [*[cheap] * (len(ladder) - 1), 1.0]

    route = route_of(given, match, ladder)
    found = report(routed(route, ladder, scores), rules=given, ladder=tuple(ladder))
    said_of = said_by(route)
    advice = advised(found, said_of=said_of, match=match, budget=0.3)
    changed = {each.rules[0]: each.change for each in advice.findings if each.change}
    assert changed
    rules = rules_of(found, match)
    rungs = {name: rules.top if what == "tighten" else 0 for name, what in changed.items()}
    assert rules_in(advice) == patched(rules, rungs)
    predicted = rerouted(found.rows, rules, rungs, said_of)
    patched_route = route_of(rules_in(advice), match, ladder)
    for row, request in zip(predicted, requests(), strict=True):
        decision = patched_route.decide(request, patched_route.read(request))
        assert (decision.name, decision.rung) == (row.decision, row.rung), request.prompt
    moved = sum(row.rung != old.rung for row, old in zip(predicted, found.rows, strict=True))
    assert advice.effect is not None
    assert advice.effect.moved == moved > 0


def test_without_what_the_rules_said_one_match_a_row_is_enough() -> None:
    """Where no row matches two rules, the report alone predicts it all."""
    given = [
        {"name": name, "when": {"intent": name}, "rung": rung}
        for name, rung in (("faq", "cheap"), ("planning", "strong"))
    ]
    ladder = ("small", "large")
    route = route_of(given, "all", ladder)

    def scores(place: int) -> Scores:
        return WORSE if place // 20 % len(INTENTS) == 1 else SAME

    found = report(routed(route, ladder, scores), rules=given, ladder=ladder)
    advice = advised(found)
    assert changes(advice) == {"faq": "tighten", "planning": "loosen", "default": "loosen"}
    rules = rules_of(found)
    predicted = rerouted(found.rows, rules, {"faq": 1, "planning": 0, "default": 0}, recorded)
    patched_route = route_of(rules_in(advice), "all", ladder)
    for row, request in zip(predicted, requests(), strict=True):
        decision = patched_route.decide(request, patched_route.read(request))
        assert (decision.name, decision.rung) == (row.decision, row.rung)


# ── How often it errs ────────────────────────────────────────────────────────────────────────


def test_with_the_confidence_given_no_answer_is_wrong() -> None:
    """Six rules at the budget: none is to be shown above, and none with room to spare within."""
    draw = np.random.default_rng(3)
    rules = [{**RULES[0], "name": f"rule {n}", "rung": n % 2} for n in range(6)]
    bad = {("sends down", "above"), ("holds", "within")}
    sets, wrong = 250, 0
    for _ in range(sets):
        parts: list[list[Row]] = []
        for n, regrets in enumerate(draw.binomial(100, BUDGET, 6)):
            counts = (100 - int(regrets), SAME), (int(regrets), WORSE)
            parts.append(rows(f"rule {n}", n % 2, *counts))
        advice = advised(report(*parts, rules=rules), confidence=0.8)
        assert len(advice.findings) == 6
        wrong += any((each.does, each.answer) in bad for each in advice.findings)
    assert 0.02 < wrong / sets <= 0.2
