"""What a simulated upstream says has OpenAI's shape, as the official client reads it."""

from typing import Any

import pytest
from msgspec import json

from stepdown.providers.simulated_answer import Answer, compose, events, failure, whole
from support.fleets import request


def answer(text: str = "hello", length: int = 6, seed: int = 0, **fields: Any) -> Answer:
    return compose(request(text, **fields).prompt, "sim", length, seed, number=1)


def test_the_content_follows_from_the_prompt_and_the_seed() -> None:
    assert answer("a").content == answer("a").content
    assert len({answer("a").content, answer("b").content, answer("a", seed=1).content}) == 3
    assert answer("a").content.startswith("simulated ")


def test_requests_of_the_same_topic_get_the_same_answer_of_any_model() -> None:
    def said(text: str, model: str = "sim", topics: tuple[str, ...] = ("refund", "fund")) -> str:
        return compose(request(text).prompt, model, 6, 0, 1, topics).content

    assert said("My refund?") == said("When is the refund due?", "other")
    assert said("My refund?") != said("My fund?")
    assert said("Hello.") != said("Hello.", "other")
    assert said("My refund?") != said("My refund?", topics=())


def test_the_clients_limit_cuts_the_answer_short() -> None:
    assert (len(answer(max_tokens=3).words), answer(max_tokens=3).finish_reason) == (3, "length")
    assert (len(answer(max_tokens=6).words), answer(max_tokens=6).finish_reason) == (6, "stop")


def test_a_whole_answer() -> None:
    body: dict[str, Any] = json.decode(whole(answer("word " * 100, n=2)))
    assert body["object"] == "chat.completion"
    assert body["id"].startswith("chatcmpl-simulated-")
    assert body["model"] == "sim"
    assert [choice["index"] for choice in body["choices"]] == [0, 1]
    assert body["choices"][1]["message"]["role"] == "assistant"
    usage = body["usage"]
    assert 80 < usage["prompt_tokens"] < 150
    assert usage["completion_tokens"] == 12
    assert usage["total_tokens"] == usage["prompt_tokens"] + 12


@pytest.mark.parametrize("chunk_tokens", [1, 4, 100])
def test_a_stream_brings_the_same_answer_in_pieces(chunk_tokens: int) -> None:
    made = answer()
    sent = list(events(made, chunk_tokens, with_usage=True))
    assert sum(tokens for _, tokens in sent) == 6
    lines = b"".join(data for data, _ in sent).split(b"\n\n")
    assert lines[-2:] == [b"data: [DONE]", b""]
    chunks: list[dict[str, Any]] = [
        json.decode(line.removeprefix(b"data: ")) for line in lines[:-2]
    ]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert {chunk["id"] for chunk in chunks} == {made.id}
    *said, last = chunks
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in said)
    assert text == made.content
    assert [chunk["choices"][0]["finish_reason"] for chunk in said][-2:] == [None, "stop"]
    assert {chunk["usage"] for chunk in said} == {None}
    assert (last["choices"], last["usage"]) == ([], made.usage)


def test_without_being_asked_a_stream_says_nothing_of_usage() -> None:
    data = b"".join(data for data, _ in events(answer(), 1, with_usage=False))
    assert b"usage" not in data


@pytest.mark.parametrize(
    ("status", "kind"),
    [(500, "server_error"), (429, "rate_limit_error"), (400, "invalid_request_error")],
)
def test_an_error_has_openais_envelope(status: int, kind: str) -> None:
    said: dict[str, Any] = json.decode(failure(status, "no"))
    assert said["error"]["type"] == kind
    assert said["error"]["message"] == "no"
    assert set(said["error"]) == {"message", "type", "param", "code"}
