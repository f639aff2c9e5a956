"""Reads spans of time as people write them: 90s, 30m, 24h, 7d."""

import re
from typing import Any

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_SPAN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([a-z]*)", re.IGNORECASE | re.ASCII)
_MOST = 1e15
"""Seconds of a number: no text says more, and what is not finite is no span."""


def seconds_of(given: Any) -> float | None:
    """Seconds: of a number as it is, of a text by its unit (without one: seconds); None for
    everything else."""
    if isinstance(given, bool):
        return None
    if isinstance(given, int | float):
        return float(given) if -_MOST <= given <= _MOST else None
    found = _SPAN.fullmatch(given.strip()) if isinstance(given, str) else None
    unit = None if found is None else UNITS.get((found[2] or "s").lower())
    return None if found is None or unit is None else float(found[1]) * unit
