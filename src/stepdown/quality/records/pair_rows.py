"""A pair as a row of the table ``pairs``: its fields in their order, as plain values."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import structs

from stepdown.quality.pairs import Pair
from stepdown.storage.money import from_pico, to_pico
from stepdown.storage.text import to_text

COLUMNS = Pair.__struct_fields__
KEY = ("id", "saver")
"""The primary key: a pair that is there already is not written again."""

_json = msgspec.json.Encoder(enc_hook=str, order="deterministic")
_tags = msgspec.json.Decoder(tuple[str, ...])
_readings = msgspec.json.Decoder(dict[str, Any])


def row_of(pair: Pair) -> list[Any]:
    """The values of ``COLUMNS``; money in picodollars.

    A reading of a type that is not JSON's becomes text, a set a sorted list. Raises whatever
    making that text raises, and UnicodeEncodeError for readings that are not UTF-8.
    """
    row = structs.asdict(pair)
    row["candidate_score"] = _score(pair.candidate_score)
    row["reference_score"] = _score(pair.reference_score)
    row["regret"] = None if pair.regret is None else int(pair.regret)
    row["candidate_cost"] = _pico(pair.candidate_cost)
    row["reference_cost"] = _pico(pair.reference_cost)
    row["judge_cost"] = to_pico(pair.judge_cost)
    row["tags"] = _json.encode([to_text(tag) for tag in pair.tags]).decode()
    row["readings"] = _json.encode(pair.readings).decode()
    return [to_text(value) if isinstance(value, str) else value for value in row.values()]


def pair_of(row: Sequence[Any]) -> Pair:
    """The pair of a row with the values of ``COLUMNS``."""
    fields = dict(zip(COLUMNS, row, strict=True))
    fields["regret"] = None if fields["regret"] is None else bool(fields["regret"])
    fields["candidate_cost"] = _dollars(fields["candidate_cost"])
    fields["reference_cost"] = _dollars(fields["reference_cost"])
    fields["judge_cost"] = from_pico(fields["judge_cost"])
    fields["tags"] = _tags.decode(fields["tags"])
    fields["readings"] = _readings.decode(fields["readings"])
    return Pair(**fields)


def _score(score: float | None) -> float | None:
    """A float proper: a scorer of the user's own may say NumPy's."""
    return None if score is None else float(score)


def _pico(amount: Decimal | None) -> int | None:
    return None if amount is None else to_pico(amount)


def _dollars(amount: int | None) -> Decimal | None:
    return None if amount is None else from_pico(amount)
