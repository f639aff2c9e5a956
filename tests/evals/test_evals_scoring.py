"""Which scorer an item goes to, and what is said of scorers that cannot be used."""

from typing import Any

import pytest

from stepdown.errors import ConfigError
from stepdown.evals.items import BadRow
from stepdown.evals.scoring import Scoring
from stepdown.types import Task
from support.answers import asking
from support.evaluations import item

JUDGE = ("judge", {"model": "strong", "criteria": "Polite."})
OWN = "support.own_scorers:polite"


def names(scoring: Scoring, **fields: Any) -> list[str]:
    """The scorers of an item, in the order in which they are asked."""
    given = item(**fields)
    return [each.name for each in scoring.of(given, Task(asking(), given.expected, given.labels))]


def models(scoring: Scoring, *scorers: Any) -> list[str]:
    rows = [item(number, scorer=scorer) for number, scorer in enumerate(scorers)]
    return scoring.models(rows)


# ── Which ────────────────────────────────────────────────────────────────────────────────────


def test_the_rows_own_goes_before_the_sets_and_that_before_the_default() -> None:
    scoring = Scoring(["exact", {"numeric": {"tolerance": 1}}], JUDGE)
    assert names(scoring, scorer="contains", expected="x") == ["contains"]
    assert names(scoring, expected="x") == ["exact", "numeric"]
    assert names(Scoring(()), expected=5) == ["numeric"]


def test_the_judge_is_asked_last_and_by_default_only() -> None:
    assert names(Scoring((), JUDGE), expected=5) == ["numeric", "judge"]
    assert names(Scoring((), JUDGE)) == ["judge"]
    assert names(Scoring(["exact"], JUDGE)) == ["exact"]
    assert names(Scoring(["exact", "judge"], JUDGE)) == ["exact", "judge"]
    assert names(Scoring(())) == []


def test_a_judge_without_a_model_is_the_configured_one() -> None:
    scoring = Scoring((), JUDGE)
    [own] = scoring.of(item(scorer="judge"), Task(asking()))
    assert scoring.judge is not None
    assert (own.name, getattr(own, "model", None)) == ("judge", "strong")
    assert models(scoring, {"judge_rubric": None}, {"judge": {"model": "mid"}}) == ["strong", "mid"]


def test_scorers_are_built_once() -> None:
    scoring = Scoring(())
    task = Task(asking())
    first = scoring.of(item(1, scorer={"numeric": {"tolerance": 1}}), task)
    assert scoring.of(item(2, scorer={"numeric": {"tolerance": 1}}), task) is first
    assert scoring.of(item(3, scorer={"numeric": {"tolerance": 2}}), task) is not first


# ── Who may be asked ─────────────────────────────────────────────────────────────────────────


def test_the_models_that_judges_may_ask() -> None:
    other: Any = {"judge": {"model": "mid"}}
    assert models(Scoring(()), None, "exact") == []
    assert models(Scoring((), JUDGE), None, None) == ["strong"]
    assert models(Scoring((), JUDGE), "exact", "numeric") == []
    assert models(Scoring(["exact"], JUDGE), None) == []
    assert models(Scoring([other], JUDGE), None, "judge") == ["strong", "mid"]
    assert models(Scoring((), JUDGE), other, "nonsense") == ["mid"]


def test_where_nobody_is_asked_judges_are_left_out() -> None:
    for judge in (JUDGE, None):
        scoring = Scoring(["judge", "exact"], judge, asks=False)
        assert names(scoring, expected="x") == ["exact"]
        assert names(scoring, scorer="judge") == []
        assert names(scoring, scorer={"judge": {"model": "mid"}}) == []
        assert names(Scoring((), judge, asks=False)) == []
        assert scoring.check([item(scorer="judge")])[1] == []
        assert scoring.judge is None


def test_whether_all_mean_the_configured_judge() -> None:
    scoring = Scoring((), JUDGE)
    alike = [item(scorer=each) for each in (None, "judge", "exact", "judge_rubric")]
    assert scoring.judges_alike([*alike, item(scorer={"judge": {"criteria": "Polite."}})])
    assert not scoring.judges_alike([item(scorer={"judge": {"criteria": "Short."}})])
    assert not Scoring([{"judge": {"model": "mid"}}], JUDGE).judges_alike(alike)
    assert Scoring(()).judges_alike([item(scorer={"judge": {"model": "mid"}})])


# ── What cannot be used ──────────────────────────────────────────────────────────────────────


def test_rows_whose_scorer_cannot_be_built_are_told_by_line() -> None:
    rows = [
        item(1, scorer="numerc"),
        item(2, scorer="numeric"),
        item(3, scorer={"numeric": {"tolerance": "much"}}),
        item(4, scorer="judge"),
    ]
    good, bad = Scoring(()).check(rows)
    assert [row.line for row in good] == [2]
    whys = {row.line: row.why for row in bad}
    assert whys[1] == "scorer[0]: there is no scorer 'numerc'. Did you mean 'numeric'?"
    assert whys[3].startswith("scorer[0].numeric.tolerance: expected ")
    assert "expected a model_name of the configuration, got none" in whys[4]


@pytest.mark.parametrize(
    "scorer", [OWN, {"code": {"allow_execution": True}}, {"embedding": {"embedder": OWN}}]
)
def test_data_runs_no_code_of_its_own(scorer: Any) -> None:
    """Not even where the command line names the same."""
    scoring = Scoring([OWN])
    [bad] = scoring.check([item(scorer=scorer)])[1]
    assert isinstance(bad, BadRow)
    assert "runs code: name it outside of the data" in bad.why
    assert names(scoring) == [OWN]


@pytest.mark.parametrize(
    "entry",
    [5, None, [], ["exact"], {}, {"exact": {}, "numeric": {}}, {"judge": 5}, {"judge": "x"}],
)
def test_odd_entries_are_told(entry: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        Scoring([entry], JUDGE)
    problem = caught.value.problems[0]
    assert problem.startswith("scorer[0]")
    assert "expected" in problem


def test_a_judge_that_cannot_be_built_is_told() -> None:
    with pytest.raises(ConfigError, match=r"scorer\[0\]\.judge"):
        Scoring((), ("judge", {"model": "strong", "criteria": 5}))
