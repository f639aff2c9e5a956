"""What is said of a report, and what is left unsaid where little is known."""

from decimal import Decimal

import pytest
from msgspec import structs

from stepdown.evals.items import BadRow
from stepdown.evals.report import Corrected, Mean, Spent
from stepdown.evals.words import (
    bad_lines,
    corrected_line,
    cost_of_thousand,
    duration,
    gap_line,
    grouping_line,
    headline,
    interval,
    judge_lines,
    level,
    percent,
    points,
    rate,
    regret_line,
    saving_line,
    signed,
    signed_interval,
    spent_line,
    unscored_lines,
)
from stepdown.quality.shares import Share
from support.eval_rows import mixed, numbered, report, row

# ── Quantities ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (None, "–"),
        (0.0, "0.0 %"),
        (0.0042, "0.42 %"),
        (0.00999, "1.0 %"),
        (0.1534, "15.3 %"),
        (1.0, "100.0 %"),
        (-0.25, "-25.0 %"),
    ],
)
def test_percent(share: float | None, text: str) -> None:
    assert percent(share) == text


def test_differences_of_shares_and_costs_of_a_thousand() -> None:
    assert [points(value) for value in (0.0213, -0.004, 0.0004, -0.0004)] == [
        "+2.1",
        "−0.4",
        "0.0",
        "0.0",
    ]
    assert (cost_of_thousand(0.0123), cost_of_thousand(None)) == ("$12.30", "–")


@pytest.mark.parametrize(
    ("value", "text"), [(-0.0623, "−0.062"), (0.01, "+0.010"), (0.0, "0.000"), (-0.0001, "0.000")]
)
def test_signed(value: float, text: str) -> None:
    assert signed(value) == text


def test_intervals() -> None:
    assert interval(Share(3, 40, 0.0158, 0.204)) == "1.6 to 20.4 %"
    assert interval(Share(0, 0)) == "–"
    assert signed_interval(Mean(0.0, -0.1, 0.1, 5)) == "−0.100 to +0.100"


def test_a_rate_of_few_is_not_told() -> None:
    assert (rate(Share(2, 19)), rate(Share(2, 20))) == ("–", "10.0 %")


@pytest.mark.parametrize(
    ("confidence", "text"), [(0.95, "95 %"), (0.9983333, "99.83 %"), (1 - 0.05 / 3, "98.33 %")]
)
def test_level(confidence: float, text: str) -> None:
    assert level(confidence) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (119, "119 s"), (431, "7 min"), (9000, "2.5 h")]
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


# ── Sentences ────────────────────────────────────────────────────────────────────────────────


def test_the_headline() -> None:
    down, regret, saving, wasted, score = headline(report(mixed(40, 8)))
    assert down == "auto answered 40 of 50 rows (80.0 %) below large."
    assert regret == (
        "Downgrade regret 20.0 % (95 % interval: 9.1 to 35.6 %): on 8 of 40 scored downgrades "
        "large was better by more than 0.1."
    )
    assert saving == "Cost $1.40 instead of $5 with large alone: 72.0 % saved."
    assert wasted == (
        "Of 10 scored rows that large answered, a cheaper model was as good on 0 (95 % interval: "
        "0.0 to 30.8 %); small would have been regretted on 10."
    )
    assert score.startswith("Served score less large's, on average over 50 scored rows: −0.160 (")


def test_of_few_downgrades_no_rate_is_told() -> None:
    told = regret_line(report(mixed(9, 2)))
    assert told == (
        "Too few downgrades to say how often that hurt: on 2 of 9 scored downgrades large was "
        "better by more than 0.1 (95 % interval: 2.8 to 60.0 %)."
    )


def test_nothing_sent_down() -> None:
    told = regret_line(report([row((1.0, 1.0), 1)]))
    assert told == "Nothing was answered below large, so there is nothing to regret."


def test_nothing_scored() -> None:
    made = report([row((None, 1.0))])
    assert regret_line(made) == (
        "No downgrade is scored: how often large would have been better is unknown."
    )
    assert len(headline(made)) == 3


def test_no_rows() -> None:
    assert headline(report([]))[0] == "auto answered 0 of 0 rows (–) below large."


def test_money_that_is_unknown_is_said() -> None:
    rows = numbered([row((1.0, 1.0)), row((1.0, 1.0), costs=(None, "1"))])
    overall = report(rows).overall
    assert saving_line(overall, "large").endswith(
        "90.0 % saved. In neither: 1 row of unknown cost."
    )
    assert saving_line(report(rows[1:]).overall, "large") == (
        "What that saves is unknown: no row has both its cost and large's."
    )


def test_a_route_that_costs_more_is_said_to() -> None:
    made = report([row((0.0, 1.0), 1, cost=Decimal("0.11"))])
    assert saving_line(made.overall, "large").endswith("with large alone: 10.0 % more.")


def test_unscored_rows_and_their_worst_case() -> None:
    rows = [*mixed(30, 3), row((None, 1.0), why="small: 503"), row((1.0, None), 1)]
    told = unscored_lines(report(numbered(rows)))
    assert told == [
        "2 rows not scored, 1 of them sent down.",
        "Worst case, all unscored downgrades being regrets: 12.9 % (95 % interval: 3.6 to "
        "29.8 %), 4 of 31.",
        "1 ×: small: 503",
        "1 ×: unknown",
    ]
    assert len(unscored_lines(report(numbered(rows)), worst_case=False)) == 3
    assert unscored_lines(report(mixed(3, 1))) == []


def test_bad_rows_are_listed_up_to_ten() -> None:
    made = report(mixed(3, 1))
    assert bad_lines(made) == []
    bad = tuple(BadRow(line, "prompt: missing") for line in range(1, 13))
    told = bad_lines(structs.replace(made, source=structs.replace(made.source, bad=bad)))
    assert told[0] == "12 rows of prompts.jsonl cannot be used."
    assert told[1] == "line 1: prompt: missing"
    assert told[-1] == "… and 2 more."
    assert len(told) == 12


def test_the_judge() -> None:
    made = report(numbered([row((1.0, 1.0), judged=1, flips=place % 4 == 0) for place in range(8)]))
    assert judge_lines(made) == [
        "The judge compared 8 pairs in both orders; on 2 (25.0 %) it contradicted itself, which "
        "counts as a tie."
    ]
    assert judge_lines(report(mixed(3, 1))) == []


def test_the_regret_without_the_judges_errors() -> None:
    share = Share(3, 100, 0.006, 0.085)
    known = Corrected("ppi", 0.031, 0.012, 0.054, 200, 40, share, share)
    assert corrected_line(known, 0.95) == (
        "Without the judge's errors: 3.1 % (95 % interval: 1.2 to 5.4 %), corrected by "
        "prediction-powered inference from 200 pairs that people labelled, 40 of them from this "
        "set."
    )
    made = report(mixed(30, 3), corrected=known)
    assert headline(made)[2] == corrected_line(known, 0.95)
    assert judge_lines(made) == [
        "The judge saw a regret where people saw none: 3 of 100 (0.60 to 8.5 %). It missed one "
        "that people saw: 3 of 100 (0.60 to 8.5 %)."
    ]


def test_a_small_gap_is_pointed_out() -> None:
    rows = [*[row((1.0, 1.0))] * 49, row((0.0, 1.0))]
    told = gap_line(report(numbered(rows)).curves)
    assert told is not None
    assert told.startswith("The gap is only 0.020 here")
    none = gap_line(report([row((1.0, 1.0))]).curves)
    assert none == "All strong is not better than all cheap here: there is no gap to recover."
    assert gap_line(report(mixed(30, 10)).curves) is None
    assert gap_line([]) is None


def test_how_sure_a_grouping_is() -> None:
    made = report(numbered([*mixed(30, 3), *[row((1.0, 1.0), decision="code")] * 5]))
    rule = made.groupings[0]
    assert grouping_line(rule.each, 0.95, rule.groups) == (
        "The 2 intervals of the regret hold together with 95 %; each has 97.5 %."
    )
    assert grouping_line(0.95, 0.95, rule.groups[:1]) == "The interval has a confidence of 95 %."


def test_what_the_run_took() -> None:
    made = report(mixed(3, 1))
    assert spent_line(made) == "This run called no model."
    spent = Spent(1442, 120, 14, Decimal("3.21"), 721, Decimal("0.55"), 2, 431)
    assert spent_line(structs.replace(made, spent=spent)) == (
        "This run made 1,442 calls for $3.21 (judges: 721 calls, $0.55; from the cache: 120; "
        "failed: 14; of unknown price: 2) in 7 min."
    )
    only = structs.replace(made, spent=Spent(calls=1, cost=Decimal(1), seconds=2.0))
    assert spent_line(only) == "This run made 1 call for $1 in 2 s."
