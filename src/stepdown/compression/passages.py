"""Cuts a text into passages, so that some can be left out: sentences, lines, JSON and tables."""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from stepdown.compression.spans import Span

GAP = "[…]"
"""Stands where passages were left out."""
LEAST = 25
"""Characters; a shorter sentence or line belongs to what follows it (headings, numbers)."""

_BOUNDARY = re.compile(
    r"\n\s*|(?<=[^\s.][^\s.][.!?])\s+(?=[^\sa-z])|(?<=[^\s.][^\s.][.!?][\"')\]”])\s+(?=[^\sa-z])"
    r"|(?<=[。！？])"
)


class Passage(Struct, frozen=True, gc=False):
    """A stretch of a text. ``kept``: something in it has to stay as it is, so all of it stays;
    ``asked``: that is what the user asks."""

    start: int
    end: int
    kept: bool = False
    asked: bool = False
    is_data: bool = False


def passages(value: str, pieces: Sequence[Span]) -> list[Passage]:
    """The passages, in order and without gaps; the space behind one belongs to it."""
    return list(_passages(value, pieces))


def _passages(value: str, pieces: Sequence[Span]) -> Iterator[Passage]:
    start, kept, asked = 0, False, False
    for piece in pieces:
        if piece.kind == "data":
            if start < piece.start:
                yield Passage(start, piece.start, kept, asked)
            yield Passage(piece.start, piece.end, is_data=True)
            start, kept, asked = piece.end, False, False
        elif piece.is_kept:
            kept, asked = True, asked or piece.kind == "request"
        else:
            for found in _BOUNDARY.finditer(value, piece.start, piece.end):
                if found.end() - start >= LEAST:
                    yield Passage(start, found.end(), kept, asked)
                    start, kept, asked = found.end(), False, False
    if start < len(value):
        yield Passage(start, len(value), kept, asked)


def joined(value: str, found: Sequence[Passage], keep: Sequence[bool]) -> str:
    """The passages that are to be kept, in order, each gap marked once."""
    parts: list[str] = []
    gap = ""
    for passage, stays in zip(found, keep, strict=True):
        text = value[passage.start : passage.end]
        if stays:
            parts += [gap, text]
            gap = ""
        else:
            gap = GAP + _space(text)
    return "".join([*parts, gap.rstrip() if value.rstrip() == value else gap])


def _space(text: str) -> str:
    """What ends a gap: a paragraph stays one, or what follows would become part of another."""
    breaks = text[len(text.rstrip()) :].count("\n")
    return "\n\n" if breaks > 1 else "\n" if breaks else " "
