"""Opens a data set's file, plain or gzip, and gives its lines within bounds."""

import gzip
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from stepdown.evals.data.faults import BadDataset

MOST_BYTES = 2 * 1024**3
"""Of a file, decompressed."""
LONGEST_LINE = 8_000_000
"""Bytes of one line, of one cell."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NOT_TEXT = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\x1f\x8b": "gzip, whose name should end in .gz",
    b"PAR1": "Parquet, whose name should end in .parquet",
    b"PK\x03\x04": "a zip archive or a spreadsheet",
}
"""How files begin that hold no lines of UTF-8."""


class BadLine(ValueError):
    """A line that cannot be used; those after it can."""


class Lines:
    """The lines of a file, each with its end; ``number`` counts those that were given or refused.

    ``next`` raises BadLine for a line that is too long, which it never holds whole, and BadDataset
    where the file is too large, broken, or no text.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.number = 0
        self._file = file
        self._read = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = self.take(LONGEST_LINE + 1)
        if not line:
            raise StopIteration
        if self.number == 0:
            line = _begun(line)
        self.number += 1
        if len(line) > LONGEST_LINE:
            while not line.endswith(b"\n") and (line := self.take(LONGEST_LINE)):
                pass
            raise BadLine(f"expected at most {LONGEST_LINE:,} bytes, got more")
        return line

    def take(self, most: int) -> bytes:
        """The rest of the line, at most so many bytes of it; empty at the file's end."""
        try:
            part = self._file.readline(most)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BadDataset(f"expected gzip, got: {error}") from error
        self._read += len(part)
        if self._read > MOST_BYTES:
            raise BadDataset(f"expected at most {MOST_BYTES:,} bytes, got more")
        return part

    def whole(self, most: int) -> bytes:
        """All that is left. Raises BadDataset where that is more bytes than ``most``."""
        parts: list[bytes] = []
        size = 0
        while part := self.take(1024 * 1024):
            parts.append(part if parts else _begun(part))
            size += len(part)
            if size > most:
                raise BadDataset(f"expected at most {most:,} bytes in one document, got more")
        return b"".join(parts)


@contextmanager
def opened(path: Path, *, compressed: bool) -> Generator[Lines]:
    """The file's lines. Raises OSError where it cannot be opened or read."""
    with path.open("rb") as raw:
        file = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if compressed else raw
        yield Lines(file)


def _begun(start: bytes) -> bytes:
    """The file's beginning without a byte order mark. Raises BadDataset where it is no text."""
    for magic, name in _NOT_TEXT.items():
        if start.startswith(magic):
            raise BadDataset(f"expected text in UTF-8, got {name}")
    return start.removeprefix(_BYTE_ORDER_MARK)
