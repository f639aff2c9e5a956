"""Chat requests as Anthropic's messages: what can be said is said, the rest is left to calls."""

from typing import Any

import pytest
from msgspec import json

from stepdown.errors import UpstreamMalformed
from stepdown.providers.batch.anthropic_forms import params, result
from stepdown.requests import request_of

USER = {"role": "user", "content": "Hi"}


def said(max_tokens: int | None = 100, **fields: Any) -> dict[str, Any] | None:
    request = request_of({"model": "auto", "messages": [USER], **fields})
    made = params(request, "claude", max_tokens)
    return None if made is None else json.decode(made, type=dict[str, Any])


def test_a_plain_request() -> None:
    assert said() == {"model": "claude", "max_tokens": 100, "messages": [USER]}


def test_system_turns_and_sampling() -> None:
    system = {"role": "system", "content": "Be brief."}
    more = {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]}
    turns = [USER, {"role": "assistant", "content": "Yes?"}, USER]
    assert said(
        messages=[system, more, *turns],
        temperature=0.5,
        top_p=0.9,
        stop="END",
        max_completion_tokens=7,
        metadata={"tags": ["a"]},
        user="u",
        n=1,
        response_format={"type": "text"},
    ) == {
        "model": "claude",
        "max_tokens": 7,
        "system": "Be brief.\nBe kind.",
        "messages": turns,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop_sequences": ["END"],
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"response_format": {"type": "json_object"}},
        {"n": 2},
        {"temperature": 1.5},
        {"temperature": "hot"},
        {"logprobs": True},
        {"seed": 7},
        {"anything": "new"},
        {"messages": [USER, {"role": "system", "content": "late"}, USER]},
        {"messages": [USER, {"role": "assistant", "content": "half an answer"}]},
        {"messages": [{"role": "user", "content": ""}]},
        {"messages": [{"role": "system", "content": "alone"}]},
        {"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}, USER]},
        {"messages": [USER, {"role": "assistant", "tool_calls": [{"id": "1"}]}, USER]},
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "data:,"}}],
                }
            ]
        },
    ],
)
def test_what_has_no_words_there(fields: dict[str, Any]) -> None:
    assert said(**fields) is None


def test_without_any_limit() -> None:
    assert said(max_tokens=None) is None


def test_cached_tokens_are_part_of_the_input() -> None:
    message = {
        "id": "msg_1",
        "model": "claude",
        "content": [
            {"type": "thinking", "thinking": "…"},
            {"type": "text", "text": "One"},
            {"type": "text", "text": " two"},
        ],
        "stop_reason": "max_tokens",
        "usage": {
            "input_tokens": 5,
            "output_tokens": 2,
            "cache_creation_input_tokens": 10,
            "cache_read_input_tokens": 100,
        },
    }
    line = {"custom_id": "sub_x-4", "result": {"type": "succeeded", "message": message}}
    read = result(json.encode(line))
    assert read is not None
    assert (read.place, read.status, read.request_id) == (4, 200, "msg_1")
    assert read.usage is not None
    usage = read.usage
    assert (usage.input, usage.cached_input, usage.cache_write, usage.output) == (115, 100, 10, 2)
    body = json.decode(read.body)
    assert body["choices"][0]["message"]["content"] == "One two"
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["prompt_tokens_details"] == {"cached_tokens": 100}


@pytest.mark.parametrize(
    ("kind", "status"),
    [("invalid_request_error", 400), ("overloaded_error", 529), ("brand_new_error", 500)],
)
def test_errors(kind: str, status: int) -> None:
    error = {"type": "error", "error": {"type": kind, "message": "No."}}
    line = {"custom_id": "sub_x-0", "result": {"type": "errored", "error": error}}
    read = result(json.encode(line))
    assert read is not None
    assert read.status == status
    assert json.decode(read.body)["error"]["message"] == "No."


@pytest.mark.parametrize(
    ("kind", "code"),
    [("expired", "batch_expired"), ("canceled", "batch_cancelled"), ("odd", "unknown")],
)
def test_without_a_reply(kind: str, code: str) -> None:
    read = result(json.encode({"custom_id": "sub_x-0", "result": {"type": kind}}))
    assert read is not None
    assert (read.status, read.code) == (None, code)


@pytest.mark.parametrize("line", [b"", b"{}", b'{"custom_id":"a-1","result":{}}'])
def test_what_cannot_be_read(line: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        result(line)
