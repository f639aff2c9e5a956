"""What a simulated upstream does, as the configuration states it, and what can be wrong there."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, ValidationError, convert
from msgspec.structs import fields

from stepdown.errors import ConfigError
from stepdown.names import nearest

Span = float | tuple[float, float]
"""A number, or the bounds of an even distribution."""


class SimulatedOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """How long answers take, how long they are, and how often they go wrong.

    ``latency``: seconds until a reply's head is in. ``first_byte``: further seconds until the
    first bytes of a stream. ``tokens_per_second``: the pace of the output, None is at once;
    ``chunk_tokens``: tokens in each event of a stream. ``output_tokens`` of an answer, as far as
    the client allows. ``rate_limit``: requests a minute, above which 429 with Retry-After.
    The rates are probabilities, of which one at most comes true for a call: ``error_rate`` (the
    answer is ``error_status``), ``malformed_rate`` (JSON cut short), ``cut_rate`` (the connection
    breaks in the middle of the answer), ``hang_rate`` (no answer, ever).
    With the same ``seed``, the same calls get the same answers and faults. ``topics`` are texts: of
    requests whose last user turn holds one, those of the same topic (the first that is found) get
    the same answer, whatever else they say and whichever model they ask.
    """

    latency: Span = 0.0
    first_byte: Span = 0.0
    tokens_per_second: float | None = None
    chunk_tokens: int = 1
    output_tokens: int | tuple[int, int] = 24
    error_rate: float = 0.0
    error_status: int = 500
    rate_limit: int | None = None
    cut_rate: float = 0.0
    malformed_rate: float = 0.0
    hang_rate: float = 0.0
    seed: int = 0
    topics: tuple[str, ...] = ()


RATES = ("hang_rate", "error_rate", "malformed_rate", "cut_rate")


def read_options(given: Mapping[str, object], path: str = "simulated") -> SimulatedOptions:
    """Check the options. Raises ConfigError with a line for each thing wrong."""
    known = [field.name for field in fields(SimulatedOptions)]
    problems = [
        f"{path}.{name}: expected one of {', '.join(known)}.{nearest(name, known)}"
        for name in given
        if name not in known
    ]
    types = {field.name: field.type for field in fields(SimulatedOptions)}
    for name, value in given.items():
        if name in types:
            problems += _wrong(f"{path}.{name}", name, value, types[name])
    if not problems:
        options = convert(dict(given), SimulatedOptions)
        rates = sum(getattr(options, rate) for rate in RATES)
        if rates <= 1:
            return options
        problems = [f"{path}: expected rates with a sum of at most 1, got {rates:g}."]
    raise ConfigError(problems)


def _wrong(path: str, name: str, value: Any, kind: Any) -> list[str]:
    try:
        converted: Any = convert(value, kind)
    except ValidationError:
        return [f"{path}: expected {_EXPECTED[name]}, got {value!r}."]
    if converted is None or name == "topics":
        return []
    least, most = _BOUNDS.get(name, (0.0, float("inf")))
    low, high = converted if isinstance(value, list | tuple) else (converted, converted)
    if least <= low <= high <= most:
        return []
    return [f"{path}: expected {_EXPECTED[name]}, got {value!r}."]


_SECONDS = "seconds, or [least, most] seconds"
_RATE = "a probability between 0 and 1"
_COUNT = "a whole number above 0"
_EXPECTED = {
    "latency": _SECONDS,
    "first_byte": _SECONDS,
    "tokens_per_second": "a number above 0",
    "chunk_tokens": _COUNT,
    "output_tokens": f"{_COUNT}, or [least, most] of them",
    "error_rate": _RATE,
    "error_status": "an HTTP status between 400 and 599",
    "rate_limit": f"{_COUNT} of requests a minute",
    "cut_rate": _RATE,
    "malformed_rate": _RATE,
    "hang_rate": _RATE,
    "seed": "a whole number",
    "topics": "a list of texts",
}
_BOUNDS = {
    "tokens_per_second": (1e-9, float("inf")),
    "chunk_tokens": (1, float("inf")),
    "output_tokens": (1, float("inf")),
    "error_status": (400, 599),
    "rate_limit": (1, float("inf")),
    "seed": (float("-inf"), float("inf")),
    **dict.fromkeys(RATES, (0.0, 1.0)),
}
