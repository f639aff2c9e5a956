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
) -> bytes:
    """A whole reply. ``message`` adds members to the assistant's message (``tool_calls``)."""
    said = json.dumps({"role": "assistant", "content": content, **(message or {})})
    total = prompt_tokens + completion_tokens
    return (
        f'{{ "id":"chatcmpl-fault", "object" : "chat.completion","created":1741569952,\n'
        f'  "model":{json.dumps(model)},  "odd":{{"number":1.10e+2,"text":"\\u00e9\\/"}},\n'
        f'  "choices":[{{"index":0,"message":{said},"logprobs":null,'
        f'"finish_reason":"{finish_reason}"}}],\n'
        f'  "usage":{{"prompt_tokens":{prompt_tokens},"completion_tokens":{completion_tokens},'
        f'"total_tokens":{total},"prompt_tokens_details":{{"cached_tokens":0}}}}}}\n'
    ).encode()


def stream(
    model: str,
    words: Sequence[str] = WORDS,
    *,
    with_usage: bool,
    prompt_tokens: int = PROMPT_TOKENS,
) -> list[bytes]:
    """A streamed reply's events, [DONE] last. Asked for usage, every chunk carries the member."""
    usage: dict[str, Any] = {"usage": None} if with_usage else {}
    events = [
        chunk(model, [_choice({"role": "assistant", "content": ""})], usage),
        *(chunk(model, [_choice({"content": word})], usage) for word in words),
        chunk(model, [_choice({}, finish="stop")], usage),
    ]
    if with_usage:
        made = len(words)
        stated = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": made,
            "total_tokens": prompt_tokens + made,
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


def _choice(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
