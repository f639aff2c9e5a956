"""Cascades when something fails: a rung, a check, or the client who does not wait."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from stepdown.ledger.detail import Detail
from support import chat, faults
from support.cascades import (
    ALWAYS_CHEAP,
    LABELS,
    ask,
    cost_of,
    models,
    route,
    settled,
    tries,
)
from support.clients import HELLO, client_of
from support.fault_server import FaultServer, wait_until
from support.faults import Gate
from support.gateway_process import GatewayProcess
from support.ledger_reading import recorded, recorded_as

REJECTED = "secret words"
FAILING = {
    "500": (faults.status(500), "upstream_failed"),
    "429": (faults.rate_limited(20), "upstream_rate_limited"),
    "refused": (None, "upstream_unreachable"),
    "closed": (faults.close_before_head(), "upstream_unreachable"),
    "html": (faults.html_page(), "upstream_malformed"),
    "malformed": (faults.malformed_json(), "upstream_malformed"),
    "no-stream": (faults.body(chat.completion("cheap")), "upstream_malformed"),
    "nonsense": (faults.raw_stream(b'data: {"choices":[7]}\n\n', chat.DONE), "upstream_malformed"),
    "cut": (faults.cut_in_stream(3), "upstream_unreachable"),
    "reset": (faults.reset_in_stream(3), "upstream_unreachable"),
    "unfinished": (faults.unfinished_stream(3), "upstream_unreachable"),
    "error-event": (faults.error_event(3), "upstream_failed"),
}
"""How a cheap rung fails, and the error that its attempt has in the ledger."""
LATE = {
    "silent": faults.never_answers(),
    "slow": faults.says("bil", "ling", head_after=2.0),
    "stalled": faults.stalls(3),
}
STRONG_FAILING = {
    "500": (faults.status(500), "upstream_failed"),
    "malformed": (faults.malformed_json(), "upstream_malformed"),
    "closed": (faults.close_before_head(), "upstream_unreachable"),
    "silent": (faults.never_answers(), "upstream_timeout"),
}
JUDGE_FAILING = {
    "500": (faults.status(500), "upstream_failed"),
    "429": (faults.rate_limited(20), "upstream_rate_limited"),
    "malformed": (faults.malformed_json(), "upstream_malformed"),
    "nonsense": (faults.body(b'{"choices":[7]}'), "upstream_malformed"),
}
QUICK = {"connect": 1.0, "first_byte": 0.4, "between_chunks": 0.4, "total": 5.0}
OWN = """
class Raises:
    def check(self, choice, request):
        raise ValueError("not today")

class RaisesInApplies(Raises):
    def applies(self, request):
        raise ValueError("not today")

class RaisesInWatch(Raises):
    def watch(self, request):
        raise ValueError("not today")

class RaisesInFeed(Raises):
    def watch(self, request):
        return self

    def feed(self, piece):
        raise ValueError("not today")

class RaisesInGrade:
    def grade(self, choice, request):
        raise ValueError("not today")
        yield

class YieldsNonsense:
    def grade(self, choice, request):
        yield "please"
"""
RAISING = ("Raises", "RaisesInApplies", "RaisesInWatch", "RaisesInFeed", "RaisesInGrade")


def routes() -> dict[str, Any]:
    """A route for each drill."""
    anything = {"length": {"min": 1}}
    made = {
        f"cheap-{name}": {
            **route(
                anything,
                ladder=(f"cheap-{name}", "strong"),
                timeout={"first_byte": 0.4, "total": 0.8} if name in LATE else None,
            ),
            "rules": ALWAYS_CHEAP,
        }
        for name in (*FAILING, *LATE)
    }
    for name in STRONG_FAILING:
        ladder = "cheap", f"strong-{name}"
        made[f"strong-{name}"] = route(LABELS, ladder=ladder, early_drop=False)
        made[f"best-{name}"] = route(
            LABELS, ladder=ladder, early_drop=False, serve_best_effort=True
        )
    for name in (*RAISING, "YieldsNonsense"):
        made[name] = {**route(f"own_checks:{name}"), "rules": ALWAYS_CHEAP}
    for name in JUDGE_FAILING:
        made[f"judge-{name}"] = route({"judge": {"model": f"judge-{name}"}})
    return made | {
        "whole": route(LABELS, early_drop=False),
        "early": route(LABELS, ladder=("cheap", "strong-500"), serve_best_effort=True),
        "labels": route(LABELS),
        "hedged": route(LABELS, hedge_after=0.1),
        "judged": route({"judge": {"model": "judge"}}, timeout=1.0),
        "sampled": route({"self_consistency": {"samples": 3}}),
        "opening": {**route("refusal", stream="optimistic"), "rules": ALWAYS_CHEAP},
        "unsupervised": {**route("own_checks:RaisesInApplies"), "rules": []},
    }


@pytest.fixture(scope="module")
def gateway(
    upstream: FaultServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    directory: Path = tmp_path_factory.mktemp("gateway")
    (directory / "own_checks.py").write_text(OWN)
    nowhere = "http://127.0.0.1:9/v1"
    config = {
        "model_list": [
            *models(upstream, ("cheap", "strong", "judge")),
            *models(upstream, [f"judge-{name}" for name in JUDGE_FAILING]),
            *models(upstream, ("cheap-refused",), api_base=nowhere),
            *models(upstream, [f"cheap-{name}" for name in (*FAILING, *LATE) if name != "refused"]),
            *models(upstream, [f"strong-{name}" for name in STRONG_FAILING], timeouts=QUICK),
        ],
        "router_settings": {"num_retries": 0, "timeout": 10, "allowed_fails": 1000},
        "routes": routes(),
    }
    with GatewayProcess(config, directory) as started:
        yield started
        assert "Traceback" not in started.log


@pytest.fixture
def client(gateway: GatewayProcess) -> Iterator[openai.OpenAI]:
    with client_of(gateway) as made:
        yield made
    assert settled(gateway)


def detail_of(gateway: GatewayProcess, answer: Any) -> Detail:
    detail = recorded_as(gateway.database, answer.id)
    assert detail.cost == cost_of(*detail.attempts)
    return detail


# ── the cheap rung fails ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", FAILING)
def test_a_cheap_rung_that_fails_is_climbed_over(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer, name: str, stream: bool
) -> None:
    behaviour, code = FAILING[name]
    if behaviour is not None:
        upstream.script(f"cheap-{name}", behaviour)
    upstream.script("strong", faults.says("bill", "ing"))
    begun = time.monotonic()
    answer = ask(client, f"cheap-{name}", stream=stream)
    assert time.monotonic() - begun < 5, "nobody waits for a cheap rung"
    assert answer.text == "billing"
    assert answer.headers["x-stepdown-model"] == "strong"
    detail = detail_of(gateway, answer)
    assert (detail.outcome, tries(detail)[-1]) == ("answered", ("strong", "accepted"))
    if name == "429" and stream:
        return  # it is cooling down from the first time, and not even asked
    assert [each.error for each in detail.attempts] == [code, None]


@pytest.mark.parametrize("name", LATE)
def test_a_cheap_rung_that_is_late_is_climbed_over(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer, name: str
) -> None:
    upstream.script(f"cheap-{name}", LATE[name])
    answer = ask(client, f"cheap-{name}")
    seen = upstream.last(f"cheap-{name}")
    wait_until(lambda: seen.disconnected is not None, "the late call is cut")
    late, _ = detail_of(gateway, answer).attempts
    assert (late.verdict, late.error) == ("timeout", None)


# ── the strong rung fails ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", STRONG_FAILING)
def test_a_rejected_answer_is_not_served_when_the_strong_rung_fails(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer, name: str, stream: bool
) -> None:
    behaviour, code = STRONG_FAILING[name]
    upstream.script("cheap", faults.says(REJECTED))
    upstream.script(f"strong-{name}", behaviour)
    begun = time.time()
    with pytest.raises(openai.APIStatusError) as caught:
        ask(client, f"strong-{name}", stream=stream)
    assert caught.value.code == code
    assert REJECTED not in caught.value.response.text
    detail = recorded(gateway.database, model=f"strong-{name}", since=begun)
    assert (detail.outcome, detail.error) == ("failed", code)
    assert tries(detail) == [("cheap", "one_of"), (f"strong-{name}", None)]
    assert detail.cost == cost_of(*detail.attempts)
    assert detail.reference_cost == cost_of(detail.attempts[-1]), "nobody got it: nothing saved"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", STRONG_FAILING)
def test_it_is_served_where_the_cascade_says_so_and_says_who_rejected_it(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer, name: str, stream: bool
) -> None:
    upstream.script("cheap", faults.says(REJECTED))
    upstream.script(f"strong-{name}", STRONG_FAILING[name][0])
    answer = ask(client, f"best-{name}", stream=stream)
    assert answer.text == REJECTED
    assert answer.headers["x-stepdown-model"] == "cheap"
    assert answer.headers["x-stepdown-rejected-by"] == "one_of"
    detail = detail_of(gateway, answer)
    assert tries(detail) == [(f"strong-{name}", None), ("cheap", "one_of")]
    assert detail.outcome == "answered"
    if not stream:
        assert answer.cost == detail.cost


def test_what_was_dropped_early_is_no_answer(client: openai.OpenAI, upstream: FaultServer) -> None:
    upstream.script("cheap", faults.says(REJECTED, gate=Gate(), gate_after=2))
    upstream.script("strong-500", faults.status(500))
    with pytest.raises(openai.APIStatusError) as caught:
        ask(client, "early")
    assert caught.value.code == "upstream_failed"


def test_a_strong_stream_that_breaks_off_is_not_made_up_for(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("cheap", faults.says(REJECTED))
    upstream.script("strong", faults.cut_in_stream(3))
    begun = time.time()
    with pytest.raises(openai.APIError) as caught:
        ask(client, "labels", stream=True)
    assert caught.value.code == "upstream_unreachable"
    detail = recorded(gateway.database, model="labels", since=begun)
    assert detail.outcome == "failed"
    assert detail.attempts[-1].error == "upstream_unreachable"


def test_when_both_are_down_the_error_is_the_strong_rungs(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("cheap", faults.status(500))
    upstream.script("strong", faults.status(503, "Strong is away."))
    begun = time.time()
    with pytest.raises(openai.APIStatusError, match="Strong is away"):
        ask(client, "labels")
    detail = recorded(gateway.database, model="labels", since=begun)
    assert [each.error for each in detail.attempts] == ["upstream_failed"] * 2
    assert detail.cost == 0


def test_a_hedge_that_fails_leaves_the_cheap_answer(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("cheap", faults.says("billing", head_after=0.4))
    upstream.script("strong", faults.status(500))
    answer = ask(client, "hedged", stream=True)
    assert answer.text == "billing"
    assert tries(detail_of(gateway, answer)) == [("strong", None), ("cheap", "accepted")]


# ── a check fails ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", JUDGE_FAILING)
def test_a_judge_that_fails_rejects(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer, name: str
) -> None:
    behaviour, error = JUDGE_FAILING[name]
    upstream.script(f"judge-{name}", behaviour)
    answer = ask(client, f"judge-{name}")
    cheap, judge, strong = detail_of(gateway, answer).attempts
    assert (cheap.verdict, cheap.reason) == ("judge", "the judge's call failed")
    assert (judge.role, judge.error, strong.verdict) == ("judge", error, "accepted")


def test_a_judge_that_takes_longer_than_the_rung_may(
    client: openai.OpenAI, gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("judge", faults.never_answers())
    answer = ask(client, "judged", stream=True)
    seen = upstream.last("judge")
    wait_until(lambda: seen.disconnected is not None, "the judge's call is cut")
    cheap, judge, strong = detail_of(gateway, answer).attempts
    assert (cheap.verdict, cheap.reason) == ("timeout", "not graded after 1 s")
    assert (judge.error, strong.verdict) == ("cancelled", "accepted")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", RAISING)
def test_a_users_check_that_raises_rejects(
    client: openai.OpenAI, gateway: GatewayProcess, name: str, stream: bool
) -> None:
    answer = ask(client, name, stream=stream)
    detail = detail_of(gateway, answer)
    assert tries(detail) == [("cheap", f"own_checks:{name}"), ("strong", "accepted")]
    assert detail.attempts[0].reason == "could not check: it raised ValueError"


def test_a_grader_that_asks_for_nonsense_rejects(
    client: openai.OpenAI, gateway: GatewayProcess
) -> None:
    cheap, _ = detail_of(gateway, ask(client, "YieldsNonsense")).attempts
    assert cheap.verdict == "own_checks:YieldsNonsense"
    assert cheap.reason is not None
    assert "TypeError" in cheap.reason


def test_a_check_that_cannot_tell_whether_it_applies_vouches_for_nothing(
    client: openai.OpenAI, gateway: GatewayProcess
) -> None:
    answer = ask(client, "unsupervised")
    assert answer.headers["x-stepdown-decision"] == "default"
    assert tries(detail_of(gateway, answer)) == [("strong", None)]


# ── the client hangs up ──────────────────────────────────────────────────────────────────────


def send(gateway: GatewayProcess, model: str, *, stream: bool = False) -> socket.socket:
    body = json.dumps({"model": model, "messages": HELLO, "stream": stream}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nContent-Length: {len(body)}"
    plain = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
    plain.sendall(head.encode() + b"\r\n\r\n" + body)
    return plain


WAITING = faults.never_answers()
PHASES: dict[str, tuple[str, bool, dict[str, list[faults.Behaviour]], list[str]]] = {
    "the cheap rung is silent": ("labels", False, {"cheap": [WAITING]}, ["cheap"]),
    "the cheap rung speaks": ("labels", True, {"cheap": [faults.stalls(1)]}, ["cheap"]),
    "the strong rung is silent": (
        "whole",
        False,
        {"cheap": [faults.says("no")], "strong": [WAITING]},
        ["strong"],
    ),
    "the strong rung streams": (
        "whole",
        True,
        {"cheap": [faults.says("no")], "strong": [faults.stalls(3)]},
        ["strong"],
    ),
    "both are under way": (
        "hedged",
        True,
        {"cheap": [WAITING], "strong": [WAITING]},
        ["cheap", "strong"],
    ),
    "a judge reads": ("judged", False, {"judge": [WAITING]}, ["judge"]),
    "samples are drawn": (
        "sampled",
        True,
        {"cheap": [faults.says("1"), WAITING, WAITING]},
        ["cheap", "cheap"],
    ),
    "the cheap rung is passed on": (
        "opening",
        True,
        {"cheap": [faults.says(*["some words"] * 40, gate=Gate(), gate_after=30)]},
        ["cheap"],
    ),
}
"""The route, whether it streams, what the upstreams do, and which calls are then under way."""


@pytest.mark.parametrize("phase", PHASES)
def test_hanging_up_while(gateway: GatewayProcess, upstream: FaultServer, phase: str) -> None:
    model, stream, scripts, waiting = PHASES[phase]
    for name, behaviours in scripts.items():
        upstream.script(name, *behaviours)
    before, begun = len(upstream.seen), time.time()
    plain = send(gateway, model, stream=stream)
    calls = sum(map(len, scripts.values())) + ("judge" in scripts)
    wait_until(lambda: len(upstream.seen) == before + calls, "every call is upstream")
    if stream and phase.endswith(("streams", "passed on")):
        assert plain.recv(65536).startswith(b"HTTP/1.1 200")
    plain.close()
    asked = upstream.seen[before:]
    open_ = [seen for seen in asked if seen.answered is None]
    assert sorted(seen.model for seen in open_) == sorted(waiting)
    wait_until(lambda: all(s.disconnected is not None for s in open_), "every call is cancelled")
    detail = recorded(gateway.database, model=model, since=begun)
    assert (detail.outcome, detail.error) == ("cancelled", "client_gone")
    assert len(detail.attempts) == calls
    assert sum(each.error == "cancelled" for each in detail.attempts) == len(waiting)
    assert all(each.ended is not None and each.usage is not None for each in detail.attempts)
    assert detail.cost == cost_of(*detail.attempts) != 0
    assert settled(gateway)
    assert len(upstream.seen) == before + calls, "nobody is asked any more"


def test_many_that_hang_up_leave_nothing_behind(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    before = len(upstream.seen)
    upstream.script("cheap", *[faults.stalls(1)] * 40)
    plains = [send(gateway, "labels", stream=True) for _ in range(40)]
    wait_until(lambda: len(upstream.seen) == before + 40, "every call is upstream")
    for plain in plains:
        plain.close()
    asked = upstream.seen[before:]
    wait_until(lambda: all(s.disconnected is not None for s in asked), "every call is cancelled")
    assert settled(gateway)
