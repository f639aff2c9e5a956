"""OpenAI chat replies as an upstream writes them, whole and streamed.

Spacing, escapes and unknown members are odd on purpose: whoever re-encodes a reply gives itself
away. Shapes: platform.openai.com/docs/api-reference/chat.
"""

import json
from collections.abc import Sequence
from typing import Any

WORDS = ("Step", " down", " to", " the", " cheaper", " model", ".")
PROMPT_TOKENS = 19
DONE = b"data: [DONE]\n\n"


def completion(
    model: str,
    content: str | None = "".join(WORDS),
    *,
    message: dict[str, Any] | None = None,
    prompt_tokens: int = PROMPT_TOKENS,
    completion_tokens: int = len(WORDS),
    finish_reason: str = "stop",
    logprobs: dict[str, Any] | None = None,
    n: int = 1,
) -> bytes:
    """A whole reply. ``message`` adds members to the assistant's message (``tool_calls``)."""
    said = json.dumps({"role": "assistant", "content": content, **(message or {})})
    total = prompt_tokens + completion_tokens
    choices = ",".join(
        f'{{"index":{index},"message":{said},"logprobs":{json.dumps(logprobs)},'
        f'"finish_reason":"{finish_reason}"}}'
        for index in range(n)
    )
    return (
        f'{{ "id":"chatcmpl-fault", "object" : "chat.completion","created":1741569952,\n'
        f'  "model":{json.dumps(model)},  "odd":{{"number":1.10e+2,"text":"\\u00e9\\/"}},\n'
        f'  "choices":[{choices}],\n'
        f'  "usage":{{"prompt_tokens":{prompt_tokens},"completion_tokens":{completion_tokens},'
        f'"total_tokens":{total},"prompt_tokens_details":{{"cached_tokens":0}}}}}}\n'
    ).encode()


def stream(
    model: str,
    words: Sequence[str] = WORDS,
    *,
    with_usage: bool,
    prompt_tokens: int = PROMPT_TOKENS,
    finish_reason: str = "stop",
    logprob: float | None = None,
    n: int = 1,
) -> list[bytes]:
    """A streamed reply's events, [DONE] last. Asked for usage, every chunk carries the member.

    ``logprob`` is every word's; ``n`` choices say the same, in turns.
    """
    deltas: list[tuple[dict[str, Any], str | None]] = [
        ({"role": "assistant", "content": ""}, None),
        *(({"content": word}, None) for word in words),
        ({}, finish_reason),
    ]
    made = [
        [_choice(delta, finish, index, logprob) for delta, finish in deltas] for index in range(n)
    ]
    return _events(model, made, with_usage, prompt_tokens, len(words) * n)


def stream_of_calls(
    model: str, calls: Sequence[tuple[str, Sequence[str]]], *, with_usage: bool
) -> list[bytes]:
    """A streamed reply that calls tools: each a name, and its arguments in parts."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None}]
    for index, (name, parts) in enumerate(calls):
        named = {"id": f"call_{index}", "type": "function"}
        begun = {"index": index, **named, "function": {"name": name, "arguments": ""}}
        deltas.append({"tool_calls": [begun]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": part}}]} for part in parts
        ]
    choices = [_choice(delta) for delta in deltas]
    return _events(
        model, [[*choices, _choice({}, "tool_calls")]], with_usage, PROMPT_TOKENS, len(deltas) - 1
    )


def logprobs(words: Sequence[str], logprob: float) -> dict[str, Any]:
    """Log probabilities of words that are a token each."""
    told: list[dict[str, Any]] = [
        {"token": word, "logprob": logprob, "bytes": None, "top_logprobs": []} for word in words
    ]
    return {"content": told, "refusal": None}


def _events(
    model: str,
    choices: list[list[dict[str, Any]]],
    with_usage: bool,
    prompt_tokens: int,
    completion_tokens: int,
) -> list[bytes]:
    usage: dict[str, Any] = {"usage": None} if with_usage else {}
    events = [chunk(model, [each], usage) for turn in zip(*choices, strict=True) for each in turn]
    if with_usage:
        stated = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        }
        events.append(chunk(model, [], {"usage": stated}))
    return [*events, DONE]


def chunk(model: str, choices: list[dict[str, Any]], extra: dict[str, Any]) -> bytes:
    """One streamed event."""
    body = {
        "id": "chatcmpl-fault",
        "object": "chat.completion.chunk",
        "created": 1741569952,
        "model": model,
        "choices": choices,
        **extra,
    }
    return b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"


def error(message: str, *, code: str | None = None, kind: str = "server_error") -> bytes:
    """OpenAI's error envelope."""
    said = {"message": message, "type": kind, "param": None, "code": code}
    return json.dumps({"error": said}).encode()


def _choice(
    delta: dict[str, Any],
    finish: str | None = None,
    index: int = 0,
    logprob: float | None = None,
) -> dict[str, Any]:
    word = delta.get("content")
    told = logprobs([word], logprob) if word and logprob is not None else None
    return {"index": index, "delta": delta, "logprobs": told, "finish_reason": finish}
