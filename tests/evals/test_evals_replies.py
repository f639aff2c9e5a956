"""The rungs' answers: asked of the models, or taken from a table."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from stepdown.cascade.plan import Cascade
from stepdown.errors import UpstreamFailed
from stepdown.evals.asking import Asker
from stepdown.evals.items import Item, Known
from stepdown.evals.replies import NOT_IN_THE_TABLE, FromModels, FromTable, Reply
from stepdown.evals.store import Store
from stepdown.pricing.price import TokenPrice
from stepdown.requests import request_of
from stepdown.types import Choice, Request
from support import chat
from support.evaluations import Speaker, cascades_of, item, saying
from support.scripted import Fleet

D = Decimal
LADDER = ("cheap", "mid", "strong")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "answers.db") as opened:
        yield opened


def request(given: Item) -> Request:
    return request_of({**given.body, "model": "auto"}, id=given.id)


def cascade(*validators: Any) -> Cascade | None:
    return cascades_of(*validators).default


def ask(
    store: Store,
    given: Item,
    checks: Cascade | None = None,
    speakers: Mapping[str, Speaker] = {},
) -> tuple[Sequence[Reply], dict[str, Speaker]]:
    made = {name: speakers.get(name, Speaker()) for name in LADDER}

    async def asked() -> Sequence[Reply]:
        async with Asker(Fleet(**made), store, str) as asker:
            return await FromModels(asker, LADDER).of(given, request(given), checks)

    return asyncio.run(asked()), made


# ── From the models ──────────────────────────────────────────────────────────────────────────


def test_every_rung_is_asked_once_in_the_ladders_order(store: Store) -> None:
    speakers = {name: Speaker(saying(f"I am {name}")) for name in LADDER}
    replies, _ = ask(store, item(), speakers=speakers)
    assert [reply.model for reply in replies] == list(LADDER)
    assert [reply.choice and reply.choice.text for reply in replies] == [
        f"I am {name}" for name in LADDER
    ]
    assert [reply.cost for reply in replies] == [D("0.20"), D("2.00"), D("2.00")]
    assert [len(speaker.asked) for speaker in speakers.values()] == [1, 1, 1]
    assert all(reply.seconds is not None and reply.untold is None for reply in replies)


def test_a_rung_that_fails_says_so_and_the_others_answer(store: Store) -> None:
    replies, _ = ask(store, item(), speakers={"mid": Speaker(lambda body: UpstreamFailed("Down."))})
    cheap, mid, strong = replies
    assert (mid.choice, mid.cost, mid.error) == (None, None, "upstream_failed: Down.")
    assert (cheap.error, strong.error) == (None, None)


def test_log_probabilities_are_asked_for_below_the_last_rung(store: Store) -> None:
    replies, speakers = ask(store, item(), cascade({"logprob": {"margin": 0.5}}))
    asked = [speaker.asked[0].get("logprobs") for speaker in speakers.values()]
    assert asked == [True, True, None]
    assert speakers["cheap"].asked[0]["top_logprobs"] == 2
    tokens = [reply.choice and reply.choice.tokens for reply in replies]
    assert [each is None for each in tokens] == [False, False, True]


def test_a_cascade_that_needs_none_asks_for_none(store: Store) -> None:
    _, speakers = ask(store, item(), cascade({"length": {"max": 9}}))
    assert all("logprobs" not in speaker.asked[0] for speaker in speakers.values())


def test_the_body_reaches_the_model_as_it_is(store: Store) -> None:
    body: dict[str, Any] = {
        "n": 2,
        "tools": [{"type": "function", "function": {"name": "look", "parameters": {}}}],
        "response_format": {"type": "json_object"},
        "messages": [
            {"role": "system", "content": "Sois bref. 🙂"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Что это?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                ],
            },
        ],
        "odd": {"kept": 1.5},
    }
    whole = chat.completion("x", "a cat", n=2)
    speakers = {name: Speaker(lambda asked: whole) for name in LADDER}
    replies, _ = ask(store, item(body=body), speakers=speakers)
    [asked] = speakers["cheap"].asked
    assert {name: asked[name] for name in body} == body
    assert [len(reply.choices) for reply in replies] == [2, 2, 2]
    assert replies[0].choice == replies[0].choices[0]


# ── From a table ─────────────────────────────────────────────────────────────────────────────


def known(
    given: Item,
    checks: Cascade | None = None,
    names: dict[str, str] | None = None,
    price: TokenPrice | None = None,
) -> Sequence[Reply]:
    table = FromTable(LADDER, lambda model: price, names)
    return asyncio.run(table.of(given, request(given), checks))


def test_what_the_table_knows() -> None:
    told = {
        "cheap": Known(score=0.5, cost=D("0.1")),
        "strong": Known(score=1.0, answer="yes", cost=D("0.9")),
        "another": Known(score=0.0),
    }
    cheap, mid, strong = known(item(known=told))
    assert cheap == Reply("cheap", cost=D("0.1"), score=0.5, untold="the answer's text")
    assert mid == Reply("mid", error=NOT_IN_THE_TABLE, untold="the answer")
    choices = (Choice("yes", finish_reason="stop"),)
    assert strong == Reply("strong", choices, D("0.9"), score=1.0)


def test_a_model_by_the_tables_name_for_it() -> None:
    told = {"tiny-1b": Known(score=1.0), "cheap": Known(score=0.0), "strong": Known(score=1.0)}
    cheap, _, strong = known(item(known=told), names={"cheap": "tiny-1b"})
    assert (cheap.model, cheap.score, strong.score) == ("cheap", 1.0, 1.0)


def test_tokens_are_priced_where_no_cost_is_told() -> None:
    told = {
        "cheap": Known(score=1.0, input_tokens=100, output_tokens=10),
        "mid": Known(score=1.0, input_tokens=100),
        "strong": Known(score=1.0, cost=D(7), input_tokens=100, output_tokens=10),
    }
    price = TokenPrice(input=D("0.01"), output=D("0.02"))
    assert [reply.cost for reply in known(item(known=told), price=price)] == [D("1.20"), None, D(7)]
    assert [reply.cost for reply in known(item(known=told))] == [None, None, D(7)]


def test_a_check_of_log_probabilities_cannot_see_any_in_a_table() -> None:
    told = {name: Known(score=1.0, answer="yes") for name in LADDER}
    replies = known(item(known=told), cascade({"logprob": {"mean": -1}}))
    assert {reply.untold for reply in replies} == {"its log probabilities"}
    replies = known(item(known=told), cascade({"length": {"max": 9}}))
    assert {reply.untold for reply in replies} == {None}
