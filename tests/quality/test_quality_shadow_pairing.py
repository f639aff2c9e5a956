"""A pair is made of whatever comes: scored, or with the reason why it is not."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from msgspec import json, structs

from stepdown.errors import UpstreamRefused
from stepdown.ports import Judge, Scorer
from stepdown.providers.openai import OpenAIDialect
from stepdown.quality.driving import OneThread
from stepdown.quality.judges.pairwise import Pairwise
from stepdown.quality.pairs import Pair
from stepdown.quality.records.pair_texts import Texts
from stepdown.quality.shadow.admission import Ticket
from stepdown.quality.shadow.calls import Caller
from stepdown.quality.shadow.climbing import Climber
from stepdown.quality.shadow.kept import Answer
from stepdown.quality.shadow.money import Costs
from stepdown.quality.shadow.pairing import Item, Pairing
from stepdown.quality.shadow.scoring import LiveScorers
from stepdown.types import Choice, Consult, Request
from support import chat
from support.scripted import SILENCE, Fleet
from support.shadows import Model, asked, fleet_of

D = Decimal
LOW = Pair("r", 0.0, "auto", "easy", "p", 0, 0, 1, "cheap", "strong", 0.5, candidate_cost=D(7))
HELD = structs.replace(LOW, served=1, candidate_cost=None, reference_cost=D(7))
JSON: dict[str, Any] = {"response_format": {"type": "json_object"}}
ONE_TOKEN = 19 + 7
"""Tokens that ``chat.completion`` says were used."""


def item(pair: Pair, said: str | bytes, request: Request | None = None, **given: Any) -> Item:
    body = chat.completion("m", said) if isinstance(said, str) else said
    given.setdefault("answer", Answer(body))
    ticket = Ticket(0, call=D(5), judging=D(4))
    return Item(pair, request or asked(**JSON), given["answer"], {}, ticket, margin=0.1)


def complete(
    work: Item,
    fleet: Fleet,
    *scorers: Scorer | Judge,
    timeout: float = 10.0,
    store_texts: bool = False,
) -> tuple[Pair, Texts | None]:
    async def run() -> tuple[Pair, Texts | None]:
        pairing = Pairing(
            Caller(fleet, timeout),
            Climber(fleet, OpenAIDialect(), timeout),
            LiveScorers(scorers),
            OpenAIDialect(),
            Costs(fleet.price),
            OneThread(),
            store_texts=store_texts,
        )
        made = await pairing.complete(work)
        assert not isinstance(made, str)
        return made

    return asyncio.run(run())


def test_a_request_that_went_down_is_put_to_the_reference() -> None:
    strong = Model('{"a": 2}')
    work = item(LOW, '{"a": 1}', asked(stream=True, **JSON))
    pair, texts = complete(work, fleet_of(strong=strong))
    assert (pair.candidate_score, pair.reference_score, pair.regret) == (0.0, 1.0, True)
    assert (pair.scorer, pair.why, texts) == ("agreement", None, None)
    assert (pair.candidate_cost, pair.reference_cost) == (D(7), ONE_TOKEN * D("0.10"))
    assert (work.spent, work.ticket.spent) == (ONE_TOKEN * D("0.10"),) * 2
    [body] = strong.asked
    assert "stream" not in body
    assert body["response_format"] == JSON["response_format"]


def test_one_that_was_held_is_put_to_the_candidate() -> None:
    cheap = Model('{"a": 2}')
    pair, _ = complete(item(HELD, '{"a": 2.0}'), fleet_of(cheap=cheap))
    assert (pair.candidate_score, pair.reference_score, pair.regret) == (1.0, 1.0, False)
    assert (pair.candidate_cost, pair.reference_cost) == (ONE_TOKEN * D("0.01"), D(7))
    assert len(cheap.asked) == 1


def test_a_stream_is_compared_with_a_whole_answer() -> None:
    events = b"".join(chat.stream("m", ['{"a":', " 2}"], with_usage=False))
    work = item(LOW, "", answer=Answer(events, streamed=True))
    pair, _ = complete(work, fleet_of(strong=Model('{"a":2}')))
    assert pair.regret is False


def test_texts_are_kept_where_they_are_wanted() -> None:
    work = item(HELD, '{"a": 1}')
    _, texts = complete(work, fleet_of(cheap=Model('{"a": 2}')), store_texts=True)
    assert texts is not None
    assert json.decode(texts.prompt) == json.decode(json.encode(work.request.fields))
    assert [each.text for each in (*texts.candidate, *texts.reference)] == ['{"a": 2}', '{"a": 1}']


# ── What goes wrong ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("pair", [LOW, HELD])
def test_a_shadow_that_fails_makes_an_unscored_pair(pair: Pair) -> None:
    refusing = Model(UpstreamRefused("Too long."))
    done, texts = complete(item(pair, "{}"), fleet_of(refusing, refusing), store_texts=True)
    assert (done.regret, done.candidate_score, done.reference_score) == (None, None, None)
    assert (done.why, texts) == ("shadow_failed: upstream_refused: Too long.", None)


def test_a_shadow_that_takes_too_long_does_so_too_and_costs_what_was_set_aside() -> None:
    work = item(LOW, "{}")
    pair, _ = complete(work, fleet_of(strong=Model("{}", SILENCE)), timeout=0.02)
    assert pair.why == "shadow_failed: upstream_timeout: no answer within 0.02 s"
    assert (pair.reference_cost, work.spent, work.ticket.spent) == (None, D(0), D(5))


def test_an_answer_that_was_not_kept_makes_an_unscored_pair_without_a_call() -> None:
    strong = Model()
    pair, _ = complete(item(LOW, "", answer=Answer(None)), fleet_of(strong=strong))
    assert pair.why == "too_large: the answer has more bytes than are kept"
    assert strong.asked == []


def test_an_answer_that_cannot_be_read_makes_an_unscored_pair() -> None:
    pair, _ = complete(item(LOW, b"<html>"), fleet_of())
    assert pair.why is not None
    assert pair.why.startswith("unreadable: ")
    assert pair.reference_cost is not None


def test_a_difference_that_nobody_can_tell_makes_an_unscored_pair() -> None:
    pair, texts = complete(item(LOW, "One.", asked()), fleet_of(), store_texts=True)
    assert (pair.regret, pair.why) == (None, "unscored: no scorer applies")
    assert texts is not None


class Failing:
    name = "failing"
    model = "judge"

    def applies(self, task: object) -> bool:
        return True

    def judge(self, choices: object, task: object) -> Any:
        yield Consult((asked(),), "judge", None)
        raise RuntimeError("no verdict")


def test_a_judge_that_names_no_model_or_raises_makes_an_unscored_pair() -> None:
    pair, _ = complete(item(LOW, "One.", asked()), fleet_of(), Failing())
    assert pair.why == "unscored: failing: RuntimeError: no verdict"


def test_what_breaks_scoring_makes_an_unscored_pair() -> None:
    class Broken(LiveScorers):
        def score(self, *given: object) -> Any:
            raise RecursionError("too deep")
            yield

    async def run() -> Pair:
        fleet = fleet_of()
        caller, costs = Caller(fleet, 10.0), Costs(fleet.price)
        climber = Climber(fleet, OpenAIDialect(), 1.0)
        pairing = Pairing(caller, climber, Broken(), OpenAIDialect(), costs, OneThread())
        made = await pairing.complete(item(LOW, "{}"))
        assert not isinstance(made, str)
        return made[0]

    assert asyncio.run(run()).why == "unscored: RecursionError: too deep"


# ── The judge ────────────────────────────────────────────────────────────────────────────────


def test_a_judge_is_asked_in_both_orders_and_paid_for_by_itself() -> None:
    def prefers_the_reference(body: Any) -> str:
        shown = body["messages"][-1]["content"]
        return json.encode(
            {"better": "A" if shown.index("fine") < shown.index("One.") else "B"}
        ).decode()

    judge = Model(prefers_the_reference)
    work = item(LOW, "One.", asked())
    pair, _ = complete(work, fleet_of(judge=judge), Pairwise("judge"))
    assert (pair.candidate_score, pair.reference_score, pair.regret) == (0.0, 0.5, True)
    assert (pair.scorer, pair.judged, pair.flips) == ("judge", 1, 0)
    assert (work.judge_calls, len(judge.asked)) == (2, 2)
    assert pair.judge_cost == work.ticket.judged == 2 * ONE_TOKEN * D("0.10")
    assert work.spent == ONE_TOKEN * D("0.10")


def test_flips_are_told() -> None:
    pair, _ = complete(
        item(LOW, "One.", asked()), fleet_of(judge=Model('{"better":"A"}')), Pairwise("judge")
    )
    assert (pair.regret, pair.flips, pair.judged) == (False, 1, 1)


def test_a_judge_that_fails_makes_an_unscored_pair() -> None:
    refusing = Model(UpstreamRefused("No."))
    work = item(LOW, "One.", asked())
    pair, _ = complete(work, fleet_of(judge=refusing), Pairwise("judge"))
    assert (pair.regret, pair.why) == (None, "unscored: the judge's call failed")
    assert (pair.judge_cost, work.judge_calls) == (D(0), 2)


def test_a_judge_that_takes_too_long_costs_what_was_set_aside() -> None:
    work = item(LOW, "One.", asked())
    complete(work, fleet_of(judge=Model("", SILENCE)), Pairwise("judge"), timeout=0.05)
    assert work.ticket.judged == work.ticket.judging


@pytest.mark.parametrize(("low", "regret"), [(0.65, True), (0.7, False), (0.75, False)])
def test_a_regret_is_more_than_the_margin(low: float, regret: bool) -> None:
    class Rated:
        name = "rated"

        def applies(self, task: object) -> bool:
            return True

        def score(self, choice: Choice, task: object) -> float:
            return low if choice.text == "One." else 0.8

    pair, _ = complete(item(LOW, "One.", asked()), fleet_of(), Rated())
    assert (pair.candidate_score, pair.reference_score) == (low, 0.8)
    assert pair.regret is regret
