"""Reads what OpenAI-dialect upstreams say of an answer, chunk by chunk or as a whole.

The structs name the members that checks look at; everything else is skipped unread here and kept
as bytes by whoever asks.

Source: platform.openai.com/docs/api-reference/chat/streaming, /chat/object.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

from msgspec import DecodeError, Struct, json

from stepdown.errors import UpstreamMalformed
from stepdown.types import Choice, Piece, Token, ToolCall

T = TypeVar("T")

# ── The members that are read ────────────────────────────────────────────────────────────────


class Part(Struct, gc=False):
    """A part of content given as a list; only text is read."""

    type: str = "text"
    text: str | None = None


class Function(Struct, gc=False):
    """A function's call, or a custom tool's, whose ``input`` is free text."""

    name: str | None = None
    arguments: str | None = None
    input: str | None = None


class Call(Struct, gc=False):
    index: int | None = None
    function: Function | None = None
    custom: Function | None = None


class Said(Struct, gc=False):
    """A chunk's ``delta``, or a whole reply's ``message``."""

    content: str | list[Part] | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None
    function_call: Function | None = None


class Alternative(Struct, gc=False):
    token: str
    logprob: float | None = None


class Told(Struct, gc=False):
    """A token with its log probability; llama.cpp writes null for that of an impossible one."""

    token: str
    logprob: float | None = None
    top_logprobs: list[Alternative] | None = None


class Logprobs(Struct, gc=False):
    content: list[Told] | None = None


class ChunkChoice(Struct, gc=False):
    """Some upstreams (Together) give a bare number as ``logprobs``: that tells no tokens."""

    index: int | None = None
    delta: Said | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | float | None = None


class WholeChoice(Struct, gc=False):
    index: int | None = None
    message: Said | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | float | None = None


class Chunk(Struct, gc=False):
    choices: list[ChunkChoice] | None = None


class Whole(Struct, gc=False):
    choices: list[WholeChoice] | None = None


read_chunk = json.Decoder(Chunk).decode
read_whole = json.Decoder(Whole).decode

UNLIKELY = -9999.0
"""OpenAI's log probability for a token that is too unlikely to have one."""

UNREADABLE = (DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises, bytes that are no UTF-8 and too deep a nesting included."""


def malformed(error: Exception) -> UpstreamMalformed:
    return UpstreamMalformed(f"The upstream's reply cannot be read: {error}.")


# ── Events ───────────────────────────────────────────────────────────────────────────────────

_ENDS = (b"\ndata: [DONE]", b"\ndata:[DONE]")


def before_done(data: bytes) -> bytes | None:
    """What comes before the event that ends a stream, or None where it is not among the data."""
    if b"[DONE]" not in data:
        return None
    lines = b"\n" + data
    places = [at for at in map(lines.find, _ENDS) if at >= 0]
    return data[: min(places)] if places else None


def payloads(data: bytes) -> Iterator[bytes]:
    """The JSON of each event; comments and events without data are left out."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    for event in data.split(b"\n\n"):
        if event.startswith(b"data: {") and b"\n" not in event:
            yield event[6:]
        elif event:
            payload = payload_of(event)
            if payload:
                yield payload


def payload_of(event: bytes) -> bytes:
    """The data of one event, its several lines joined."""
    lines = event.splitlines()
    return b"\n".join(line[5:] for line in lines if line.startswith(b"data:")).strip()


# ── Pieces ───────────────────────────────────────────────────────────────────────────────────


class Growing:
    """One choice as far as it has come."""

    __slots__ = ("calls", "finish_reason", "refusal", "text", "tokens")

    def __init__(self) -> None:
        self.text: list[str] = []
        self.refusal: list[str] = []
        self.tokens: list[Token] = []
        self.calls: dict[int, tuple[str, list[str]]] = {}
        self.finish_reason: str | None = None

    def add(
        self, index: int, said: Said | None, logprobs: Logprobs | float | None, end: str | None
    ) -> Piece | None:
        """What a chunk adds, or None where it is nothing that checks look at."""
        text = refusal = ""
        tokens: tuple[Token, ...] = ()
        calls: tuple[tuple[int, ToolCall], ...] = ()
        if said is not None:
            content = said.content
            if content:
                text = content if isinstance(content, str) else text_of(content)
                self.text.append(text)
            if said.refusal:
                refusal = said.refusal
                self.refusal.append(refusal)
            if said.tool_calls or said.function_call:
                calls = self._call(said)
        if isinstance(logprobs, Logprobs) and logprobs.content:
            tokens = tuple(map(_token, logprobs.content))
            self.tokens += tokens
        if end:
            self.finish_reason = end
        elif not (text or refusal or calls or tokens):
            return None
        return Piece(text, refusal, tokens, calls, end or None, index)

    def _call(self, said: Said) -> tuple[tuple[int, ToolCall], ...]:
        """The fragments of tool calls; the legacy function call counts as the first of them."""
        fragments = said.tool_calls or [Call(0, said.function_call)]
        return tuple(self._fragment(fragment) for fragment in fragments)

    def _fragment(self, call: Call) -> tuple[int, ToolCall]:
        function = call.function or call.custom or _NOTHING
        place = place_of(call.index, bool(function.name), self.calls)
        arguments = function.arguments or function.input or ""
        known = self.calls.get(place)
        if known is None:
            self.calls[place] = (function.name or "", [arguments])
            return place, ToolCall(function.name or "", arguments)
        known[1].append(arguments)
        if known[0] or not function.name:
            return place, ToolCall("", arguments)  # some upstreams say the name in every chunk
        self.calls[place] = (function.name, known[1])
        return place, ToolCall(function.name, arguments)

    @property
    def choice(self) -> Choice:
        calls = (self.calls[place] for place in sorted(self.calls))
        return Choice(
            "".join(self.text),
            "".join(self.refusal) or None,
            tuple(ToolCall(name, "".join(arguments)) for name, arguments in calls),
            self.finish_reason,
            tuple(self.tokens) or None,
        )


_NOTHING = Function()


def text_of(content: list[Part]) -> str:
    return "".join(part.text for part in content if part.type == "text" and part.text)


def place_of(index: int | None, named: bool, calls: dict[int, T]) -> int:
    """Which tool call a fragment belongs to: where it does not say, a name begins the next one."""
    if index is not None:
        return index
    last = next(reversed(calls), -1)
    return last + 1 if named or last < 0 else last


def _token(told: Told) -> Token:
    best: float | None = None
    for other in told.top_logprobs or ():
        logprob = _logprob(other.logprob)
        if other.token != told.token and (best is None or logprob > best):
            best = logprob
    return Token(told.token, _logprob(told.logprob), best)


def _logprob(stated: float | None) -> float:
    return UNLIKELY if stated is None else stated


def places_of(choices: list[T], stated: Callable[[T], int | None]) -> list[int]:
    """The indices that a whole reply's choices state, or their places where these will not do."""
    indices = [stated(choice) for choice in choices]
    told = [index for index in indices if index is not None]
    return told if len(set(told)) == len(choices) else list(range(len(choices)))
