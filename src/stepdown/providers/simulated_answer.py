"""What a simulated upstream says: OpenAI's chat completions, whole, as a stream, or as an error.

Source: platform.openai.com/docs/api-reference/chat/object, /chat/streaming.
"""

import time
from collections.abc import Iterator, Sequence
from hashlib import sha256
from random import Random
from typing import Any

from msgspec import Struct, json

from stepdown.routing.tokens import estimate
from stepdown.types import Prompt

_WORDS = ("answer", "bridge", "cloud", "delta", "field", "garden", "harbour", "island", "jacket")

_encode = json.encode


class Answer(Struct, frozen=True):
    """One answer. ``words`` are its tokens; ``length_limit``: the client allowed no more."""

    id: str
    created: int
    model: str
    words: list[str]
    choices: int
    prompt_tokens: int
    length_limit: bool

    @property
    def content(self) -> str:
        return " ".join(self.words)

    @property
    def finish_reason(self) -> str:
        return "length" if self.length_limit else "stop"

    @property
    def usage(self) -> dict[str, Any]:
        output = len(self.words) * self.choices
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": output,
            "total_tokens": self.prompt_tokens + output,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        }


def compose(
    prompt: Prompt,
    model: str,
    length: int,
    seed: int,
    number: int,
    topics: Sequence[str] = (),
) -> Answer:
    """The answer to a prompt: its words follow from the prompt and the seed, or from its topic.

    ``length``: tokens wanted. ``number``: which call it is, so that ids differ.
    """
    text = prompt.last_user_text() if topics else ""
    topic = next((topic for topic in topics if topic in text), None)
    asked = f"{seed}\n{topic}"
    if topic is None:
        asked = f"{seed}\n{model}\n" + "\n".join(m.text for m in prompt.messages)
    digest = sha256(asked.encode("utf-8", "surrogatepass"))
    random = Random(digest.digest())
    limit = prompt.output_limit
    allowed = length if limit is None else min(length, limit)
    words = ["simulated", digest.hexdigest()[:8], *random.choices(_WORDS, k=length)]
    identity = sha256(f"{digest.hexdigest()} {number}".encode()).hexdigest()[:24]
    return Answer(
        id=f"chatcmpl-simulated-{identity}",
        created=int(time.time()),
        model=model,
        words=words[: max(1, allowed)],
        choices=prompt.n or 1,
        prompt_tokens=max(1, round(estimate(prompt).value)),
        length_limit=allowed < length,
    )


def whole(answer: Answer) -> bytes:
    """The answer as one JSON object."""
    message = {"role": "assistant", "content": answer.content, "refusal": None}
    choices = [
        {"index": i, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}
        for i in range(answer.choices)
    ]
    return _encode({**_head(answer, "chat.completion"), "choices": choices, "usage": answer.usage})


def events(answer: Answer, chunk_tokens: int, *, with_usage: bool) -> Iterator[tuple[bytes, int]]:
    """The answer as the events of a stream, each with the number of tokens that it brings."""
    head = _head(answer, "chat.completion.chunk")
    usage = {"usage": None} if with_usage else {}

    def event(delta: dict[str, str], reason: str | None = None) -> bytes:
        """One event a choice, in one piece: they arrive together."""
        return b"".join(
            _event({**head, "choices": [_choice(index, delta, reason)], **usage})
            for index in range(answer.choices)
        )

    yield event({"role": "assistant", "content": ""}), 0
    for start in range(0, len(answer.words), chunk_tokens):
        words = answer.words[start : start + chunk_tokens]
        yield event({"content": (" " if start else "") + " ".join(words)}), len(words)
    yield event({}, answer.finish_reason), 0
    if with_usage:
        yield _event({**head, "choices": [], "usage": answer.usage}), 0
    yield b"data: [DONE]\n\n", 0


def failure(status: int, message: str) -> bytes:
    """An error in OpenAI's envelope."""
    kind = "server_error" if status >= 500 else _KINDS.get(status, "invalid_request_error")
    said = {"message": message, "type": kind, "param": None, "code": _CODES.get(status)}
    return _encode({"error": said})


_KINDS = {401: "authentication_error", 429: "rate_limit_error"}
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


def _head(answer: Answer, kind: str) -> dict[str, Any]:
    return {
        "id": answer.id,
        "object": kind,
        "created": answer.created,
        "model": answer.model,
        "system_fingerprint": "simulated",
    }


def _choice(index: int, delta: dict[str, str], reason: str | None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + _encode(value) + b"\n\n"
