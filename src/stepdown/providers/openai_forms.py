"""Turns one form of an OpenAI-dialect reply into the other: chunks into a completion, and back.

What this version has never heard of comes along: a member of a delta is joined to what came before
it (strings and lists end to end), one beside it is kept as it was last stated.

Source: platform.openai.com/docs/api-reference/chat/object, /chat/streaming.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from typing import Any

from msgspec import Raw, Struct, field, json

from stepdown.providers.openai_chunks import place_of
from stepdown.providers.openai_usage import stated
from stepdown.types import Usage

Members = dict[str, Raw]

DONE = b"data: [DONE]\n\n"

_encode = json.encode
_members = json.Decoder(Members).decode
_listed = json.Decoder(list[Members]).decode
_choices = json.Decoder(list[dict[str, Any]]).decode

_NULL = Raw(b"null")
_EMPTY = Raw(b'""')
_NOTHING_SAID = (b"", b"null", b'""', b"[]")
_UNKNOWN = (b"", b"null", b'""', b"0")


# ── From chunks to a completion ──────────────────────────────────────────────────────────────

_AS_FIRST_STATED = {"id", "created", "model"}
"""Azure leaves them empty in a chunk that comes before the answer's own."""
_OF_CHUNKS_ONLY = {"object", "choices", "obfuscation"}
_ONCE = {"role", "id", "type", "name", "index"}
"""Members of a delta that some upstreams repeat; never said in parts."""
_MERGED_PARTS = {"text", "thinking"}
_DEPTH = 4
"""Objects so deep within a delta are no longer joined: the last one is kept."""


class _Gathered(Struct):
    """What the chunks said of one choice, by member, in their order."""

    said: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    logprobs: list[Any] = field(default_factory=list[Any])
    beside: dict[str, Any] = field(default_factory=dict[str, Any])

    def add(self, choice: dict[str, Any]) -> None:
        for name, value in choice.items():
            if name == "delta":
                delta: dict[str, Any] = value or {}
                for member, part in delta.items():
                    if part is not None:
                        self.said.setdefault(member, []).append(part)
            elif name == "logprobs":
                if value is not None:
                    self.logprobs.append(value)
            elif isinstance(value, list) and isinstance(self.beside.get(name), list):
                self.beside[name] += value
            elif value not in (None, "") or name not in self.beside:
                self.beside[name] = value


def completion_of(
    chunks: Iterable[bytes],
    texts: Mapping[int, Sequence[str]],
    usage: Usage | None,
    *,
    hide_logprobs: bool,
) -> bytes:
    """A stream's answer as one chat.completion object. Raises DecodeError, RecursionError.

    ``texts`` are what the choices said, by index, where not every chunk that said it is among the
    ``chunks``. ``usage`` is stated where the stream states none itself.
    """
    top: Members = {}
    gathered: dict[int, _Gathered] = {}
    for payload in chunks:
        chunk = _members(payload)
        if "error" in chunk and "choices" not in chunk:
            continue
        choices = chunk.get("choices", _NULL)
        for place, choice in enumerate(_choices(choices) if stated(choices) else ()):
            index = choice.pop("index", None)
            key = place if index is None else index
            gathered.setdefault(key, _Gathered()).add(choice)
        _keep(top, chunk)
    for index, text in texts.items():
        if text and index in gathered:
            gathered[index].said["content"] = ["".join(text)]
    said = top.pop("usage", _NULL)
    whole: dict[str, Any] = {
        "object": "chat.completion",
        **top,
        "choices": [
            _choice(index, gathered[index], hide_logprobs=hide_logprobs)
            for index in sorted(gathered)
        ],
    }
    if stated(said):
        whole["usage"] = said
    elif usage is not None:
        whole["usage"] = _usage(usage)
    return _encode(whole)


def _keep(top: Members, chunk: Members) -> None:
    """Keep the members beside the choices: as first stated, or as last, each after its kind."""
    for name, value in chunk.items():
        if name in _OF_CHUNKS_ONLY:
            continue
        known = top.get(name)
        if known is None:
            top[name] = value
        elif name in _AS_FIRST_STATED:
            if bytes(known) in _UNKNOWN:
                top[name] = value
        elif stated(value):
            top[name] = value


def _choice(index: int, gathered: _Gathered, *, hide_logprobs: bool) -> dict[str, Any]:
    told = None if hide_logprobs or not gathered.logprobs else _joined("", gathered.logprobs)
    return {
        **gathered.beside,
        "index": index,
        "message": _message(gathered.said),
        "logprobs": told,
        "finish_reason": gathered.beside.get("finish_reason") or None,
    }


def _message(said: dict[str, list[Any]]) -> dict[str, Any]:
    calls = _calls(chain.from_iterable(said.pop("tool_calls", ())))
    content = _content(said.pop("content", []))
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
    message |= {name: _joined(name, values) for name, values in said.items()}
    if calls:
        message["tool_calls"] = calls
    message["role"] = message["role"] or "assistant"
    message["refusal"] = message["refusal"] or None
    if content == "" and (calls or message["refusal"] or "function_call" in message):
        message["content"] = None
    return message


def _content(values: list[Any]) -> str | list[Any] | None:
    """Text; where an upstream (Mistral) says other parts as well, the list of its parts."""
    if not values:
        return None
    if all(isinstance(value, str) for value in values):
        return "".join(values)
    lists = ([{"type": "text", "text": v}] if isinstance(v, str) else v for v in values if v)
    parts: list[Any] = []
    for kind, group in groupby(chain.from_iterable(lists), lambda part: part.get("type", "text")):
        alike = list(group)
        parts += [_joined("", alike)] if kind in _MERGED_PARTS else alike
    if all(part.get("type", "text") == "text" for part in parts):
        return "".join(part.get("text") or "" for part in parts)
    return parts


def _calls(fragments: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tool calls put together by their index."""
    calls: dict[int, list[dict[str, Any]]] = {}
    for fragment in fragments:
        function: dict[str, Any] = fragment.get("function") or fragment.get("custom") or {}
        place = place_of(fragment.pop("index", None), bool(function.get("name")), calls)
        calls.setdefault(place, []).append(fragment)
    return [_call(calls[place]) for place in sorted(calls)]


def _call(fragments: list[dict[str, Any]]) -> dict[str, Any]:
    call: dict[str, Any] = _joined("", fragments)
    if "custom" in call:
        return {"type": "custom", **call}
    function: dict[str, Any] = {"arguments": "", **(call.get("function") or {})}
    return {"type": "function", **call, "function": function}


def _joined(name: str, values: Sequence[Any], depth: int = _DEPTH) -> Any:
    """The parts of one member, which came in this order, as one value."""
    last = values[-1]
    if name in _ONCE:
        return next((value for value in values if value), last)
    if len(values) == 1 or not depth:
        return last
    if all(isinstance(value, str) for value in values):
        return "".join(values)
    if all(isinstance(value, list) for value in values):
        return list(chain.from_iterable(values))
    if not all(isinstance(value, dict) for value in values):
        return last
    parts: dict[str, list[Any]] = {}
    for value in values:
        for member, part in value.items():
            known = parts.setdefault(member, [])
            if part is not None:
                known.append(part)
    return {m: _joined(m, known, depth - 1) if known else None for m, known in parts.items()}


def _usage(usage: Usage) -> dict[str, Any]:
    """The ledger's usage in OpenAI's words; details are stated where there are any."""
    said: dict[str, Any] = {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
    }
    given = {"cached_tokens": usage.cached_input, "audio_tokens": usage.audio_input}
    made = {"reasoning_tokens": usage.reasoning, "audio_tokens": usage.audio_output}
    if any(given.values()):
        said["prompt_tokens_details"] = given
    if any(made.values()):
        said["completion_tokens_details"] = made
    return said


# ── From a completion to chunks ──────────────────────────────────────────────────────────────

_OF_EVERY_CHUNK = {"id", "created", "model", "system_fingerprint", "service_tier"}
_OF_COMPLETIONS_ONLY = {"object", "choices", "usage"}
_IN_ORDER = ("content", "refusal", "tool_calls", "function_call")


def events_of(
    body: bytes, indices: Iterable[int], *, with_usage: bool, hide_logprobs: bool
) -> bytes:
    """A whole reply's answer as a stream that ends in ``[DONE]``; ``indices`` of its choices."""
    reply = _members(body)
    kind = {"object": Raw(b'"chat.completion.chunk"')}
    head = kind | {name: reply[name] for name in reply if name in _OF_EVERY_CHUNK}
    first = kind | {name: reply[name] for name in reply if name not in _OF_COMPLETIONS_ONLY}
    events: list[bytes] = []
    for index, choice in zip(indices, _listed(reply["choices"]), strict=True):
        for chunk in _chunks(index, choice, hide_logprobs=hide_logprobs):
            events.append(_event({**(head if events else first), "choices": [chunk]}))
    if with_usage and "usage" in reply and stated(reply["usage"]):
        events.append(_event({**head, "choices": [], "usage": reply["usage"]}))
    return b"".join([*events, DONE])


def _chunks(index: int, choice: Members, *, hide_logprobs: bool) -> Iterator[dict[str, Any]]:
    """One choice's chunks: its role, what it says member by member, and why it ended."""
    message = choice.get("message", _NULL)
    logprobs = _NULL if hide_logprobs else choice.get("logprobs", _NULL)
    for delta in _deltas(_members(message) if stated(message) else {}):
        told = _NULL
        if not delta.keys().isdisjoint(_IN_ORDER) and "role" not in delta:
            told, logprobs = logprobs, _NULL
        yield {"index": index, "delta": delta, "logprobs": told, "finish_reason": None}
    beside = {name: choice[name] for name in choice if name not in ("message", "delta")}
    yield {"finish_reason": None, **beside, "index": index, "delta": {}, "logprobs": logprobs}


def _deltas(message: Members) -> Iterator[dict[str, Any]]:
    content = message.get("content", _NULL)
    role = message.get("role", _NULL)
    yield {
        "role": role if stated(role) else "assistant",
        "content": _EMPTY if stated(content) else _NULL,
    }
    unheard_of = {
        name: value
        for name, value in message.items()
        if name not in ("role", *_IN_ORDER) and stated(value)
    }
    if unheard_of:
        yield unheard_of
    for name in _IN_ORDER:
        value = message.get(name, _NULL)
        if bytes(value) not in _NOTHING_SAID:
            yield {name: _indexed(value) if name == "tool_calls" else value}


def _indexed(calls: Raw) -> list[dict[str, Any]]:
    return [
        {"index": place, **{name: value for name, value in call.items() if name != "index"}}
        for place, call in enumerate(_listed(calls))
    ]


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + _encode(chunk) + b"\n\n"
