"""What passes through the real server untouched, byte for byte, in both directions."""

import json
import time
from typing import Any

import httpx2
import pytest

from support import chat, faults
from support.configs import deployment
from support.fault_server import FaultServer
from support.gateway_process import GatewayProcess
from support.ledger_reading import recorded

ASK = '"messages":[{"role":"user","content":"Hello?"}]'


@pytest.fixture(scope="module")
def gateway(upstream: FaultServer, launch: Any) -> GatewayProcess:
    plain = deployment(upstream, "plain")
    mute = deployment(upstream, "mute", stream_usage=False)
    started: GatewayProcess = launch({"model_list": [plain, mute]})
    return started


def post(gateway: GatewayProcess, body: str | bytes) -> httpx2.Response:
    url = f"{gateway.base_url}/chat/completions"
    return httpx2.post(url, content=body, headers={"content-type": "application/json"}, timeout=10)


def stream(gateway: GatewayProcess, model: str = "plain", more: str = "") -> bytes:
    body = f'{{"model":"{model}","stream":true,{ASK}{more}}}'
    return post(gateway, body).content


ODD = [
    '"seed":12345678901234567890',
    '"temperature":1.10',
    '"top_p":1e-1',
    '"field_of_2031":{"z":[1,2.50,null,true,"\\u00e9\\/"],"a":{}}',
    '"logit_bias":{"50256":-100}',
    '"user":"caf\\u00e9 é"',
    '"metadata":{"session_id":"x","n":1}',
    '"reasoning_effort":"minimal"',
    '"audio":{"voice":"alloy","format":"wav"}',
    '"modalities":["text","audio"]',
    '"logprobs":true',
    '"n":2',
]


@pytest.mark.parametrize("member", ODD)
def test_a_member_of_the_request_arrives_as_it_was_written(
    gateway: GatewayProcess, upstream: FaultServer, member: str
) -> None:
    assert post(gateway, f'{{"model":"plain",{ASK}, {member} }}').status_code == 200
    sent = upstream.last("plain").body
    assert member.encode() in sent
    assert ASK.encode() in sent


def test_messages_arrive_as_they_were_written(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    messages = (
        '[ {"role":"user","content":[{"type":"text","text":"\\ud83d\\ude00 what?"},'
        '{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}},'
        '{"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}}],"name":"x"},\n'
        '  {"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function",'
        '"function":{"name":"f","arguments":"{\\"a\\": 1.0}"}}],"refusal":null},'
        '{"role":"tool","tool_call_id":"c","content":"4"} ]'
    )
    assert post(gateway, f'{{"model":"plain","messages":{messages}}}').status_code == 200
    assert messages.encode() in upstream.last("plain").body


def test_a_request_of_a_megabyte_arrives_whole(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    document = "All work and no play. " * 50_000
    body = json.dumps({"model": "plain", "messages": [{"role": "user", "content": document}]})
    assert post(gateway, body).status_code == 200
    assert upstream.last("plain").json["messages"][0]["content"] == document


def test_the_reply_keeps_the_upstreams_bytes(gateway: GatewayProcess) -> None:
    reply = post(gateway, f'{{"model":"plain",{ASK}}}')
    assert reply.content == chat.completion("plain")
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["content-length"] == str(len(chat.completion("plain")))


@pytest.mark.parametrize(
    "fault",
    [faults.until_close(), faults.chunked_json(), faults.closes_afterwards()],
    ids=["until-close", "chunked", "closed-afterwards"],
)
def test_however_the_upstream_delimits_its_reply(
    gateway: GatewayProcess, upstream: FaultServer, fault: faults.Behaviour
) -> None:
    upstream.script("plain", fault)
    for _ in range(2):
        assert post(gateway, f'{{"model":"plain",{ASK}}}').content == chat.completion("plain")


def test_a_huge_reply_passes(gateway: GatewayProcess, upstream: FaultServer) -> None:
    upstream.script("plain", faults.huge(20_000_000))
    reply = post(gateway, f'{{"model":"plain",{ASK}}}')
    assert reply.content == chat.completion("plain", "x" * 20_000_000)


def test_usage_is_asked_upstream_and_hidden_from_the_client(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    begun = time.time()
    got = stream(gateway)
    assert upstream.last("plain").asks_usage
    assert got == b"".join(chat.stream("plain", with_usage=False))
    detail = recorded(gateway.database, model="plain", since=begun)
    assert detail.usage is not None
    assert (detail.usage.input, detail.usage.output) == (chat.PROMPT_TOKENS, len(chat.WORDS))
    assert not detail.estimated


def test_usage_the_client_asked_for_is_shown(gateway: GatewayProcess) -> None:
    got = stream(gateway, more=',"stream_options":{"include_usage":true}')
    assert got == b"".join(chat.stream("plain", with_usage=True))


def test_other_stream_options_stay(gateway: GatewayProcess, upstream: FaultServer) -> None:
    stream(gateway, more=',"stream_options":{"include_obfuscation":false}')
    options = upstream.last("plain").json["stream_options"]
    assert options == {"include_obfuscation": False, "include_usage": True}


def test_an_upstream_without_streamed_usage_is_not_asked(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    got = stream(gateway, "mute")
    assert not upstream.last("mute").asks_usage
    assert got == b"".join(chat.stream("mute", with_usage=False))
    assert recorded(gateway.database, model="mute").estimated


def test_comments_and_keep_alives_stay(gateway: GatewayProcess, upstream: FaultServer) -> None:
    head, *words = chat.stream("plain", with_usage=False)
    events = [b": OPENROUTER PROCESSING\n\n", head, b": keep-alive\n\n", *words[:-1]]
    events += [b"event: ping\nid: 7\ndata: {}\n\n", words[-1]]
    upstream.script("plain", faults.raw_stream(*events))
    assert stream(gateway) == b"".join(events)


def test_events_cut_anywhere_come_out_whole(gateway: GatewayProcess, upstream: FaultServer) -> None:
    sent = b"".join(chat.stream("plain", with_usage=True))
    pieces = [sent[start : start + 97] for start in range(0, len(sent), 97)]
    upstream.script("plain", faults.raw_stream(*pieces))
    assert stream(gateway) == b"".join(chat.stream("plain", with_usage=False))


def test_events_that_end_in_carriage_returns(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    def windows(with_usage: bool) -> list[bytes]:
        events = chat.stream("plain", with_usage=with_usage)
        return [event.replace(b"\n", b"\r\n") for event in events]

    upstream.script("plain", faults.raw_stream(*windows(with_usage=True)))
    assert stream(gateway) == b"".join(windows(with_usage=False))


def test_a_word_is_shown_while_the_next_is_being_made(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("plain", faults.stalls(after=3))
    body = f'{{"model":"plain","stream":true,{ASK}}}'
    url = f"{gateway.base_url}/chat/completions"
    with httpx2.stream("POST", url, content=body, timeout=10) as reply:
        got = b""
        for piece in reply.iter_raw():
            got += piece
            if got.count(b"data: ") == 3:
                break  # the upstream has said no more, and never will
    assert reply.headers["content-type"].startswith("text/event-stream")


def test_a_stale_connection_is_replaced_unnoticed(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("plain", faults.deaf_afterwards())
    replies = [post(gateway, f'{{"model":"plain",{ASK}}}') for _ in range(2)]
    assert [reply.status_code for reply in replies] == [200, 200]
    assert replies[1].headers["x-stepdown-attempts"] == "1"


def test_connections_to_the_upstream_are_kept(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    for _ in range(5):
        post(gateway, f'{{"model":"plain",{ASK}}}')
        stream(gateway)
    assert len({seen.connection for seen in upstream.received("plain")[-10:]}) == 1
