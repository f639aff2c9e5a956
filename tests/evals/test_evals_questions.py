"""What is asked of a report's rules: which rows, and how many of them are regrets."""

from msgspec import structs

from stepdown.evals.questions import Question, held, sent_down
from stepdown.evals.report import Report
from stepdown.evals.rows import Row
from stepdown.evals.whatif import Rules
from stepdown.routing.rules import DEFAULT
from support.eval_series import Scores, make_report, make_row

RULES = Rules((), {"short": 0, "long": 1, "hard": 1}, 1, "all")


def report(*rows: Row) -> Report:
    return structs.replace(make_report(()), rows=rows)


def row(decision: str, rung: int, scores: Scores) -> Row:
    return make_row("1", 1, scores, rung=rung, decision=decision)


def test_what_was_sent_down_is_asked_of_by_its_decision() -> None:
    found = report(
        row("short", 0, [0.0, 1.0]),
        row("short", 0, [1.0, 1.0]),
        row("short", 0, [0.95, 1.0]),
        row("short", 0, [None, 1.0]),
        row("session", 0, [0.0, 1.0]),
        row("long", 1, [0.0, 1.0]),
    )
    assert sent_down(found) == [
        Question(("short",), "sends down", 4, 1, 3),
        Question(("session",), "sends down", 1, 1, 1),
    ]


def test_what_is_held_is_asked_what_it_would_have_been() -> None:
    found = report(
        row("long", 1, [0.0, 1.0]),
        row("long", 1, [1.0, 1.0]),
        row("long", 1, [1.0, None]),
        row(DEFAULT, 1, [1.0, 0.0]),
        row("short", 0, [0.0, 1.0]),
        row("session", 1, [0.0, 1.0]),
    )
    assert held(found, RULES) == [
        Question(("long",), "holds", 3, 1, 2),
        Question((DEFAULT,), "holds", 1, 0, 1),
    ]


def test_rules_that_hold_together_are_one_question() -> None:
    both = structs.replace(row("long", 1, [0.0, 1.0]), matched=("long",), borderline=("hard",))
    [question] = held(report(both), RULES)
    assert question == Question(("long", "hard"), "holds", 1, 1, 1)


def test_the_regret_is_of_the_rung_where_the_row_would_go() -> None:
    rules = Rules((), {"short": 0, "mid": 1, "long": 2}, 2, "all")
    cheap, strong = row("long", 1, [0.0, 1.0]).rungs
    middle = structs.replace(cheap, score=1.0)
    three = structs.replace(
        row("long", 1, [0.0, 1.0]), rungs=(cheap, middle, strong), rung=2, decided=2
    )
    matched = structs.replace(three, matched=("mid", "long"))
    assert held(report(matched), rules)[0].events == 0
    assert held(report(three), rules)[0].events == 1


def test_a_ladder_of_one_model_holds_nothing() -> None:
    only = structs.replace(row("long", 1, [1.0, 1.0]), rung=0, decided=0)
    alone = structs.replace(only, rungs=only.rungs[1:])
    assert held(report(alone), Rules((), {"long": 0}, 0, "all")) == []
    assert sent_down(report(alone)) == []
