"""Cascades over real HTTP: what the official client gets, and what the ledger has of it."""

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx2
import openai
import pytest

from support import chat, faults
from support.cascades import (
    ALWAYS_CHEAP,
    LABELS,
    Answer,
    ask,
    cost_of,
    models,
    route,
    settled,
    tries,
)
from support.clients import client_of
from support.configs import CHEAP, STRONG, price
from support.fault_server import FaultServer, wait_until
from support.faults import Gate
from support.gateway_process import GatewayProcess
from support.ledger_reading import recorded_as

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
LONG = tuple(f" word{number}" for number in range(60))
"""More than the opening in which a refusal is looked for."""
SAMPLES = {"self_consistency": {"samples": 3}}


@pytest.fixture(scope="module")
def gateway(upstream: FaultServer, launch: Any) -> GatewayProcess:
    by_rule = route(LABELS)
    by_rule["rules"] = [
        {"name": "own", "when": {"intent": "own"}, "rung": 0, "cascade": [{"length": {"max": 9}}]},
        {"name": "bare", "when": {"intent": "bare"}, "rung": 0, "cascade": False},
    ]
    started: GatewayProcess = launch(
        {
            "model_list": models(upstream),
            "router_settings": {"num_retries": 0, "allowed_fails": 1000},
            "routes": {
                "labels": route(LABELS),
                "whole": route(LABELS, early_drop=False),
                "three": route(LABELS, ladder=("cheap", "mid", "strong"), early_drop=False),
                "by-rule": by_rule,
                "hedged": route(LABELS, hedge_after=0.1),
                "late": route(LABELS, timeout={"first_byte": 0.3, "total": 0.8}),
                "alive": route(LABELS, keep_alive=0.1),
                "opening": {**route("refusal", stream="optimistic"), "rules": ALWAYS_CHEAP},
                "sure": route({"logprob": {"mean": -1}}),
                "sure-soon": route(
                    {"logprob": {"min": -1, "over": "field", "field": "label"}}, stream="optimistic"
                ),
                "tools": {**route("tool_calls"), "rules": ALWAYS_CHEAP},
                "samples": route(SAMPLES, {"length": {"max": 100}}),
                "judged": route({"judge": {"model": "judge"}}, keep_alive=0.1),
                "kept": {**route(LABELS), "sessions": True},
                "upside-down": {**route(LABELS, ladder=("strong", "cheap")), "sessions": True},
            },
        }
    )
    return started


@pytest.fixture
def client(gateway: GatewayProcess) -> Iterator[openai.OpenAI]:
    with client_of(gateway) as made:
        yield made
    assert settled(gateway)
    assert "Traceback" not in gateway.log


def detail_of(gateway: GatewayProcess, answer: Answer) -> Any:
    detail = recorded_as(gateway.database, answer.id)
    assert detail.cost == cost_of(*detail.attempts)
    return detail


def raw(gateway: GatewayProcess, model: str, **fields: Any) -> httpx2.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "?"}], **fields}
    return httpx2.post(f"{gateway.base_url}/chat/completions", json=body, timeout=15)


# ── accepted ─────────────────────────────────────────────────────────────────────────────────


def test_accepted_plain(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("cheap", faults.says("billing"))
    answer = ask(client, "labels")
    assert answer.whole.object == "chat.completion"
    assert answer.text == "billing"
    assert answer.whole.usage.completion_tokens == 1
    assert answer.headers["x-stepdown-model"] == "cheap"
    assert answer.headers["x-stepdown-decision"] == "cascade"
    assert answer.headers["x-stepdown-attempts"] == "1"
    assert "x-stepdown-rejected-by" not in answer.headers
    cost, reference = (price(r, prompt=19, completion=1) for r in (CHEAP, STRONG))
    assert (answer.cost, answer.saved) == (cost, reference - cost)
    assert upstream.last("cheap").streams, "an answer that can be dropped early is read as a stream"
    detail = detail_of(gateway, answer)
    assert tries(detail) == [("cheap", "accepted")]
    assert (detail.cost, detail.reference_cost) == (cost, reference)


def test_accepted_streamed_is_the_upstreams_own_stream(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("cheap", faults.says("tech", "nical"))
    got = raw(gateway, "labels", stream=True)
    assert got.headers["content-type"].startswith("text/event-stream")
    assert got.headers["x-stepdown-model"] == "cheap"
    assert got.content == b"".join(chat.stream("cheap", ["tech", "nical"], with_usage=False))


def test_accepted_streamed_with_usage_where_it_is_asked_for(
    client: openai.OpenAI, upstream: FaultServer
) -> None:
    upstream.script("cheap", *[faults.says("billing")] * 2)
    bare = ask(client, "labels", stream=True)
    assert all(chunk.usage is None for chunk in bare.chunks)
    asked = ask(client, "labels", stream=True, stream_options={"include_usage": True})
    assert asked.chunks[-1].usage.completion_tokens == 1
    assert (bare.text, asked.text) == ("billing", "billing")


# ── rejected ─────────────────────────────────────────────────────────────────────────────────


def test_rejected_plain(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("cheap", faults.says("It", " depends", "."))
    upstream.script("strong", faults.says("billing"))
    answer = ask(client, "whole")
    assert answer.text == "billing"
    assert answer.headers["x-stepdown-model"] == "strong"
    assert answer.headers["x-stepdown-attempts"] == "2"
    spent = price(CHEAP, prompt=19, completion=3)
    reference = price(STRONG, prompt=19, completion=1)
    assert answer.cost == spent + reference
    assert answer.saved == -spent
    detail = detail_of(gateway, answer)
    assert tries(detail) == [("cheap", "one_of"), ("strong", "accepted")]
    assert not detail.attempts[0].early
    assert detail.reference_cost == reference
    assert not upstream.last("strong").streams


def test_rejected_streamed_goes_straight_through(
    client: openai.OpenAI, upstream: FaultServer
) -> None:
    gate = Gate()
    upstream.script("cheap", faults.says("No", " idea"))
    upstream.script("strong", faults.says("bill", "ing", gate=gate, gate_after=2))
    stream = client.chat.completions.create(
        model="labels", messages=[{"role": "user", "content": "?"}], stream=True
    )
    said = []
    for chunk in stream:
        said.append(chunk.choices[0].delta.content or "")
        if said[-1] == "bill":
            gate.open()  # only now the upstream says the rest
    assert "".join(said) == "billing"


def test_an_answer_that_cannot_pass_is_cut_at_once(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    never = Gate()
    upstream.script("cheap", faults.says("Well", *LONG, gate=never, gate_after=2))
    upstream.script("strong", faults.says("billing"))
    answer = ask(client, "labels")
    assert answer.text == "billing"
    seen = upstream.last("cheap")
    wait_until(lambda: seen.disconnected is not None, "the cheap call is cut")
    detail = detail_of(gateway, answer)
    dropped = detail.attempts[0]
    assert (dropped.verdict, dropped.early, dropped.error) == ("one_of", True, None)
    assert dropped.usage.output <= 3
    assert dropped.estimated
    assert not detail.estimated


def test_three_rungs(client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer) -> None:
    upstream.script("cheap", *[faults.says("no")] * 2)
    upstream.script("mid", faults.says("technical"), faults.says("no"))
    upstream.script("strong", faults.says("whatever"))
    second, third = ask(client, "three"), ask(client, "three", stream=True)
    assert (second.text, third.text) == ("technical", "whatever")
    assert tries(detail_of(gateway, second)) == [("cheap", "one_of"), ("mid", "accepted")]
    detail = detail_of(gateway, third)
    assert tries(detail) == [("cheap", "one_of"), ("mid", "one_of"), ("strong", "accepted")]
    assert [each.rung for each in detail.attempts] == [0, 1, 2]


def test_a_rule_may_have_a_cascade_of_its_own_or_none(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("cheap", *[faults.says("some", "thing")] * 2, faults.says("some", "thing else"))
    own = ask(client, "by-rule", extra_headers={"x-stepdown-intent": "own"})
    bare = ask(client, "by-rule", extra_headers={"x-stepdown-intent": "bare"})
    assert (own.text, bare.text) == ("something", "something")
    assert own.headers["x-stepdown-decision"] == "own"
    assert tries(detail_of(gateway, own)) == [("cheap", "accepted")]
    assert tries(detail_of(gateway, bare)) == [("cheap", None)]
    climbed = ask(client, "by-rule", extra_headers={"x-stepdown-intent": "own"})
    assert tries(detail_of(gateway, climbed)) == [("cheap", "length"), ("strong", "accepted")]


# ── time ─────────────────────────────────────────────────────────────────────────────────────


def test_a_hedge_that_is_first(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("cheap", faults.never_answers())
    upstream.script("strong", faults.says("technical"))
    answer = ask(client, "hedged")
    assert answer.text == "technical"
    seen = upstream.last("cheap")
    wait_until(lambda: seen.disconnected is not None, "the loser is cancelled")
    detail = detail_of(gateway, answer)
    assert tries(detail) == [("cheap", "hedge"), ("strong", "accepted")]
    assert detail.attempts[0].usage.input > 0
    assert answer.cost == detail.cost


def test_a_cheap_answer_that_beats_its_hedge(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    before = len(upstream.received("strong"))
    upstream.script("cheap", faults.says("technical", head_after=0.4))
    upstream.script("strong", faults.never_answers())
    answer = ask(client, "hedged", stream=True)
    assert answer.text == "technical"
    (seen,) = upstream.received("strong")[before:]
    wait_until(lambda: seen.disconnected is not None, "the hedge is cancelled")
    detail = detail_of(gateway, answer)
    assert tries(detail) == [("strong", "hedge"), ("cheap", "accepted")]
    assert detail.model == "cheap"


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (faults.never_answers(), "no first byte after 0.3 s"),
        (faults.says("tech", "nical", between=0.35), "not done after 0.8 s"),
    ],
    ids=["first byte", "total"],
)
def test_a_cheap_answer_that_is_late(
    client: openai.OpenAI,
    gateway: GatewayProcess,
    upstream: FaultServer,
    behaviour: faults.Behaviour,
    reason: str,
) -> None:
    upstream.script("cheap", behaviour)
    upstream.script("strong", faults.says("billing"))
    answer = ask(client, "late")
    assert answer.text == "billing"
    late, _ = detail_of(gateway, answer).attempts
    assert (late.verdict, late.reason, late.early) == ("timeout", reason, False)


def test_who_waits_for_the_price_has_no_time_limit(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("cheap", faults.says("technical", head_after=1.0))
    answer = ask(client, "late", extra_headers={"x-stepdown-mode": "batch"})
    assert answer.headers["x-stepdown-model"] == "cheap"
    assert tries(detail_of(gateway, answer)) == [("cheap", "accepted")]


def test_comments_keep_a_stream_alive_while_its_answer_is_checked(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("cheap", *[faults.says("billing", head_after=0.35)] * 2)
    got = raw(gateway, "alive", stream=True)
    comments, _, rest = got.content.rpartition(b"checking the answer\n\n")
    assert comments.count(b": stepdown is") >= 2
    assert rest == b"".join(chat.stream("cheap", ["billing"], with_usage=False))
    assert ask(client, "alive", stream=True).text == "billing"


def test_comments_and_then_an_error(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("cheap", *[faults.says("no", head_after=0.25)] * 2)
    upstream.script("strong", *[faults.status(500, "Out of order.")] * 2)
    got = raw(gateway, "alive", stream=True)
    assert got.status_code == 200
    last = got.content.split(b"\n\n")[-2]
    assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "upstream_failed"
    assert b"[DONE]" not in got.content
    with pytest.raises(openai.APIError, match="Out of order"):
        ask(client, "alive", stream=True)


# ── optimistic ───────────────────────────────────────────────────────────────────────────────


def test_an_optimistic_stream_begins_when_its_checks_can_no_longer_fail(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    gate = Gate()
    upstream.script("cheap", faults.says(*LONG, " end", gate=gate, gate_after=61))
    raw_answer = client.chat.completions.with_raw_response.create(
        model="opening", messages=[{"role": "user", "content": "?"}], stream=True
    )
    said = []
    for chunk in raw_answer.parse():
        said.append(chunk.choices[0].delta.content or "")
        gate.open()
    assert "".join(said) == "".join(LONG) + " end"
    detail = recorded_as(gateway.database, raw_answer.headers["x-stepdown-request-id"])
    assert tries(detail) == [("cheap", "accepted")]
    assert detail.cost == cost_of(*detail.attempts) == price(CHEAP, prompt=19, completion=61)


def test_an_optimistic_stream_that_breaks_off_ends_in_an_error(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    events = chat.stream("cheap", LONG, with_usage=False)[:-3]
    upstream.script("cheap", faults.raw_stream(*events))
    got = raw(gateway, "opening", stream=True)
    assert got.content.startswith(events[0])
    assert b"[DONE]" not in got.content
    last = got.content.split(b"\n\n")[-2]
    assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "upstream_unreachable"
    detail = recorded_as(gateway.database, got.headers["x-stepdown-request-id"])
    assert (detail.outcome, len(detail.attempts)) == ("failed", 1)
    assert detail.cost == cost_of(*detail.attempts) != 0


# ── what the checks asked for is not the client's to see ─────────────────────────────────────


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("wanted", [None, False, True])
def test_log_probabilities_are_shown_to_who_asked_for_them(
    client: openai.OpenAI, upstream: FaultServer, stream: bool, wanted: bool | None
) -> None:
    upstream.script("cheap", faults.says("yes", "!"))
    fields: dict[str, Any] = {} if wanted is None else {"logprobs": wanted}
    answer = ask(client, "sure", stream=stream, **fields)
    assert upstream.last("cheap").json["logprobs"] is True
    assert (answer.text, answer.headers["x-stepdown-model"]) == ("yes!", "cheap")
    choices = [c for chunk in answer.chunks or [answer.whole] for c in chunk.choices]
    told = [t.logprob for c in choices if c.logprobs for t in c.logprobs.content]
    assert told == ([-0.1, -0.1] if wanted else [])


@pytest.mark.parametrize("wanted", [False, True])
def test_nor_are_they_shown_by_an_optimistic_stream(
    client: openai.OpenAI, upstream: FaultServer, wanted: bool
) -> None:
    words = ('{"label":', ' "yes"', ', "why":', ' "it', " is", '"}')
    upstream.script("cheap", faults.says(*words))
    answer = ask(client, "sure-soon", stream=True, **({"logprobs": True} if wanted else {}))
    assert (answer.text, answer.headers["x-stepdown-model"]) == ("".join(words), "cheap")
    choices = [choice for chunk in answer.chunks for choice in chunk.choices]
    told = [t.token for choice in choices if choice.logprobs for t in choice.logprobs.content]
    assert told == (list(words) if wanted else [])


def test_an_unsure_answer_climbs(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("cheap", faults.says("yes", logprob=-3.0))
    answer = ask(client, "sure")
    assert "logprobs" not in upstream.last("strong").json
    assert tries(detail_of(gateway, answer)) == [("cheap", "logprob"), ("strong", "accepted")]


# ── other forms of answers ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [False, True])
def test_several_choices(client: openai.OpenAI, upstream: FaultServer, stream: bool) -> None:
    upstream.script("cheap", faults.says("bill", "ing", n=2))
    answer = ask(client, "labels", stream=stream, n=2)
    assert answer.headers["x-stepdown-model"] == "cheap"
    if stream:
        assert {c.index for chunk in answer.chunks for c in chunk.choices} == {0, 1}
        assert sorted(answer.text) == sorted("billing" * 2)
    else:
        assert [c.message.content for c in answer.whole.choices] == ["billing", "billing"]


@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls(client: openai.OpenAI, upstream: FaultServer, stream: bool) -> None:
    upstream.script("cheap", faults.calls_tools(("weather", ['{"city":', '"Bonn"}'])))
    answer = ask(client, "tools", tools=[WEATHER], stream=stream)
    assert answer.headers["x-stepdown-model"] == "cheap"
    if stream:
        deltas = [c.delta for chunk in answer.chunks for c in chunk.choices]
        calls = [call for delta in deltas for call in delta.tool_calls or ()]
        assert "".join(call.function.arguments for call in calls) == '{"city":"Bonn"}'
        assert answer.chunks[-1].choices[0].finish_reason == "tool_calls"
    else:
        (call,) = answer.whole.choices[0].message.tool_calls
        assert (call.function.name, call.function.arguments) == ("weather", '{"city":"Bonn"}')
        assert answer.whole.choices[0].finish_reason == "tool_calls"


def test_a_tool_that_was_not_offered(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("cheap", faults.calls_tools(("wether", ['{"city":', '"Bonn"}'])))
    upstream.script("strong", faults.calls_tools(("weather", ['{"city":"Bonn"}'])))
    answer = ask(client, "tools", tools=[WEATHER])
    assert answer.whole.choices[0].message.tool_calls[0].function.name == "weather"
    assert tries(detail_of(gateway, answer)) == [("cheap", "tool_calls"), ("strong", "accepted")]


# ── graders ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [False, True])
def test_samples_that_agree(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer, stream: bool
) -> None:
    upstream.script("cheap", faults.says("4", "2"), faults.says("42"), faults.says("7"))
    answer = ask(client, "samples", stream=stream)
    assert (answer.text, answer.headers["x-stepdown-attempts"]) == ("42", "3")
    detail = detail_of(gateway, answer)
    assert sorted(tries(detail)) == [("cheap", "accepted")] + [("cheap", "sample")] * 2
    tokens = price(CHEAP, prompt=3 * 19, completion=4)
    assert detail.cost == tokens
    assert detail.reference_cost == price(STRONG, prompt=19, completion=2)


def test_samples_that_differ(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("cheap", faults.says("1"), faults.says("2"), faults.says("3"))
    upstream.script("strong", faults.says("4"))
    answer = ask(client, "samples")
    detail = detail_of(gateway, answer)
    assert tries(detail)[-1] == ("strong", "accepted")
    assert detail.attempts[0].verdict == "self_consistency"
    assert [each.rung for each in detail.attempts] == [0, 0, 0, 1]
    spent = price(CHEAP, prompt=3 * 19, completion=3)
    assert answer.saved == -spent
    assert answer.cost == spent + price(STRONG, prompt=19, completion=1)


@pytest.mark.parametrize(("grade", "model"), [("5", "cheap"), ("2", "strong")])
def test_a_judges_grade(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer, grade: str, model: str
) -> None:
    upstream.script("cheap", faults.says("An", " answer"))
    upstream.script("judge", faults.says(f'{{"grade": "{grade}"}}'))
    answer = ask(client, "judged")
    assert answer.headers["x-stepdown-model"] == model
    detail = detail_of(gateway, answer)
    graded = [each for each in detail.attempts if each.role == "judge"]
    assert [(each.model, each.rung) for each in graded] == [("judge", 0)]
    assert answer.cost == detail.cost
    assert cost_of(*graded) > 0


def test_comments_keep_a_stream_alive_while_a_judge_thinks(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("cheap", faults.says("An", " answer"))
    upstream.script("judge", faults.says('{"grade": "5"}', head_after=0.35))
    got = raw(gateway, "judged", stream=True)
    comments, _, rest = got.content.rpartition(b"checking the answer\n\n")
    assert comments.count(b": stepdown is") >= 2
    assert rest.endswith(chat.DONE)


# ── conversations ────────────────────────────────────────────────────────────────────────────


def test_a_conversation_that_climbed(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    """The next turn is decided afresh: for a prompt this short, going down again pays."""
    upstream.script("cheap", faults.says("no"), faults.says("billing"))
    upstream.script("strong", faults.says("technical"))
    session = {"extra_headers": {"x-stepdown-session": f"s-{time.time()}"}}
    first = ask(client, "kept", **session)
    assert first.headers["x-stepdown-model"] == "strong"
    again = ask(client, "kept", **session)
    assert again.headers["x-stepdown-decision"] == "cascade"
    assert again.saved > Decimal(0)


def test_a_conversation_stays_above_where_going_down_would_not_pay(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("strong", faults.says("no"))
    upstream.script("cheap", faults.says("billing"), faults.says("whatever"))
    session = {"extra_headers": {"x-stepdown-session": f"s-{time.time()}"}}
    first, again = (ask(client, "upside-down", **session) for _ in range(2))
    assert first.headers["x-stepdown-decision"] == "cascade"
    assert again.headers["x-stepdown-decision"] == "session"
    assert tries(detail_of(gateway, again)) == [("cheap", None)]  # the last rung is not checked
