"""A hash of who answered and who scored: two evaluations that differ in it measure other things."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

DIGITS = 12


def setup_of(
    judge: tuple[str, Mapping[str, Any]] | None, scorers: Sequence[Any], models: Mapping[str, str]
) -> str:
    """Twelve hexadecimal digits that change with the judge (its name and options), with the set's
    scorers and their order, and with what stands behind the models asked (by name)."""
    told = msgspec.json.encode((judge, scorers, models), order="deterministic")
    return sha256(told).hexdigest()[:DIGITS]
