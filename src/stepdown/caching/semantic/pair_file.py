"""Reads labelled pairs of questions from a file, and writes the verifier that was made of them."""

import gzip
import zlib
from pathlib import Path
from typing import IO, cast

import msgspec

from stepdown.caching.semantic.generate import LabelledPair
from stepdown.caching.semantic.verifier import Verifier

MOST_PAIRS = 500_000
LONGEST_LINE = 100_000
LONGEST_TEXT = 4_000
"""Characters of a text that are read."""


class BadPair(ValueError):
    """A line that is no labelled pair."""


def read_pairs(path: Path) -> list[LabelledPair]:
    """One JSON object a line, with ``a``, ``b`` and ``label`` (0 or 1); others are passed over.

    Raises BadPair, which names the line, and OSError.
    """
    decode = msgspec.json.Decoder(LabelledPair).decode
    pairs: list[LabelledPair] = []
    with _opened(path) as lines:
        number = 0
        while line := _next_line(lines, number + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise BadPair(f"line {number}: longer than {LONGEST_LINE:,} bytes")
            if not line.strip():
                continue
            if len(pairs) == MOST_PAIRS:
                raise BadPair(f"line {number}: more than {MOST_PAIRS:,} pairs")
            try:
                pair = decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise BadPair(f"line {number}: {error}") from error
            if pair.label not in (0, 1):
                raise BadPair(f"line {number}: label: expected 0 or 1, got {pair.label}")
            pairs.append(LabelledPair(pair.a[:LONGEST_TEXT], pair.b[:LONGEST_TEXT], pair.label))
    return pairs


def write_verifier(verifier: Verifier, path: Path) -> None:
    """Raises OSError."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(verifier), indent=1) + b"\n")


def _next_line(lines: IO[bytes], number: int) -> bytes:
    try:
        return lines.readline(LONGEST_LINE + 1)
    except (EOFError, zlib.error) as error:
        raise BadPair(f"line {number}: cannot be unpacked: {error}") from error


def _opened(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")
