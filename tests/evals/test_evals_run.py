"""An evaluation's rows: what is asked, scored, served and spent, and how it ends early."""

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepdown.errors import ConfigError, UpstreamFailed
from stepdown.evals.budget import Budget
from stepdown.evals.items import BadRow, Item, Known
from stepdown.evals.replies import FromTable
from stepdown.evals.run import KNOWN, Evaluation, Ran
from stepdown.evals.scoring import Scoring
from stepdown.evals.stopping import Stop
from stepdown.evals.store import Store
from stepdown.quality.labelled import key_of
from stepdown.requests import request_of
from stepdown.types import Choice, Task
from support import chat
from support.evaluations import Bench, Speaker, cascades_of, item, route_of, saying, text_of

D = Decimal
HARD: dict[str, Any] = {"intent": "hard"}
"""Of a row that goes to the last rung."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "answers.db") as opened:
        yield opened


def rows(many: int, **fields: Any) -> list[Item]:
    return [item(number, **{"expected": "fine", **fields}) for number in range(1, many + 1)]


# ── Rows ─────────────────────────────────────────────────────────────────────────────────────


def test_a_row_of_each_kind(store: Store) -> None:
    bench = Bench(store, cheap=Speaker(saying("4")), strong=Speaker(saying("5")))
    easy = item(1, "2+2?", expected=4, tags=("sums",))
    hard = item(2, "2+3?", expected=5, **HARD)
    first, second = bench.run(easy, hard).rows
    assert (first.id, first.line, first.prompt, first.tags) == ("row-1", 1, "2+2?", ("sums",))
    assert (first.decision, first.decided, first.rung, first.intent) == ("easy", 0, 0, "easy")
    assert (first.cost, first.reference_cost, first.scorer) == (D("0.20"), D("2.00"), "numeric")
    cheap, strong = first.rungs
    assert (cheap.model, cheap.score, cheap.answer, cheap.cost) == ("cheap", 1.0, "4", D("0.20"))
    assert (strong.model, strong.score, strong.answer, strong.cost) == ("strong", 0.0, "5", D(2))
    assert (second.decision, second.rung, second.cost) == ("default", 1, D("2.00"))
    assert [rung.score for rung in second.rungs] == [0.0, 1.0]
    assert (first.matched, second.matched) == (("easy",), ())
    assert (first.why, second.why) == (None, None)
    assert first.tokens > 0


@settings(max_examples=20, deadline=None)
@given(pauses=st.lists(st.integers(0, 12), max_size=16), at_once=st.integers(1, 16))
def test_the_rows_are_in_the_items_order_and_their_costs_add_up(
    pauses: list[int], at_once: int
) -> None:
    def pause(body: Mapping[str, Any]) -> int:
        return pauses[int(text_of(body).removesuffix("?")) - 1]

    items = [
        item(number, expected="fine", intent="easy" if number % 3 else "hard")
        for number in range(1, len(pauses) + 1)
    ]
    with TemporaryDirectory() as folder, Store(Path(folder) / "answers.db") as store:
        bench = Bench(store, cheap=Speaker(pause=pause))
        told: list[int] = []
        ran = bench.run(*items, at_once=at_once, progress=told.append)
    assert [row.id for row in ran.rows] == [each.id for each in items]
    assert told == list(range(1, len(items) + 1))
    assert all(row.cost == row.served.cost for row in ran.rows)
    calls = [rung.cost for row in ran.rows for rung in row.rungs]
    assert sum(cost for cost in calls if cost is not None) == bench.asker.spent.cost


def test_a_pair_is_known_by_what_was_asked_and_said(store: Store) -> None:
    bench = Bench(store, cheap=Speaker(saying("a")), strong=Speaker(saying("b")))
    [row] = bench.run(item()).rows
    asked = request_of({**item().body, "model": "auto"})
    assert row.pair == key_of(asked, Choice("a"), Choice("b"))


def test_the_first_of_several_choices_is_scored_and_all_are_paid(store: Store) -> None:
    several = chat.completion("x", "fine", n=2, completion_tokens=6)
    bench = Bench(store, cheap=Speaker(lambda body: several))
    [row] = bench.run(item(expected="fine", body={"n": 2})).rows
    assert (row.served.score, row.cost) == (1.0, D("0.25"))
    assert bench.speakers["cheap"].asked[0]["n"] == 2


def test_an_intent_that_the_body_states_counts(store: Store) -> None:
    stated = item(intent=None, body={"metadata": {"intent": "easy"}})
    [row] = Bench(store).run(stated).rows
    assert (row.decision, row.intent) == ("easy", "easy")


def test_tool_calls_are_scored_and_shown(store: Store) -> None:
    function = {"name": "look", "arguments": '{"at": 1}'}
    calls = {"tool_calls": [{"id": "c", "type": "function", "function": function}]}
    whole = chat.completion("x", None, message=calls, finish_reason="tool_calls")
    bench = Bench(store, cheap=Speaker(lambda body: whole))
    tools: list[Any] = [{"type": "function", "function": {"name": "look", "parameters": {}}}]
    expected = {"tool_calls": [{"name": "look", "arguments": {"at": 1}}]}
    asked = item(expected=expected, body={"tools": tools})
    [row] = bench.run(asked).rows
    assert [rung.score for rung in row.rungs] == [1.0, 0.0]
    assert row.served.answer == '(calls the tool look: {"at": 1})'


def test_what_cannot_be_asked_is_told_beside_what_can(store: Store) -> None:
    broken = Item("broken", 2, {"messages": [{"role": 5}]})
    ran = Bench(store).run(item(1), broken, item(3, scorer="numerc"), item(4))
    assert [row.line for row in ran.rows] == [1, 4]
    unread, unscored = ran.bad
    assert (unread.line, unscored.line) == (2, 3)
    assert "at `$.messages[0].role`" in unread.why
    assert unscored.why.startswith("scorer[0]: there is no scorer")
    assert (ran.left, ran.stopped) == (0, None)


def test_of_no_items_come_no_rows(store: Store) -> None:
    assert Bench(store).run() == Ran((), ())


# ── Failures ─────────────────────────────────────────────────────────────────────────────────


def fails_on(*prompts: str) -> Speaker:
    return Speaker(lambda body: UpstreamFailed("No.") if text_of(body) in prompts else "fine")


def test_a_rung_that_fails_leaves_just_that_row_unscored(store: Store) -> None:
    bench = Bench(store, cheap=fails_on("2?"), strong=fails_on("3?"))
    first, second, third, fourth = bench.run(*rows(4)).rows
    assert [row.lead() for row in (first, second, third, fourth)] == [0.0, None, None, 0.0]
    assert second.why == "cheap: upstream_failed: No."
    assert (second.cost, second.rungs[0].error) == (None, "upstream_failed: No.")
    assert [rung.score for rung in second.rungs] == [None, 1.0]
    assert third.why == "strong: upstream_failed: No."
    assert (third.cost, third.reference_cost) == (D("0.20"), None)
    assert second.pair == third.pair == ""


def test_where_every_rung_fails_each_is_named(store: Store) -> None:
    bench = Bench(store, cheap=fails_on("1?"), strong=fails_on("1?"))
    [row] = bench.run(*rows(1)).rows
    assert [rung.score for rung in row.rungs] == [None, None]
    assert row.why == "cheap: upstream_failed: No.; strong: upstream_failed: No."


def test_what_a_scorer_cannot_tell_is_said(store: Store) -> None:
    bench = Bench(store, strong=fails_on("2?"))
    first, second = bench.run(item(1), item(2)).rows
    assert first.why == "no scorer applies"
    assert second.why == "strong: upstream_failed: No.; no scorer applies"


# ── Scorers at work ──────────────────────────────────────────────────────────────────────────


class Watched:
    """A scorer that notes in which thread it works, and whether alone."""

    name = "watched"

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.under_way = self.most = 0

    def applies(self, task: Task) -> bool:
        return True

    def score(self, answer: str, task: Task) -> float:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.threads.add(threading.get_ident())
        threading.Event().wait(0.002)
        self.under_way -= 1
        return 1.0


WATCHED = Watched()


def test_scorers_work_beside_the_loop_one_at_a_time(store: Store) -> None:
    """One that takes long holds up no call, and none has to be safe for several threads."""
    ran = Bench(store, scorers=[f"{__name__}:WATCHED"]).run(*rows(6))
    assert {row.scorer for row in ran.rows} == {"watched"}
    assert WATCHED.most == 1
    assert threading.get_ident() not in WATCHED.threads


JUDGE = ("judge", {"model": "umpire"})


def verdict(better: str) -> Speaker:
    return Speaker(saying(f'{{"better": "{better}"}}'))


def test_a_judge_scores_what_nothing_else_does_and_is_counted_apart(store: Store) -> None:
    bench = Bench(store, judge=JUDGE, cheap=Speaker(saying("no")), umpire=verdict("A"))
    [row] = bench.run(item()).rows
    assert (row.scorer, row.judged, row.flips) == ("judge", 1, 1)
    assert [rung.score for rung in row.rungs] == [0.5, 0.5]
    assert bench.asked()["umpire"] == 2
    assert (bench.asker.spent.calls, bench.asker.spent.judge_calls) == (2, 2)
    assert row.cost == D("0.20"), "the evaluation's own judge is no cost of the route"


def test_a_judge_that_fails_leaves_the_row_unscored(store: Store) -> None:
    broken = Speaker(lambda body: UpstreamFailed("No."))
    bench = Bench(store, judge=JUDGE, cheap=Speaker(saying("no")), umpire=broken)
    [row] = bench.run(item()).rows
    assert (row.lead(), row.why) == (None, "the judge's call failed")


# ── Cascades ─────────────────────────────────────────────────────────────────────────────────

SHORT = {"length": {"max": 4}}


def test_a_cascade_serves_what_passes_and_pays_for_what_does_not(store: Store) -> None:
    cheap = Speaker(lambda body: "fine" if text_of(body) == "1?" else "far too long")
    bench = Bench(store, cascades=cascades_of(SHORT), cheap=cheap)
    first, second = bench.run(*rows(2)).rows
    assert (first.decided, first.rung, first.cost) == (0, 0, D("0.20"))
    assert (second.decided, second.rung, second.cost) == (0, 1, D("2.20"))


def test_a_grader_is_asked_once_and_billed_to_the_row(store: Store) -> None:
    samples = {"self_consistency": {"samples": 3}}
    first, second = (Bench(store, cascades=cascades_of(samples)) for _ in range(2))
    for bench in (first, second):
        [row] = bench.run(*rows(1)).rows
        assert (row.rung, row.cost) == (0, D("0.60"))
    assert first.asked() == {"cheap": 3, "strong": 1}
    assert second.asked() == {"cheap": 0, "strong": 0}
    assert second.asker.spent.from_cache == 4


def test_a_graders_own_model_is_billed_too(store: Store) -> None:
    graded = Speaker(saying('{"grade": "1"}'))
    cascades = cascades_of({"judge": {"model": "umpire"}})
    bench = Bench(store, cascades=cascades, umpire=graded)
    [row] = bench.run(*rows(1)).rows
    assert (row.rung, row.cost) == (1, D("4.20"))
    assert bench.asker.spent.judge_cost == D("2.00")


# ── Ends ─────────────────────────────────────────────────────────────────────────────────────


def test_a_budget_keeps_what_it_paid_for(tmp_path: Path, store: Store) -> None:
    """Each row costs $2.20, and the next call may cost more than what is left."""
    items = rows(9, body={"max_tokens": 1})
    bench = Bench(store, budget=Budget(D("7.00")), concurrency=1)
    ran = bench.run(*items, at_once=1)
    assert 0 < len(ran.rows) < 9
    assert ran.left == 9 - len(ran.rows)
    assert ran.stopped is not None
    assert ran.stopped.startswith("The budget of $7 is used up")
    spent = bench.asker.spent
    assert spent.cost <= D("7.00")
    assert len(ran.rows) * D("2.20") <= spent.cost < (len(ran.rows) + 1) * D("2.20")
    again = Bench(store)
    whole = again.run(*items)
    assert (len(whole.rows), whole.left, whole.stopped) == (9, 0, None)
    assert spent.calls + again.asker.spent.calls == 18
    assert whole.rows[: len(ran.rows)] == ran.rows


def test_a_stop_finishes_what_is_under_way_and_asks_nothing_twice(store: Store) -> None:
    stop = Stop()

    def say(body: Mapping[str, Any]) -> str:
        if text_of(body) == "3?":
            stop.request("Enough.")
        return "fine"

    items = rows(8)
    bench = Bench(store, stop=stop, cheap=Speaker(say), concurrency=2)
    ran = bench.run(*items, at_once=2)
    assert ran.stopped == "Enough."
    assert 0 < len(ran.rows) < 8
    again = Bench(store)
    assert len(again.run(*items).rows) == 8
    first, second = bench.asked(), again.asked()
    assert {name: first[name] + second[name] for name in first} == {"cheap": 8, "strong": 8}


# ── The user's own router ────────────────────────────────────────────────────────────────────


class Router:
    """A router that is slow, and notes how many ask it at once."""

    def __init__(self) -> None:
        self.under_way = self.most = 0

    async def __call__(self, request: Any, ladder: Sequence[str]) -> str:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0.001)
        self.under_way -= 1
        return ladder[0]


ROUTER = Router()


def test_a_router_is_asked_about_one_row_at_a_time(store: Store) -> None:
    route = route_of(router=f"{__name__}:ROUTER", router_timeout=5)
    ran = Bench(store, route=route).run(*rows(9))
    assert {row.decision for row in ran.rows} == {"router"}
    assert ROUTER.most == 1


# ── Tables ───────────────────────────────────────────────────────────────────────────────────


def from_table(*items: Item, cascade: Any = None, scorers: Sequence[Any] = ()) -> Ran:
    route = route_of()
    evaluation = Evaluation(
        route,
        FromTable(route.ladder, lambda model: None),
        Scoring(scorers, asks=False),
        cascades=cascade,
    )
    return asyncio.run(evaluation.run(items))


def known(cheap: Known | None, strong: Known | None, number: int = 1, **fields: Any) -> Item:
    told = {"cheap": cheap, "strong": strong}
    return item(number, known={n: each for n, each in told.items() if each is not None}, **fields)


def test_known_scores_are_taken_as_they_are() -> None:
    [row] = from_table(
        known(Known(0.25, "far off", D("0.1")), Known(1.0, "fine", D(1)), expected="far off")
    ).rows
    assert (row.scorer, row.lead(), row.cost, row.reference_cost) == (KNOWN, 0.75, D("0.1"), D(1))
    assert row.served.answer == "far off"


def test_known_answers_are_scored_where_a_score_is_missing() -> None:
    [row] = from_table(
        known(Known(answer="fine"), Known(score=0.0, answer="bad"), expected="fine")
    ).rows
    assert (row.scorer, [rung.score for rung in row.rungs]) == ("normalised", [1.0, 0.0])


def test_what_is_known_stays_where_answers_say_no_more() -> None:
    [row] = from_table(known(Known(0.5), Known(answer="fine"), expected="fine")).rows
    assert (row.scorer, [rung.score for rung in row.rungs]) == (KNOWN, [0.5, None])
    assert row.why == "strong: the table has no score of this model"
    [row] = from_table(known(Known(0.5), None)).rows
    assert (row.lead(), row.why) == (None, "strong: the table has no outcome of this model")
    [row] = from_table(known(Known(cost=D(1)), Known(cost=D(2)))).rows
    assert (row.scorer, row.why) == ("", "an answer is missing")


def test_a_judge_that_a_row_names_is_not_needed_for_known_scores() -> None:
    told = known(Known(0.5), Known(1.0), scorer="judge")
    unscored = known(Known(answer="a"), Known(answer="b"), scorer="judge", **HARD)
    ran = from_table(told, unscored)
    assert ran.bad == ()
    assert [(row.scorer, row.why) for row in ran.rows] == [
        (KNOWN, None),
        ("", "no scorer applies"),
    ]


def test_rows_whose_cascade_cannot_be_followed_are_not_made_up() -> None:
    scored = known(Known(0.0), Known(1.0))
    hard = known(Known(0.0), Known(1.0), number=2, **HARD)
    told = known(Known(0.0, "far too long"), Known(1.0), number=3)
    ran = from_table(scored, hard, told, cascade=cascades_of(SHORT))
    assert ran.bad == (
        BadRow(1, "the cascade checks what cheap said, and the answer's text is not known"),
    )
    assert [(row.line, row.rung) for row in ran.rows] == [(2, 1), (3, 1)]


def test_graders_cannot_be_asked_where_nobody_is() -> None:
    told = known(Known(0.0, "no"), Known(1.0))
    ran = from_table(told, cascade=cascades_of({"judge": {"model": "judge"}}))
    assert [bad.why for bad in ran.bad] == [
        "the cascade asks judge about the answer, and nobody is asked"
    ]


def test_scorers_that_a_table_cannot_use_are_told() -> None:
    with pytest.raises(ConfigError):
        from_table(known(Known(0.0), Known(1.0)), scorers=["numerc"])
