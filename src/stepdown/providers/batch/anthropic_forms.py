"""Chat requests as Anthropic's messages, and its answers as chat completions: text, without tools.

What has no words there (tools, images, schemas, several choices, …) is not translated but left to
an ordinary call. Source: platform.claude.com/docs/en/api/messages, /docs/en/api/openai-sdk
"""

import time
from typing import Any

from msgspec import DecodeError, Raw, Struct, json

from stepdown.batch_ports import Result
from stepdown.errors import UpstreamMalformed
from stepdown.providers.batch.openai_forms import place_of
from stepdown.types import Message, Request, Usage

_KNOWN = frozenset(
    (
        *("model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p"),
        *("stop", "n", "stream", "user", "metadata", "store", "response_format"),
    )
)
"""Fields that are translated, or that say nothing to the model."""
_ROLES = {"user": "user", "assistant": "assistant"}
_SYSTEM = ("system", "developer")
_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}
_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


class _Sampling(Struct):
    """What the request says of sampling, where it is of these types."""

    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None


class _Block(Struct):
    type: str
    text: str = ""


class _Used(Struct, frozen=True):
    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None


class _Message(Struct):
    id: str = ""
    model: str = ""
    content: list[_Block] = []
    stop_reason: str | None = None
    usage: _Used = _Used()


class _Error(Struct, frozen=True):
    type: str = "api_error"
    message: str = ""


class _Envelope(Struct):
    error: _Error = _Error()


class _Outcome(Struct):
    type: str
    message: Raw = Raw(b"{}")
    error: Raw = Raw(b"{}")


class _Line(Struct):
    custom_id: str
    result: _Outcome


_sampling = json.Decoder(_Sampling).decode
_line = json.Decoder(_Line).decode
_message = json.Decoder(_Message).decode
_envelope = json.Decoder(_Envelope).decode


def params(request: Request, model: str, max_tokens: int | None) -> bytes | None:
    """The parameters of a message, or None where Anthropic has no words for the request.

    ``max_tokens`` is for requests that state no limit: Anthropic wants one.
    """
    prompt = request.prompt
    limit = prompt.output_limit or max_tokens
    kind = prompt.response_format
    if limit is None or (prompt.n or 1) != 1 or not _KNOWN.issuperset(request.fields):
        return None
    if kind is not None and kind.type != "text":
        return None
    sampling = _sampled(request)
    turns = _turns(prompt.messages)
    if sampling is None or turns is None:
        return None
    said: dict[str, Any] = {"model": model, "max_tokens": limit, "messages": turns, **sampling}
    if system := prompt.system_text():
        said["system"] = system
    return json.encode(said)


def _sampled(request: Request) -> dict[str, Any] | None:
    """Anthropic's words for the sampling; None where it has none."""
    try:
        given = _sampling(json.encode(request.fields))
    except DecodeError:
        return None
    said: dict[str, Any] = {}
    if given.temperature is not None:
        if not 0 <= given.temperature <= 1:
            return None
        said["temperature"] = given.temperature
    if given.top_p is not None:
        said["top_p"] = given.top_p
    if given.stop:
        said["stop_sequences"] = [given.stop] if isinstance(given.stop, str) else given.stop
    return said


def _turns(messages: list[Message]) -> list[dict[str, str]] | None:
    """The conversation; None where a turn is more than text, or system turns stand within it."""
    turns: list[dict[str, str]] = []
    for message in messages:
        if _is_more_than_text(message):
            return None
        if message.role in _SYSTEM:
            if turns:
                return None
            continue
        if message.role not in _ROLES or not message.text.strip():
            return None
        turns.append({"role": message.role, "content": message.text})
    return turns if turns and turns[-1]["role"] == "user" else None


def _is_more_than_text(message: Message) -> bool:
    content = message.content
    other = isinstance(content, list) and any(part.type != "text" for part in content)
    return other or content is None or bool(message.tool_calls)


def entry(custom_id: str, params: bytes) -> bytes:
    """One of a batch's requests."""
    return json.encode({"custom_id": custom_id, "params": Raw(params)})


def result(line: bytes) -> Result | None:
    """What a line of the results says; None for a request that is not ours.

    Raises UpstreamMalformed.
    """
    try:
        read = _line(line)
        place = place_of(read.custom_id)
        if place is None:
            return None
        outcome = read.result
        if outcome.type == "succeeded":
            return _succeeded(place, _message(outcome.message))
        if outcome.type == "errored":
            return _errored(place, _envelope(outcome.error).error)
    except DecodeError as error:
        raise UpstreamMalformed(f"A batch's results cannot be read: {error}.") from error
    code = {"expired": "batch_expired", "canceled": "batch_cancelled"}.get(outcome.type, "unknown")
    return Result(place, code=code, message=f"Anthropic says: {outcome.type}.")


def custom_id(line: bytes) -> str:
    """The id in a line of the results. Raises UpstreamMalformed."""
    try:
        return _line(line).custom_id
    except DecodeError as error:
        raise UpstreamMalformed(f"A batch's results cannot be read: {error}.") from error


def _succeeded(place: int, message: _Message) -> Result:
    used = message.usage
    written, cached = used.cache_creation_input_tokens or 0, used.cache_read_input_tokens or 0
    usage = Usage(
        input=used.input_tokens + written + cached,
        output=used.output_tokens,
        cached_input=cached,
        cache_write=written,
    )
    body = _completion(message, usage)
    return Result(place, status=200, body=body, usage=usage, request_id=message.id)


def _completion(message: _Message, usage: Usage) -> bytes:
    text = "".join(block.text for block in message.content if block.type == "text")
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": None},
        "logprobs": None,
        "finish_reason": _REASONS.get(message.stop_reason or "", "stop"),
    }
    said = {
        "id": message.id,
        "object": "chat.completion",
        "created": int(time.time()),
        "model": message.model,
        "choices": [choice],
        "usage": {
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
            "prompt_tokens_details": {"cached_tokens": usage.cached_input},
        },
    }
    return json.encode(said)


def _errored(place: int, error: _Error) -> Result:
    said = {"message": error.message, "type": error.type, "param": None, "code": error.type}
    status = _STATUSES.get(error.type, 500)
    return Result(place, status=status, body=json.encode({"error": said}))
