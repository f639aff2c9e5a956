"""A prompt while it is being shortened: its texts by place, their tokens, and what was changed."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import msgspec
from msgspec import Raw, Struct, structs

from stepdown.compression.counting import Count
from stepdown.compression.documents import pieces
from stepdown.compression.spans import Span, overlaid
from stepdown.types import Message, Part, Request

MOST_QUESTION = 2000
"""Characters of the question that are looked at: its end."""

_messages = msgspec.json.Decoder(list[Raw]).decode
_members = msgspec.json.Decoder(dict[str, Raw]).decode
_parts = msgspec.json.Decoder(list[dict[str, Raw]]).decode
_encode = msgspec.json.encode


class Form(Struct, frozen=True):
    """A message as it is sent: what the gateway reads of it, its JSON, and the tokens that each
    technique removed."""

    message: Message
    raw: Raw
    removed: Mapping[str, int] = {}


class Text:
    """One text of one message: all of its content, or one part of it.

    ``role`` is the message's, ``turn`` counts user turns from the end (0 is the last).
    """

    def __init__(self, message: int, part: int | None, role: str, turn: int, value: str) -> None:
        self.message = message
        self.part = part
        self.role = role
        self.turn = turn
        self.value = value
        self.removed: Counter[str] = Counter()
        self._pieces: list[Span] | None = None
        self._kept: list[str] | None = None
        self._tables: tuple[str, ...] = ()
        self._tokens: int | None = None

    @property
    def pieces(self) -> list[Span]:
        """What in it may be changed, and what not."""
        if self._pieces is None:
            found = pieces(self.value, self.role)
            self._pieces = overlaid(found, self._places()) if self._tables else found
        return self._pieces

    def is_kept_in(self, value: str) -> bool:
        """Whether a value has, in order, every stretch of the text as it came that is to stay."""
        if self._kept is None:  # it is asked before every change, so this is as it came
            self._kept = [self.value[each.start : each.end] for each in self.pieces if each.is_kept]
        at = 0
        for stretch in self._kept:
            at = value.find(stretch, at)
            if at < 0:
                return False
            at += len(stretch)
        return True

    def wrote(self, tables: Sequence[str]) -> None:
        """Note tables that were written into the text, in order: no other technique cuts them."""
        self._tables, self._pieces = tuple(tables), None

    def _places(self) -> list[Span]:
        found: list[Span] = []
        at = 0
        for table in self._tables:
            start = self.value.find(table, at)
            if start >= 0:
                at = start + len(table)
                found.append(Span("data", start, at))
        return found

    def tokens(self, count: Count) -> int:
        if self._tokens is None:
            self._tokens = count(self.value)
        return self._tokens

    def set(self, value: str, tokens: int) -> None:
        self.value, self._tokens, self._pieces = value, tokens, None


class Draft:
    """A request's texts that may be changed, in order.

    ``forms`` are messages that are sent as they were sent before, by index. ``first`` is the first
    message that may be changed. ``tokens`` is the whole prompt's size now, ``target`` what it is to
    be. Every change goes through ``change``, and is put down to ``technique``.
    """

    def __init__(
        self,
        request: Request,
        count: Count,
        tokens: int,
        *,
        first: int = 0,
        forms: Mapping[int, Form] | None = None,
        target: int | None = None,
    ) -> None:
        self.request = request
        self.count = count
        self.tokens = tokens
        self.target = target
        self.first = first
        self.forms = forms or {}
        self.messages = [
            self.forms[index].message if index in self.forms else message
            for index, message in enumerate(request.prompt.messages)
        ]
        self.technique = ""
        self.texts = _texts(self.messages, first)

    @property
    def excess(self) -> int:
        """Tokens that are still to go; 0 where the target is met, or there is none."""
        return 0 if self.target is None else max(0, self.tokens - self.target)

    @cached_property
    def question(self) -> str:
        """What the last user turn asks, without the documents in it."""
        asked: list[str] = []
        for index in range(len(self.messages) - 1, -1, -1):
            message = self.messages[index]
            if message.role == "user":
                asked = [_asked(value) for value in _values(message)]
                break
        return "\n".join(asked)[-MOST_QUESTION:]

    def change(self, text: Text, value: str) -> int:
        """Put a value in a text's place if it is fewer tokens, and has all that was to be kept of
        the text as it came; returns how many fewer."""
        if value == text.value:
            return 0
        tokens = self.count(value)
        removed = text.tokens(self.count) - tokens
        if removed <= 0 or not text.is_kept_in(value):
            return 0
        text.set(value, tokens)
        text.removed[self.technique] += removed
        self.tokens -= removed
        return removed

    def made(self) -> dict[int, Form]:
        """Every message that is not sent as it came, by index."""
        changed: dict[int, list[Text]] = {}
        for text in self.texts:
            if text.removed:
                changed.setdefault(text.message, []).append(text)
        made = dict(self.forms)
        if changed:
            raws = _messages(self.request.fields["messages"])
            for index, texts in changed.items():
                made[index] = _rewritten(self.messages[index], raws[index], texts)
        return made


def rewritten(request: Request, forms: Mapping[int, Form]) -> Request:
    """The request with these messages in their places; all else stays, byte for byte."""
    raws = _messages(request.fields["messages"])
    messages = list(request.prompt.messages)
    for index, form in forms.items():
        raws[index], messages[index] = form.raw, form.message
    fields = {**request.fields, "messages": Raw(b"[" + b",".join(map(bytes, raws)) + b"]")}
    size = request.size + len(fields["messages"]) - len(request.fields["messages"])
    prompt = structs.replace(request.prompt, messages=messages)
    return structs.replace(request, prompt=prompt, fields=fields, size=size)


def _rewritten(message: Message, raw: Raw, texts: Sequence[Text]) -> Form:
    members = _members(raw)
    if isinstance(message.content, list):
        parts, shown = _parts(members["content"]), list(message.content)
        for text in texts:
            assert text.part is not None
            parts[text.part]["text"] = Raw(_encode(text.value))
            shown[text.part] = structs.replace(shown[text.part], text=text.value)
        content: str | list[Part] = shown
        members["content"] = Raw(_encode(parts))
    else:
        content = texts[0].value
        members["content"] = Raw(_encode(content))
    removed = sum((text.removed for text in texts), Counter[str]())
    return Form(structs.replace(message, content=content), Raw(_encode(members)), removed)


# ── Which texts ──────────────────────────────────────────────────────────────────────────────


def _texts(messages: Sequence[Message], first: int) -> list[Text]:
    """What users and tools said, and what the model answered; never a system prompt."""
    found: list[Text] = []
    turn = 0
    for index in range(len(messages) - 1, first - 1, -1):
        message = messages[index]
        if message.role in ("user", "assistant", "tool"):
            found += reversed(_of_message(index, message, turn))
        turn += message.role == "user"
    found.reverse()
    return found


def _of_message(index: int, message: Message, turn: int) -> list[Text]:
    content, role = message.content, message.role
    if isinstance(content, str):
        return [Text(index, None, role, turn, content)] if content else []
    return [
        Text(index, place, role, turn, part.text)
        for place, part in enumerate(content or ())
        if part.text and part.type == "text"
    ]


def _values(message: Message) -> list[str]:
    return [text.value for text in _of_message(0, message, 0)]


def _asked(value: str) -> str:
    return " ".join(
        value[span.start : span.end] for span in pieces(value, "user") if span.kind == "request"
    )


Change = Callable[[str, Span], str]


def mapped(text: Text, change: Change, kinds: Sequence[str]) -> str:
    """A text with its stretches of these kinds changed, each by itself."""
    value = text.value
    return "".join(
        change(value, span) if span.kind in kinds else value[span.start : span.end]
        for span in text.pieces
    )
