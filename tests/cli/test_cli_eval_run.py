"""``stepdown eval run``: tables and models, the files it writes, what it says and refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stepdown.cli.eval.gate import command as gate
from stepdown.cli.eval.run import STOPPED, command
from stepdown.evals.report import Report, read
from stepdown.quality.labelled import read_labelled
from support.datasets import jsonl
from support.eval_place import Place, asked, replying
from support.fault_server import FaultServer

LADDER = ("--ladder", "small,large")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments])


def outcome(number: int, small: float | None, large: float | None, **fields: Any) -> dict[str, Any]:
    """A row of the table; the standard rules send yes or no down."""
    scores = {"small": small, "large": large}
    return {
        "id": f"q{number}",
        "prompt": f"Is {number} odd? Answer yes or no.",
        "scores": {name: score for name, score in scores.items() if score is not None},
        "costs": {"small": 0.001, "large": 0.01},
        **fields,
    }


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Ten questions, on two of which the large model alone is right."""
    return jsonl(tmp_path / "table.jsonl", [outcome(n, float(n > 2), 1.0) for n in range(1, 11)])


def reported(tmp_path: Path, *arguments: object) -> tuple[Report, Result]:
    file = tmp_path / "report.json"
    result = run(*arguments, "--json", file)
    assert result.exit_code == 0, result.output
    return read(file), result


# ── Tables ───────────────────────────────────────────────────────────────────────────────────


def test_a_table_without_a_configuration(tmp_path: Path, table: Path) -> None:
    report, result = reported(tmp_path, "--outcomes", table, *LADDER)
    assert (report.route, report.ladder) == ("auto", ("small", "large"))
    assert (report.source.name, report.source.rows, report.source.bad) == ("table.jsonl", 10, ())
    assert (report.overall.down, report.overall.regret.events) == (10, 2)
    assert report.overall.share_saved == pytest.approx(0.9)
    assert (report.scorers, report.spent.calls, report.stopped) == ({"known": 10}, 0, None)
    assert report.rules[0]["name"] == "small-task"
    assert "auto answered 10 of 10 rows (100.0 %) below large." in result.stdout
    assert "This run called no model." in result.stdout
    assert result.stderr == ""


def test_models_go_by_the_tables_names(tmp_path: Path, table: Path) -> None:
    names = ("--name", "a=small", "--name", "b=large")
    report, _ = reported(tmp_path, "--outcomes", table, "--ladder", "a,b", *names)
    assert report.ladder == ("a", "b")
    assert report.overall.regret.events == 2


def test_a_scorer_that_known_scores_go_before_is_told(tmp_path: Path, table: Path) -> None:
    report, result = reported(tmp_path, "--outcomes", table, *LADDER, "--scorer", "exact")
    assert report.scorers == {"known": 10}
    assert result.stderr.startswith("note: --scorer was not needed")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            ("--ladder", "smal,large"),
            "--outcomes: the table knows no model 'smal' (--name smal=NAME says what it is called "
            "there). Did you mean 'small'?",
        ),
        (
            (*LADDER, "--name", "large=big"),
            "--outcomes: the table knows no model 'big'. There are 'small', 'large'.",
        ),
        (
            (*LADDER, "--name", "lage=large"),
            "--name: 'lage' is no model of the ladder. Did you mean 'large'?",
        ),
        (("--ladder", "small,small"), "the model 'small' is already on the ladder"),
        ((*LADDER, "--format", "csw"), "there is no format 'csw'"),
        ((*LADDER, "--scorer", "numerc"), "there is no scorer 'numerc'. Did you mean 'numeric'?"),
    ],
)
def test_names_that_lead_nowhere(table: Path, arguments: tuple[str, ...], problem: str) -> None:
    result = run("--outcomes", table, *arguments)
    assert result.exit_code == 2
    assert problem in result.stderr


def test_scores_of_another_range(tmp_path: Path) -> None:
    table = jsonl(tmp_path / "t.jsonl", [outcome(n, 5.5, 10.0) for n in range(3)])
    report, _ = reported(tmp_path, "--outcomes", table, *LADDER, "--score-range", "1..10")
    assert [rung.score for rung in report.rows[0].rungs] == [0.5, 1.0]
    refused = run("--outcomes", table, *LADDER)
    assert refused.exit_code == 2
    assert "no row can be used. line 1: scores.small: expected a score in 0..1" in refused.stderr


def test_a_table_joined_to_a_data_set(tmp_path: Path, table: Path) -> None:
    rows = [
        {"id": f"q{number}", "prompt": f"Is {number} odd? Yes or no.", "tags": ["parity"]}
        for number in (1, 3, 99)
    ]
    data = jsonl(tmp_path / "data.jsonl", rows)
    report, _ = reported(tmp_path, data, "--outcomes", table, *LADDER)
    assert [row.id for row in report.rows] == ["q1", "q3", "q99"]
    assert [row.lead() for row in report.rows] == [1.0, 0.0, None]
    assert report.rows[0].tags == ("parity",)
    assert report.overall.unscored == 1


def test_a_sample_is_the_same_again_and_within_a_larger_one(tmp_path: Path, table: Path) -> None:
    def ids(*arguments: object) -> list[str]:
        report, _ = reported(tmp_path, "--outcomes", table, *LADDER, *arguments)
        return [row.id for row in report.rows]

    few = ids("--sample", 4)
    assert len(few) == 4
    assert few == ids("--sample", 4) == sorted(few, key=lambda name: int(name[1:]))
    assert set(few) < set(ids("--sample", 6))
    assert len({tuple(ids("--sample", 4, "--seed", seed)) for seed in range(5)}) > 1


def test_bad_rows_are_listed_beside_what_is_good(tmp_path: Path) -> None:
    rows = [outcome(1, 0.0, 1.0), outcome(2, 7, 1.0), outcome(3, 0.0, 1.0, scorer="numerc")]
    report, result = reported(tmp_path, "--outcomes", jsonl(tmp_path / "t.jsonl", rows), *LADDER)
    assert [bad.line for bad in report.source.bad] == [2, 3]
    assert (report.source.rows, len(report.rows)) == (1, 1)
    assert "2 rows of t.jsonl cannot be used." in result.stdout


def test_where_no_row_can_be_evaluated_the_reasons_are_told(tmp_path: Path) -> None:
    table = jsonl(
        tmp_path / "t.jsonl", [outcome(n, 0.0, 1.0, scorer="numerc") for n in range(1, 6)]
    )
    result = run("--outcomes", table, *LADDER)
    assert result.exit_code == 2
    assert (
        "t.jsonl: no row can be evaluated. line 1: scorer[0]: there is no scorer" in result.stderr
    )
    assert "line 3:" in result.stderr
    assert "line 4:" not in result.stderr


# ── Files ────────────────────────────────────────────────────────────────────────────────────


def test_files_for_people_and_for_ci(tmp_path: Path, table: Path) -> None:
    page, junit = tmp_path / "page.html", tmp_path / "junit.xml"
    result = run(
        "--outcomes", table, *LADDER, "--html", page, "--junit", junit, "--max-regret", "50%"
    )
    assert result.exit_code == 0
    assert page.read_text("utf-8").lower().startswith("<!doctype html>")
    assert "testsuite" in junit.read_text("utf-8")
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "junit.xml",
        "page.html",
        "table.jsonl",
    ]


def test_a_file_that_cannot_be_written_is_told_before_anything_is_done(
    tmp_path: Path, table: Path
) -> None:
    result = run("--outcomes", table, *LADDER, "--html", tmp_path / "gone" / "page.html")
    assert result.exit_code == 2
    assert "there is no such directory" in result.stderr
    assert result.stdout == ""


# ── Models ───────────────────────────────────────────────────────────────────────────────────


def easy(number: int, **fields: Any) -> dict[str, Any]:
    return {"prompt": f"{number}?", "expected": str(number), "intent": "easy", **fields}


@pytest.fixture
def place(tmp_path: Path, upstream: FaultServer, request: pytest.FixtureRequest) -> Place:
    """Its models say the number that they are asked for; the cheap one errs on every fourth."""
    made = Place(tmp_path, upstream, request.node.name)

    def number(body: dict[str, Any]) -> int:
        return int(asked(body).removesuffix("?"))

    made.says("strong", replying(lambda body: str(number(body))))
    made.says("cheap", replying(lambda body: str(number(body) + (number(body) % 4 == 0))))
    made.write(easy(n) for n in range(1, 9))
    return made


def test_models_are_asked_once(place: Place) -> None:
    first, second = place.run(), place.run()
    assert (first.exit_code, second.exit_code) == (0, 0), first.output
    assert "2 of 8 scored downgrades strong was better by more than 0.1" in first.stdout
    assert place.count() == 16
    assert place.report().spent.from_cache == 16


def test_known_scores_that_are_not_used_are_told(place: Place) -> None:
    place.write([easy(1, scores={"cheap": 0.0, "strong": 1.0}), easy(2)])
    result = place.run()
    assert result.exit_code == 0, result.output
    [note] = [line for line in result.stderr.splitlines() if line.startswith("note: ")]
    assert note == (
        "note: data.jsonl holds what is known of answers; it is not used, since the models are "
        "asked. With --outcomes in place of DATA it is, and nobody is asked."
    )
    assert place.report().scorers == {"numeric": 2}


def test_a_users_own_scorer_and_what_data_may_not_name(place: Place) -> None:
    own = "support.own_scorers:polite"
    place.write([easy(1), easy(2, scorer=own), easy(3, scorer="exact")])
    result = place.run("--scorer", own)
    assert result.exit_code == 0, result.output
    assert place.report().scorers == {own: 1, "exact": 1}
    [bad] = place.report().source.bad
    assert (bad.line, "name it outside of the data" in bad.why) == (2, True)


@pytest.mark.parametrize(
    ("sections", "arguments", "problem"),
    [
        ({}, ("--route", "aut"), "--route: there is no route 'aut'. Did you mean 'auto'?"),
        ({}, ("--judge", "umpir"), "there is no model 'umpir' that can be asked. Did you mean"),
        (
            {"judge": {"model": "umpire", "labelled": "gone.jsonl"}},
            (),
            "gone.jsonl: No such file or directory",
        ),
        (
            {"route": {"cascade": [{"judge": {"model": "juge"}}]}},
            (),
            "there is no model 'juge' that can be asked.",
        ),
    ],
)
def test_what_cannot_be_used_is_told_before_anybody_is_asked(
    place: Place, sections: dict[str, Any], arguments: tuple[str, ...], problem: str
) -> None:
    place.configure(**sections)
    place.write([{"prompt": "1?"}])
    result = place.run(*arguments)
    assert result.exit_code == 2, result.output
    assert problem in result.stderr
    assert place.count() == 0


def test_labelled_pairs_stand_beside_the_configuration_and_are_read_first(place: Place) -> None:
    (place.folder / "pairs.jsonl").write_text('{"prompt": "?"}\n')
    place.configure(judge={"model": "umpire", "labelled": "pairs.jsonl"})
    result = place.run()
    assert result.exit_code == 2
    assert "judge.labelled: " in result.stderr
    assert "pairs.jsonl: expected a labelled pair a line, got none." in result.stderr
    assert place.count() == 0


def test_a_budget_without_a_price_is_refused(place: Place) -> None:
    place.configure(priced=False)
    result = place.run("--budget", "$1")
    assert result.exit_code == 2
    assert "budget: the price of 'cheap' is unknown, so no budget can cover" in result.stderr
    assert place.count() == 0
    assert place.run().exit_code == 0
    report = place.report()
    assert (report.overall.unpriced, report.overall.cost) == (8, None)
    assert report.overall.regret.trials == 8


def test_a_run_that_ends_early_says_so(place: Place) -> None:
    result = place.run("--budget", "$0.0000001")
    assert result.exit_code == STOPPED
    assert "Not the whole set: The budget of $0.0000001 is used up" in result.stdout
    report = place.report()
    assert report.rows == ()
    assert report.stopped is not None
    assert report.stopped.endswith(" Not evaluated: 8 rows.")
    assert (report.source.rows, place.count()) == (8, 0)


# ── Judges ───────────────────────────────────────────────────────────────────────────────────


def prefers_the_strong(body: dict[str, Any]) -> str:
    """Says that the answer with the word 'strong' is better, wherever it stands."""
    text = asked(body)
    first = text.index("<answer A"), text.index("</answer A")
    return json.dumps({"better": "A" if "strong" in text[slice(*first)] else "B"})


@pytest.fixture
def judged(place: Place) -> Place:
    """Six easy rows that only the judge can score; it always finds the strong answer better."""
    place.configure(judge={"model": "umpire"})
    place.says("cheap", replying(lambda body: f"cheap {asked(body)}"))
    place.says("strong", replying(lambda body: f"strong {asked(body)}"))
    place.says("umpire", replying(prefers_the_strong))
    place.write({"prompt": f"{n}?", "intent": "easy"} for n in range(6))
    return place


def test_the_configured_judge_asks_in_both_orders(judged: Place) -> None:
    assert judged.run().exit_code == 0
    report = judged.report()
    assert (report.scorers, report.judged, report.flips) == ({"judge": 6}, 6, 0)
    assert (report.overall.regret.events, report.spent.judge_calls) == (6, 12)
    assert judged.calls("umpire").total() == 12


def test_pairs_to_label_correct_the_next_run_without_asking_anew(judged: Place) -> None:
    pairs = judged.folder / "pairs.jsonl"
    assert judged.run("--pairs", pairs, "--pairs-sample", 4).exit_code == 0
    lines = [json.loads(line) for line in pairs.read_text().splitlines()]
    assert len(lines) == 4
    for place_, line in enumerate(lines):
        line["better"] = "tie" if place_ == 0 else "reference"
    jsonl(pairs, lines)
    assert len(read_labelled(pairs).pairs) == 4
    asked_before = judged.count()
    judged.configure(judge={"model": "umpire", "labelled": "pairs.jsonl"})
    result = judged.run()
    assert result.exit_code == 0, result.output
    corrected = judged.report().corrected
    assert corrected is not None
    assert (corrected.method, corrected.labelled, corrected.overlap) == ("rogan-gladen", 4, 4)
    assert (corrected.false_positive.events, corrected.false_positive.trials) == (1, 1)
    assert judged.count() == asked_before
    assert "Without the judge's errors" in result.stdout


def test_a_correction_that_the_budget_does_not_cover_costs_no_row(judged: Place) -> None:
    assert judged.run().exit_code == 0
    labelled = {"prompt": "another", "served": "cheap", "reference": "strong", "better": "tie"}
    jsonl(judged.folder / "pairs.jsonl", [labelled])
    judged.configure(judge={"model": "umpire", "labelled": "pairs.jsonl"})
    result = judged.run("--budget", "$0.0000001")
    assert result.exit_code == STOPPED
    report = judged.report()
    assert (len(report.rows), report.overall.regret.events, report.corrected) == (6, 6, None)
    assert report.stopped is not None
    assert report.stopped.endswith("The regret is not corrected for the judge's errors.")


def test_rows_with_a_judge_of_their_own_are_not_corrected(judged: Place) -> None:
    labelled = {"prompt": "?", "served": "cheap", "reference": "strong", "better": "tie"}
    jsonl(judged.folder / "pairs.jsonl", [labelled, {"prompt": "!"}])
    judged.configure(judge={"model": "umpire", "labelled": "pairs.jsonl"})
    own = {"judge": {"criteria": "Short."}}
    judged.write([{"prompt": "1?", "intent": "easy", "scorer": own}])
    result = judged.run()
    assert result.exit_code == 0
    assert "1 row of " in result.stderr
    assert "Line 2: " in result.stderr
    assert "regret is not corrected for its errors" in result.stderr
    assert judged.report().corrected is None


def test_labelled_pairs_are_not_judged_where_the_judge_scored_nothing(judged: Place) -> None:
    labelled = {"prompt": "?", "served": "cheap", "reference": "strong", "better": "tie"}
    jsonl(judged.folder / "pairs.jsonl", [labelled])
    judged.configure(judge={"model": "umpire", "labelled": "pairs.jsonl"})
    assert judged.run("--scorer", "support.own_scorers:polite").exit_code == 0
    assert judged.calls("umpire").total() == 0


# ── Simulated models ─────────────────────────────────────────────────────────────────────────


def test_made_up_answers_are_called_so_wherever_figures_stand(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    models = [
        {"model_name": name, "litellm_params": {"model": f"simulated/{name}"}}
        for name in ("small", "large")
    ]
    config.write_text(
        json.dumps({"model_list": models, "routes": {"auto": {"ladder": ["small", "large"]}}})
    )
    rows = [{"id": f"q{n}", "prompt": f"Is {n} odd? Yes or no?", "expected": "yes"} for n in (1, 3)]
    data = jsonl(tmp_path / "data.jsonl", rows)
    page = tmp_path / "page.html"
    cache = ("--cache", tmp_path / "answers.db", "--html", page)
    report, result = reported(tmp_path, data, "--config", config, *cache)
    said = "Simulated, with made-up answers: small, large. No figure here says anything of quality."
    assert report.simulated == ("small", "large")
    assert said in result.stdout
    assert said in page.read_text()
    limit = ["--max-regret", "50%"]
    judged = CliRunner().invoke(gate, [str(tmp_path / "report.json"), *limit])
    assert said in judged.output
