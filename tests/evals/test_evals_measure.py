"""A report is measured whole: every part from the same rows."""

from msgspec import structs

from stepdown.evals.curves import curves_of
from stepdown.evals.groups import groups_of
from stepdown.evals.measure import measure
from stepdown.evals.policies import policies_of
from stepdown.evals.report import VERSION, Corrected, Source, Spent
from stepdown.quality.shares import Share
from support.eval_rows import mixed, numbered, report, row

UNSCORED = structs.replace(row((None, 1.0)), scorer="", why="small: 503")


def test_every_part_is_of_the_same_rows() -> None:
    rows = numbered([*mixed(40, 5), UNSCORED])
    made = report(rows)
    assert (made.overall, made.groupings) == groups_of(rows, 0.1, 0.95)
    assert made.rows == tuple(rows)
    assert (made.version, made.ladder) == (VERSION, ("small", "large"))


def test_policies_and_curves_are_of_the_rows_that_every_rung_has_a_score_for() -> None:
    complete = mixed(20, 5)
    made = report(numbered([*complete, UNSCORED]))
    assert made.policies == policies_of(complete, 0.1)
    assert made.curves == curves_of(complete, 0.1)


def test_nothing_scored() -> None:
    made = report(numbered([UNSCORED, UNSCORED]))
    assert (made.policies, made.curves, made.scorers) == ((), (), {})
    assert made.overall.delta is None
    assert made.overall.worst.value == 1.0


def test_no_rows() -> None:
    assert report([]).overall.rows == 0


def test_scorers_and_flips_are_counted() -> None:
    rows = [
        row((1.0, 1.0), scorer="exact"),
        row((1.0, 1.0), scorer="judge", judged=1, flips=1),
        row((1.0, 1.0), scorer="judge", judged=2, flips=0),
    ]
    made = report(numbered(rows))
    assert made.scorers == {"exact": 1, "judge": 2}
    assert (made.judged, made.flips) == (3, 1)


def test_the_rest_is_passed_through() -> None:
    source = Source("d", "jsonl", "ab", 7)
    spent = Spent(calls=3)
    share = Share(1, 9)
    corrected = Corrected("ppi", 0.1, 0.0, 0.3, 9, 9, share, share)
    made = measure(
        [],
        margin=0.2,
        confidence=0.9,
        time=5.0,
        route="r",
        ladder=["a", "b"],
        rules="standard",
        policy="p",
        source=source,
        corrected=corrected,
        spent=spent,
        stopped="budget",
    )
    assert (made.margin, made.confidence, made.time, made.route) == (0.2, 0.9, 5.0, "r")
    assert (made.ladder, made.rules, made.policy) == (("a", "b"), "standard", "p")
    assert (made.source, made.corrected, made.spent) == (source, corrected, spent)
    assert made.stopped == "budget"
