"""A guard's event, and its row in the table ``guard_events``: a change of state is never undone,
only followed by another."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, structs

from stepdown.storage.text import to_text


class GuardEvent(Struct, frozen=True):
    """How the state of what ``key`` names changed.

    ``seq`` counts the key's events from 1: nobody else may have written the same one. ``time`` is
    seconds since 1970. ``epoch`` is the attempt at certification that begins, or goes on, with the
    new state. ``who`` is ``guard``, or the person who set it by hand. ``evidence`` is what the
    change rests on, as JSON has it.
    """

    key: str
    seq: int
    time: float
    route: str
    rule: str
    epoch: int
    from_state: str
    to_state: str
    why: str = ""
    who: str = "guard"
    evidence: Mapping[str, Any] = {}


COLUMNS = GuardEvent.__struct_fields__
KEY = ("key", "seq")

_json = msgspec.json.Encoder(enc_hook=str, order="deterministic")
_evidence = msgspec.json.Decoder(dict[str, Any])


def row_of(event: GuardEvent) -> list[Any]:
    """The values of ``COLUMNS``. Evidence of a type that is not JSON's becomes text."""
    row = structs.asdict(event)
    row["evidence"] = _json.encode(event.evidence).decode()
    return [to_text(value) if isinstance(value, str) else value for value in row.values()]


def event_of(row: Sequence[Any]) -> GuardEvent:
    """The event of a row with the values of ``COLUMNS``."""
    fields = dict(zip(COLUMNS, row, strict=True))
    fields["evidence"] = _evidence.decode(fields["evidence"])
    return GuardEvent(**fields)
