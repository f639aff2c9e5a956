"""Advice: by hand, through evaluations with the patch, and by simulation."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import yaml
from msgspec import structs

from stepdown.cascade.plan import Cascades
from stepdown.evals.advise import Advice, Finding, Unusable, advise
from stepdown.evals.items import Item, Known
from stepdown.evals.patch import patched
from stepdown.evals.replies import FromTable
from stepdown.evals.report import Report
from stepdown.evals.rows import Row
from stepdown.evals.run import Evaluation
from stepdown.evals.scoring import Scoring
from stepdown.evals.whatif import rerouted, rules_of
from stepdown.quality.intervals import lower, upper
from stepdown.routing.rules import Match
from support.eval_series import Scores, make_report, make_row
from support.evaluations import cascades_of, item, route_of

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


def matching(given: Iterable[Row], *names: str) -> list[Row]:
    return [structs.replace(row, decision=names[0], matched=names) for row in given]


def test_rules_that_hold_rows_together_are_asked_about_together() -> None:
    rules = [{**RULES[2], "name": name} for name in ("long", "hard")]
    long = matching(rows("long", 1, (300, SAME)), "long")
    hard = matching(rows("hard", 1, (200, SAME)), "hard")
    both = matching(rows("both", 1, (60, WORSE)), "long", "hard")
    advice = advised(report(long, hard, both, rules=rules))
    assert advice.exact
    assert finding(advice, "long", "hard").answer == "above"
    assert changes(advice) == {"long": "loosen", "hard": None}
    assert finding(advice, "hard").held_back == ("long",)
    assert advice.effect is not None
    assert advice.effect.moved == 300
    harmless = [structs.replace(row, rungs=long[0].rungs) for row in both]
    advice = advised(report(long, hard, harmless, _renamed(harmless), rules=rules))
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
    "She can summarize well. Who is she?",
    "Who said this?\nimport tea",
)
UNSURE = {"name": "code", "when": {"code": {"eq": True, "confidence": 0.9}}, "rung": "strong"}
INTENTS = (None, "faq", "planning")
COPIES = 10
"""Of each text with each intent: every second copy asks for JSON."""
LADDERS = ("small", "large"), ("small", "middle", "large")
AS_JSON = {
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "any", "schema": {"type": "object"}},
    }
}


def items(ladder: Sequence[str], scores: Callable[[int, str | None], Scores]) -> list[Item]:
    kinds = [(text, intent) for text in range(len(TEXTS)) for intent in INTENTS]
    return [
        item(
            place,
            TEXTS[text],
            intent=intent,
            body=AS_JSON if place // len(kinds) % 2 else {},
            known={
                model: Known(score, "{}", Decimal(1))
                for model, score in zip(ladder, scores(text, intent), strict=True)
            },
        )
        for place, (text, intent) in enumerate(kinds * COPIES)
    ]


def evaluated(
    given: Sequence[Item],
    rules: Any,
    match: Match,
    ladder: Sequence[str],
    cascades: Cascades | None,
) -> Report:
    route = route_of(*rules, ladder=ladder, match=match)
    route.begins_cheap = None if cascades is None else cascades.begins_cheap
    replies = FromTable(ladder, lambda model: None)
    evaluation = Evaluation(route, replies, Scoring(asks=False), cascades=cascades)
    ran = asyncio.run(evaluation.run(given))
    assert ran.bad == ()
    return report(ran.rows, rules=rules, ladder=tuple(ladder), match=match)


def check_the_prediction(
    found: Report, advice: Advice, after: Report, changed: Mapping[str, int]
) -> None:
    """The decisions of the route with the patch are those that were predicted."""
    predicted = rerouted(found.rows, rules_of(found), changed)
    assert [(row.decision, row.decided) for row in after.rows] == [
        (row.decision, row.decided) for row in predicted
    ]
    moved = sum(row.decided != old.decided for row, old in zip(after.rows, found.rows, strict=True))
    assert advice.effect is not None
    assert advice.effect.moved == moved > 0


def rungs_of(advice: Advice, top: int) -> dict[str, int]:
    return {
        each.rules[0]: top if each.change == "tighten" else 0
        for each in advice.findings
        if each.change is not None
    }


@pytest.mark.parametrize("checked", [False, True])
@pytest.mark.parametrize("match", ["all", "first"])
@pytest.mark.parametrize("ladder", LADDERS, ids=len)
@pytest.mark.parametrize("seed", [2, 3])
def test_the_route_of_the_patch_decides_as_predicted(
    checked: bool, match: Match, ladder: Sequence[str], seed: int
) -> None:
    """Whole kinds of prompts are regretted or are not, so that rules are tightened and loosened."""
    regretted = np.random.default_rng(seed).random(len(TEXTS)) < 0.4
    rules = [*(dict(rule) for rule in rules_of(report(rules="standard")).written), UNSURE]
    if len(ladder) == 3:
        rules[1]["rung"] = "middle"

    def scores(text: int, intent: str | None) -> Scores:
        return [*[0.0 if regretted[text] else 1.0] * (len(ladder) - 1), 1.0]

    given = items(ladder, scores)
    cascades = cascades_of("json_schema", rungs=len(ladder)) if checked else None
    found = evaluated(given, rules, match, ladder, cascades)
    assert {"small-task", "code"} <= {name for row in found.rows for name in row.borderline}
    assert ("cascade" in {row.decision for row in found.rows}) == checked
    advice = advised(found, budget=0.3)
    assert advice.exact
    changed = rungs_of(advice, len(ladder) - 1)
    assert rules_in(advice) == patched(rules_of(found), changed)
    after = evaluated(given, rules_in(advice), match, ladder, cascades)
    check_the_prediction(found, advice, after, changed)


def test_of_an_earlier_report_one_match_a_row_is_enough() -> None:
    """Where no row matches two rules, the rule that decided predicts it all."""
    rules = [
        {"name": name, "when": {"intent": name}, "rung": rung}
        for name, rung in (("faq", "cheap"), ("planning", "strong"))
    ]
    ladder = LADDERS[0]
    given = items(ladder, lambda text, intent: WORSE if intent == "faq" else SAME)
    found = evaluated(given, rules, "all", ladder, None)
    earlier = [structs.replace(row, matched=(), borderline=()) for row in found.rows]
    found = structs.replace(found, rows=tuple(earlier))
    advice = advised(found)
    assert not advice.exact
    assert changes(advice) == {"faq": "tighten", "planning": "loosen", "default": "loosen"}
    after = evaluated(given, rules_in(advice), "all", ladder, None)
    check_the_prediction(found, advice, after, rungs_of(advice, 1))


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
