"""Writes a file that appears whole or not at all."""

from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, body: bytes) -> None:
    """Write a file, in place of one that is there; that one stays where this raises OSError."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(body)
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise
