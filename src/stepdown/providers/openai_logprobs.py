"""Takes log probabilities out of a reply that asked for them only to be checked.

The bytes around them stay as they came. Only where the name ``logprobs`` stands in other places
too (as a token, say) is the reply put together again from its members, each as it came.
"""

import re

from msgspec import Raw, Struct, json

from stepdown.providers.openai_chunks import payload_of


class _Choice(Struct):
    logprobs: Raw = Raw()


class _Reply(Struct):
    choices: list[_Choice] = []


_read = json.Decoder(_Reply).decode
_members = json.Decoder(dict[str, Raw]).decode
_listed = json.Decoder(list[dict[str, Raw]]).decode
_encode = json.encode

_NAME = b'"logprobs"'
_NULL = Raw(b"null")
_COLON = re.compile(rb"\s*:\s*")
_BETWEEN_EVENTS = re.compile(rb"(\n\r?\n)")


def without_logprobs(reply: bytes) -> bytes:
    """A completion or a chunk with every ``choices[].logprobs`` null. Raises DecodeError."""
    if _NAME not in reply:
        return reply
    told = [bytes(choice.logprobs) for choice in _read(reply).choices]
    told = [value for value in told if value]
    first, *rest = reply.split(_NAME)
    kept = [first]
    if len(rest) != len(told):
        return _put_together(reply)
    for value, after in zip(told, rest, strict=True):
        colon = _COLON.match(after)
        if colon is None or not after.startswith(value, colon.end()):
            return _put_together(reply)
        kept.append(colon.group() + b"null" + after[colon.end() + len(value) :])
    return _NAME.join(kept)


def stream_without_logprobs(stream: bytes) -> bytes:
    """The same for every event of a stream; comments and line ends stay. Raises DecodeError."""
    return b"".join(map(_event_without, _BETWEEN_EVENTS.split(stream)))


def _event_without(event: bytes) -> bytes:
    if _NAME not in event:
        return event
    if event.startswith(b"data: {") and b"\n" not in event:
        return b"data: " + without_logprobs(event[6:])
    payload = payload_of(event)
    if not payload.startswith(b"{"):
        return event
    shown = without_logprobs(payload)
    if payload in event:
        return event.replace(payload, shown)
    other = [line for line in event.splitlines() if not line.startswith(b"data:")]
    return b"\n".join([*other, *(b"data: " + line for line in shown.split(b"\n"))])


def _put_together(reply: bytes) -> bytes:
    members = _members(reply)
    choices = [
        {**choice, "logprobs": _NULL} if "logprobs" in choice else choice
        for choice in _listed(members.get("choices", b"[]"))
    ]
    return _encode({**members, "choices": choices})
