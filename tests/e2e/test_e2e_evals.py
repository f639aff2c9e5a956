"""``stepdown eval`` as users run it: over HTTP, killed, stopped, failed, short of money.

Whatever happens, what was answered is never asked again, and the report says what it is of.
"""

import json
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from stepdown.evals.report import Report
from support.configs import CHEAP, STRONG, price
from support.datasets import jsonl
from support.eval_place import Ended, Place, Running, asked, replying
from support.fault_server import FaultServer, wait_until
from support.gateway_process import GatewayProcess

PROMPTS = 60
CONCURRENCY = 4
FAILING = 20
"""One prompt in so many: 5 %."""
D = Decimal


def row(number: int) -> dict[str, Any]:
    """Of every three rows, two are easy; the rest goes to the last rung."""
    return {
        "id": f"row-{number}",
        "prompt": f"{number}?",
        "expected": number,
        "intent": "hard" if number % 3 == 2 else "easy",
        "tags": ["even" if number % 2 == 0 else "odd"],
        "request": {"max_tokens": 10},
    }


def number_of(body: dict[str, Any]) -> int:
    return int(asked(body).removesuffix("?"))


def right(body: dict[str, Any]) -> str:
    return f"It is {number_of(body)}."


def sometimes_wrong(body: dict[str, Any]) -> str:
    """On every sixth, which is easy."""
    return f"It is {number_of(body) + (number_of(body) % 6 == 0)}."


@pytest.fixture
def place(tmp_path: Path, upstream: FaultServer, request: pytest.FixtureRequest) -> Place:
    made = Place(tmp_path, upstream, request.node.name)
    made.says("cheap", replying(sometimes_wrong, head_after=0.01))
    made.says("strong", replying(right, head_after=0.01))
    made.write(map(row, range(PROMPTS)))
    return made


def run(place: Place, *arguments: object, data: bool = True) -> Ended:
    """As users run it."""
    with place.start("--concurrency", CONCURRENCY, *arguments, data=data) as running:
        return running.ended()


def good(place: Place, *arguments: object, data: bool = True) -> Report:
    """The report of such a run that ended well."""
    ended = run(place, *arguments, data=data)
    assert ended.status == 0, ended.errors
    return place.report()


def later(place: Place, *arguments: object, data: bool = True) -> Report:
    """The report of one more run, in this process, which takes less time to start."""
    result = place.run("--concurrency", CONCURRENCY, *arguments, data=data)
    assert result.exit_code == 0, result.output
    return place.report()


def once(place: Place, *models: str) -> bool:
    """Whether every prompt reached each of these models exactly once."""
    prompts = {f"{number}?": 1 for number in range(PROMPTS)}
    return all(place.calls(model) == prompts for model in models or ("cheap", "strong"))


def cost(cheap: int, strong: int) -> Decimal:
    """What so many answers cost."""
    dear = price(STRONG, prompt=19, completion=10)
    return cheap * price(CHEAP, prompt=19, completion=10) + strong * dear


# ── A whole run ──────────────────────────────────────────────────────────────────────────────


def test_a_run_and_a_second_that_asks_nobody(place: Place) -> None:
    page = place.folder / "page.html"
    ended = run(place, "--html", page)
    assert ended.status == 0, ended.errors
    assert "10 of 40 scored downgrades strong was better" in ended.output
    report = place.report()
    assert once(place)
    assert [row.id for row in report.rows] == [f"row-{number}" for number in range(PROMPTS)]
    assert [row.rung for row in report.rows] == [int(n % 3 == 2) for n in range(PROMPTS)]
    overall = report.overall
    assert (overall.rows, overall.down, overall.unscored) == (60, 40, 0)
    assert (overall.regret.events, overall.regret.trials) == (10, 40)
    assert (overall.cost, overall.reference_cost) == (cost(40, 20), cost(0, 60))
    groups = [(group.name, group.rows) for each in report.groupings for group in each.groups]
    assert groups[:4] == [("easy", 40), ("default", 20), ("cheap", 40), ("strong", 20)]
    assert groups[4:] == [("even", 30), ("odd", 30), ("0–99", 60)]
    assert report.rules == [{"name": "easy", "when": {"intent": "easy"}, "rung": "cheap"}]
    assert (report.route, report.ladder, report.stopped) == ("auto", ("cheap", "strong"), None)
    assert (report.source.name, report.source.rows) == ("data.jsonl", PROMPTS)
    assert (report.spent.calls, report.spent.cost) == (120, cost(60, 60))
    assert "It is 1." in page.read_text("utf-8")
    again = good(place)
    assert once(place)
    assert (again.spent.calls, again.spent.from_cache, again.spent.cost) == (0, 120, D(0))
    assert [row.rungs for row in again.rows] == [row.rungs for row in report.rows]


def test_a_users_own_scorer_in_the_directory(place: Place) -> None:
    module = place.folder / "my_scores.py"
    module.write_text("def polite(answer, task):\n    return answer.startswith('It is ')\n")
    place.write([row(0), row(1)])
    report = good(place, "--scorer", "my_scores:polite")
    assert report.scorers == {"my_scores:polite": 2}
    assert [rung.score for each in report.rows for rung in each.rungs] == [1.0] * 4


# ── Ended from outside ───────────────────────────────────────────────────────────────────────


def stored(place: Place) -> int:
    """How many calls are known to be finished."""
    with closing(sqlite3.connect(place.cache)) as database:
        count: int
        [count] = database.execute("SELECT count(*) FROM answers").fetchone()
        return count


def started(place: Place) -> Running:
    """A run in its middle."""
    running = place.start("--concurrency", CONCURRENCY)
    wait_until(lambda: place.count() >= 40, "the run is on its way", 30)
    return running


def test_after_a_kill_no_finished_call_is_made_again(place: Place) -> None:
    with started(place) as killed:
        killed.signal(signal.SIGKILL)
        killed.ended()
    finished, made = stored(place), place.count()
    assert 0 < finished <= made <= finished + CONCURRENCY
    assert not place.report_file.exists()
    report = later(place)
    assert place.count() == made + 120 - finished
    assert (report.spent.calls, report.spent.from_cache) == (120 - finished, finished)
    assert (len(report.rows), report.overall.regret.events) == (PROMPTS, 10)
    again = place.calls("cheap") + place.calls("strong")
    assert max(again.values()) <= 4, "two models, each asked twice at most"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_told_to_stop_keeps_its_rows_and_asks_nothing_twice(
    place: Place, number: signal.Signals
) -> None:
    with started(place) as stopped:
        stopped.signal(number)
        ended = stopped.ended()
    assert ended.status == 4, ended.errors
    report = place.report()
    left = PROMPTS - len(report.rows)
    assert 0 < left < PROMPTS
    assert report.stopped == f"Interrupted by {number.name}. Not evaluated: {left} rows."
    assert f"Not the whole set: {report.stopped}" in ended.output
    assert report.source.rows == PROMPTS
    assert place.count() == stored(place) == report.spent.calls
    whole = later(place)
    assert once(place)
    assert len(whole.rows) == PROMPTS
    assert whole.spent.calls + report.spent.calls == 120


# ── Failures and money ───────────────────────────────────────────────────────────────────────


def fails_at_first(say: Callable[[dict[str, Any]], str]) -> Callable[[dict[str, Any]], str | int]:
    """One prompt in twenty fails the first time that it is asked."""
    tried: Counter[int] = Counter()

    def answer(body: dict[str, Any]) -> str | int:
        number = number_of(body)
        tried[number] += 1
        return 500 if number % FAILING == 1 and tried[number] == 1 else say(body)

    return answer


def test_rows_on_which_a_provider_fails_are_counted_and_retried_when_asked_for(
    place: Place,
) -> None:
    place.says("strong", replying(fails_at_first(right)))
    first = good(place)
    failed = [row.id for row in first.rows if row.lead() is None]
    assert failed == ["row-1", "row-21", "row-41"]
    assert (first.overall.unscored, first.spent.failed, first.spent.calls) == (2, 3, 120)
    reasons = {row.why for row in first.rows if row.id in failed}
    assert reasons == {"strong: upstream_failed: No."}
    assert first.overall.unpriced == 3
    second = place.run()
    assert "3 ×: strong: upstream_failed: No." in second.stdout
    assert once(place)
    third = later(place, "--retry-failed")
    assert (third.spent.calls, third.overall.unscored) == (3, 0)
    assert place.calls("strong") == {
        f"{number}?": 1 + (number % FAILING == 1) for number in range(PROMPTS)
    }
    assert place.calls("cheap").total() == PROMPTS


def test_a_budget_is_never_overspent(place: Place) -> None:
    budget = D("0.004")
    ended = run(place, "--budget", f"${budget}")
    assert ended.status == 4, ended.errors
    report = place.report()
    spent = cost(place.calls("cheap").total(), place.calls("strong").total())
    assert report.spent.cost == spent
    assert D("0.0035") < spent <= budget
    assert 20 < len(report.rows) < PROMPTS
    assert report.stopped is not None
    assert report.stopped.startswith("The budget of $0.004 is used up")
    assert report.overall.regret.trials == report.overall.down
    whole = later(place, "--budget", "$1")
    assert once(place)
    assert whole.spent.cost + spent == cost(PROMPTS, PROMPTS)


# ── Cascades ─────────────────────────────────────────────────────────────────────────────────


def test_a_cascades_tries_and_its_judge_are_paid_by_the_route(place: Place) -> None:
    """The judge turns down what is wrong, so that nothing is regretted."""

    def grades(body: dict[str, Any]) -> str:
        return json.dumps({"grade": "1" if wrong(asked(body)) else "5"})

    def wrong(text: str) -> bool:
        question = int(text.partition("[user]\n")[2].partition("?")[0])
        return f"It is {question}." not in text

    place.says("umpire", replying(grades))
    validators = [{"judge": {"model": "umpire"}}]
    place.configure(route={"cascade": {"validators": validators, "start": "decided"}})
    report = good(place)
    assert report.overall.regret.events == 0
    climbed = [row for row in report.rows if row.rung > row.decided]
    assert [row.id for row in climbed] == [f"row-{n}" for n in range(0, PROMPTS, 6)]
    assert {row.cost for row in climbed} == {cost(1, 2)}
    served = [row for row in report.rows if row.rung == 0]
    assert {row.cost for row in served} == {cost(1, 1)}
    assert (report.spent.judge_calls, place.calls("umpire").total()) == (40, 40)
    again = later(place)
    assert [row.cost for row in again.rows] == [row.cost for row in report.rows]
    assert place.calls("umpire").total() == 40


# ── Judges ───────────────────────────────────────────────────────────────────────────────────


def likes_the_even(body: dict[str, Any]) -> str:
    """Of even numbers the strong answer; of odd ones whichever stands first."""
    text = asked(body)
    number = int(text.partition("[user]\n")[2].partition("?")[0])
    strong_is_first = "strongly" in text[text.index("<answer A") : text.index("</answer A")]
    return json.dumps({"better": "A" if number % 2 or strong_is_first else "B"})


@pytest.fixture
def judged(place: Place) -> Place:
    place.says("cheap", replying(lambda body: f"I think {number_of(body)}."))
    place.says("strong", replying(lambda body: f"I strongly think {number_of(body)}."))
    place.says("umpire", replying(likes_the_even))
    place.configure(judge={"model": "umpire"})
    place.write({**row(number), "expected": None, "intent": "easy"} for number in range(10))
    return place


def test_the_configured_judge_is_asked_in_both_orders(judged: Place) -> None:
    report = good(judged)
    assert (report.judged, report.flips) == (10, 5)
    assert (report.overall.regret.events, report.overall.regret.trials) == (5, 10)
    calls = judged.calls("umpire")
    assert (len(calls), calls.total()) == (20, 20), "each order once"
    assert (report.spent.judge_calls, report.spent.judge_cost) == (20, cost(0, 20))
    later(judged)
    assert judged.calls("umpire").total() == 20


def test_labelled_pairs_measure_the_judge_and_correct_the_regret(judged: Place) -> None:
    pairs = judged.folder / "pairs.jsonl"
    later(judged, "--pairs", pairs)
    lines = [json.loads(line) for line in pairs.read_text().splitlines()]
    assert [line["id"] for line in lines] == [f"row-{number}" for number in range(10)]
    jsonl(pairs, [{**line, "better": "reference"} for line in lines])
    arguments = [str(pairs), "--config", str(judged.config), "--cache", str(judged.cache)]
    with Running(judged.folder, ["judge-check", *arguments, "--json"]) as running:
        ended = running.ended()
    assert ended.status == 0, ended.errors
    check = json.loads(ended.output)
    assert (check["pairs"], check["flips"]["events"]) == (10, 5)
    assert (check["false_negative"]["events"], check["false_negative"]["trials"]) == (5, 10)
    judged.configure(judge={"model": "umpire", "labelled": "pairs.jsonl"})
    corrected = later(judged).corrected
    assert corrected is not None
    assert (corrected.labelled, corrected.overlap, corrected.false_negative.events) == (10, 10, 5)
    assert corrected.low <= corrected.value <= corrected.high
    assert judged.calls("umpire").total() == 20


# ── The ledger ───────────────────────────────────────────────────────────────────────────────


def test_what_a_gateway_stored_is_asked_again(place: Place, launch: Any) -> None:
    config = {**place.sections(), "ledger": {"store_prompts": True}}
    gateway: GatewayProcess = launch(config)
    for number in range(5):
        body = {
            "model": "strong" if number == 4 else "auto",
            "messages": [{"role": "user", "content": f"{number}?"}],
            "metadata": {"intent": "easy"},
        }
        headers = {"x-stepdown-tags": "from-ledger"}
        reply = httpx2.post(f"{gateway.base_url}/chat/completions", json=body, headers=headers)
        assert reply.status_code == 200
    gateway.stop()
    before = place.calls("cheap"), place.calls("strong")
    assert [calls.total() for calls in before] == [4, 1]
    place.config = gateway.config_file
    report = good(place, "--from-ledger", "--since", "1h", data=False)
    assert (report.source.name, report.source.rows) == ("ledger", 5)
    assert [row.prompt for row in report.rows] == [f"{number}?" for number in range(5)]
    assert [(row.decision, row.intent) for row in report.rows] == [("easy", "easy")] * 5
    assert place.calls("cheap").total() + place.calls("strong").total() == 5 + 10
    of_route = later(place, "--from-ledger", "--route", "auto", "--sample", 2, data=False)
    assert of_route.source.rows == 2
    assert of_route.spent.calls == 0
    nothing = place.run("--from-ledger", "--since", "1h", "--route", "aut", data=False)
    assert nothing.exit_code == 2
    assert "there is no route 'aut'" in nothing.stderr
