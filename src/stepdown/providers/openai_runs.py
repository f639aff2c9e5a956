"""Reads runs of chunks that differ in their text alone, as most of an answer's do.

A chunk that begins and ends as the one before it, with a JSON string in between, says nothing
else: decoding that string is a tenth of decoding the chunk.
"""

from typing import Any

from msgspec import DecodeError, Struct, json

from stepdown.providers.openai_chunks import ChunkChoice

_MARKS = (b'"content":"', b'"content": "')
_OF_A_TEXT = ("content", "role")
_OF_A_CHOICE = {"index", "delta", "logprobs", "finish_reason"}


class _Chunk(Struct):
    choices: list[dict[str, Any]]


_chunk = json.Decoder(_Chunk).decode
_text = json.Decoder(str).decode


class Run:
    """The bytes around the text of one chunk. ``choice`` is the index that it speaks of."""

    __slots__ = ("_after", "_around", "_before", "choice")

    def __init__(self, before: bytes, after: bytes, choice: int) -> None:
        self._before = before
        self._after = after
        self._around = len(before) + len(after)
        self.choice = choice

    def text_of(self, payload: bytes) -> str | None:
        """The text of a chunk that goes on with the run; None of any other."""
        if not (payload.startswith(self._before) and payload.endswith(self._after)):
            return None
        if len(payload) < self._around + 2:
            return None
        try:
            return _text(payload[len(self._before) : len(payload) - len(self._after)])
        except DecodeError:
            return None


def run_from(payload: bytes, choices: list[ChunkChoice]) -> Run | None:
    """The run that a chunk may begin: it has one choice, and that says text and nothing else."""
    if len(choices) != 1 or choices[0].finish_reason or choices[0].logprobs is not None:
        return None
    said = choices[0].delta
    if said is None or not isinstance(said.content, str) or not _says_text_only(payload):
        return None
    for mark in _MARKS:
        if payload.count(mark) == 1:
            begin = payload.find(mark) + len(mark)
            end = payload.find(b'"', begin)
            if b"\\" in payload[begin:end]:
                return None
            return Run(payload[: begin - 1], payload[end + 1 :], choices[0].index or 0)
    return None


def _says_text_only(payload: bytes) -> bool:
    """Whether nothing in the chunk would have to be joined to what other chunks say."""
    [choice] = _chunk(payload).choices
    if not choice.keys() <= _OF_A_CHOICE:
        return False
    delta: dict[str, Any] = choice.get("delta") or {}
    return all(name in _OF_A_TEXT or value is None for name, value in delta.items())
