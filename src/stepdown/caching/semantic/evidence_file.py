"""Keeps what the bounds have learned over a restart: one JSON file, replaced whole.

It holds features of pairs and counts, and no text. Evidence hangs on the terms, the verifier and
the embedder that it was gathered under: under others it is not taken up again.
"""

import logging
import os
import threading
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

import msgspec
from msgspec import Struct

from stepdown.caching.semantic.bound import QUANTILES, BoundTerms, State
from stepdown.caching.semantic.verifier import Verifier

log = logging.getLogger("stepdown.caching")

MOST_BYTES = 64_000_000
VERSION = 1
"""Of what a row holds (``cache.row_of``)."""


class Kept(Struct, frozen=True):
    """A route's state, and what it was gathered under."""

    under: str
    state: State


class EvidenceFile:
    """Reads and writes the file; both may block."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writing = threading.Lock()

    def load(self) -> dict[str, Kept]:
        """By route; nothing where there is no file, or none that can be read (which is logged)."""
        try:
            if self.path.stat().st_size > MOST_BYTES:
                log.warning("%s is too large, and not read.", self.path)
                return {}
            return msgspec.json.decode(self.path.read_bytes(), type=dict[str, Kept])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.warning("%s cannot be read; evidence begins anew: %s", self.path, error)
            return {}

    def save(self, data: bytes) -> None:
        """Whole, whichever thread or process writes at the same time. Raises OSError."""
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._writing:
            with beside.open("wb") as opened:
                opened.write(data)
                opened.flush()
                os.fsync(opened.fileno())
            beside.replace(self.path)


def encoded(kept: Mapping[str, Kept]) -> bytes:
    return msgspec.json.encode(dict(kept))


def gathered_under(terms: BoundTerms, floor: float, verifier: Verifier, embedder: str) -> str:
    """A fingerprint of all that scores, levels and evidence hang on."""
    parts = [VERSION, terms, floor, verifier, embedder, QUANTILES]
    return blake2b(msgspec.json.encode(parts), digest_size=16).hexdigest()
