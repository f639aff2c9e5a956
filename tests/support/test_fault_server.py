"""The fault server itself: real HTTP, each fault what its name says, and everything recorded."""

import json
import socket
from collections.abc import Iterator

import httpx2
import openai
import pytest

from support import chat, faults
from support.fault_server import FaultServer, wait_until

ASK = [{"role": "user", "content": "Hello?"}]


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture
def client(server: FaultServer) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.base_url, timeout=5) as client:
        yield client


def ask(client: httpx2.Client, model: str, **fields: object) -> httpx2.Response:
    return client.post("/chat/completions", json={"model": model, "messages": ASK, **fields})


def raw(server: FaultServer, model: str, **fields: object) -> bytes:
    """Everything that comes back on a plain socket until the server closes it."""
    body = json.dumps({"model": model, "messages": ASK, **fields}).encode()
    got = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as plain:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"
        plain.sendall(head.encode() + body)
        while data := plain.recv(65536):
            got += data
    return got


def test_a_model_without_a_script_is_answered_as_openai_would(server: FaultServer) -> None:
    with openai.OpenAI(base_url=server.base_url, api_key="sk-x", max_retries=0) as client:
        reply = client.chat.completions.create(
            model="plain", messages=[{"role": "user", "content": "Hello?"}]
        )
        assert reply.choices[0].message.content == "".join(chat.WORDS)
        assert reply.usage is not None
        assert reply.usage.prompt_tokens == chat.PROMPT_TOKENS
        with client.chat.completions.create(
            model="plain",
            messages=[{"role": "user", "content": "Hello?"}],
            stream=True,
            stream_options={"include_usage": True},
        ) as stream:
            chunks = list(stream)
    said = [c.choices[0].delta.content or "" for c in chunks if c.choices]
    assert "".join(said) == "".join(chat.WORDS)
    assert chunks[-1].usage is not None


def test_requests_are_recorded_byte_for_byte(server: FaultServer, client: httpx2.Client) -> None:
    body = b'{ "model":"bytes","messages":[] , "new": 1.50 }'
    client.post("/chat/completions", content=body, headers={"x-trace": "abc"})
    seen = server.last("bytes")
    assert (seen.method, seen.path, seen.body) == ("POST", "/v1/chat/completions", body)
    assert seen.headers["x-trace"] == "abc"
    wait_until(lambda: seen.answered is not None, "the answer is written")
    assert seen.disconnected is None


def test_a_script_is_used_up_in_order_and_then_the_default_holds(
    server: FaultServer, client: httpx2.Client
) -> None:
    server.always("scripted", faults.status(500))
    server.script("scripted", faults.rate_limited(1.5), faults.ok(), faults.status(503))
    replies = [ask(client, "scripted") for _ in range(4)]
    assert [reply.status_code for reply in replies] == [429, 200, 503, 500]
    assert replies[0].headers["retry-after"] == "1.5"
    assert replies[0].json()["error"]["code"] == "rate_limit_exceeded"


def test_usage_is_streamed_only_when_asked(server: FaultServer, client: httpx2.Client) -> None:
    without = ask(client, "usage", stream=True).text
    asked = ask(client, "usage", stream=True, stream_options={"include_usage": True}).text
    assert '"usage":' not in without
    assert asked.count('"usage":null') == len(chat.WORDS) + 2
    assert '"choices":[],"usage":{"prompt_tokens":19' in asked
    assert without.endswith("data: [DONE]\n\n")
    assert asked.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.never_answers(), httpx2.ReadTimeout),
        (faults.reset_before_head(), httpx2.ReadError),
        (faults.close_before_head(), httpx2.RemoteProtocolError),
        (faults.cut_in_body(), httpx2.RemoteProtocolError),
        (faults.cut_in_stream(2), httpx2.RemoteProtocolError),
        (faults.reset_in_stream(2), httpx2.ReadError),
        (faults.stalls(2), httpx2.ReadTimeout),
    ],
    ids=["silent", "reset", "closed", "half-body", "cut-stream", "reset-stream", "stalled"],
)
def test_broken_replies_break_as_named(
    server: FaultServer, fault: faults.Behaviour, error: type[Exception]
) -> None:
    server.script("broken", fault)
    with httpx2.Client(base_url=server.base_url, timeout=0.3) as client, pytest.raises(error):
        ask(client, "broken", stream=True)


def test_a_stream_cut_short_has_its_first_events_and_no_end(server: FaultServer) -> None:
    server.script("cut", faults.cut_in_stream(3))
    got = raw(server, "cut", stream=True)
    assert got.count(b"data: ") == 3
    assert b"[DONE]" not in got
    assert not got.endswith(b"0\r\n\r\n")


def test_replies_that_are_no_replies(server: FaultServer, client: httpx2.Client) -> None:
    server.script("odd", faults.malformed_json(), faults.html_page(), faults.error_event(1))
    with pytest.raises(ValueError, match="Unterminated string"):
        ask(client, "odd").json()
    assert ask(client, "odd").headers["content-type"] == "text/html"
    assert "The engine stopped." in ask(client, "odd", stream=True).text


def test_other_ways_to_delimit_a_good_body(server: FaultServer, client: httpx2.Client) -> None:
    server.script("framed", faults.until_close(), faults.chunked_json(), faults.huge(3_000_000))
    assert b"content-length" not in raw(server, "framed").lower()
    assert ask(client, "framed").json()["object"] == "chat.completion"
    assert len(ask(client, "framed").json()["choices"][0]["message"]["content"]) == 3_000_000


def test_connections_are_kept_unless_told_otherwise(
    server: FaultServer, client: httpx2.Client
) -> None:
    server.script("kept", faults.ok(), faults.ok(), faults.closes_afterwards())
    for _ in range(4):
        ask(client, "kept")
    first, second, third, fourth = (seen.connection for seen in server.received("kept"))
    assert first == second == third != fourth


def test_a_deaf_connection_drops_the_next_request(
    server: FaultServer, client: httpx2.Client
) -> None:
    server.script("deaf", faults.deaf_afterwards())
    assert ask(client, "deaf").status_code == 200
    with pytest.raises(httpx2.TransportError):
        ask(client, "deaf")
    assert len(server.received("deaf")) == 1


def test_a_caller_that_hangs_up_is_noticed(server: FaultServer) -> None:
    server.script("gone", faults.never_answers())
    with (
        httpx2.Client(base_url=server.base_url, timeout=0.1) as client,
        pytest.raises(httpx2.ReadTimeout),
    ):
        ask(client, "gone")
    seen = server.last("gone")
    wait_until(lambda: seen.disconnected is not None, "the caller's hanging up is noticed")
    assert seen.answered is None


def test_a_behaviour_that_fails_fails_the_test() -> None:
    async def broken(_exchange: object) -> None:
        raise LookupError("a fault of the test's own")

    with pytest.raises(LookupError, match="of the test's own"):
        _ask_of_a_server_with(broken)


def _ask_of_a_server_with(behaviour: faults.Behaviour) -> None:
    with FaultServer() as server:
        server.script("mine", behaviour)
        with httpx2.Client(base_url=server.base_url) as client, pytest.raises(httpx2.HTTPError):
            ask(client, "mine")
        wait_until(lambda: bool(server.errors), "the failure is kept")
