"""A recorded request, as the ledger keeps it, and its readings as rules see them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Protocol

from msgspec import json, structs

from stepdown.routing.shapes import is_list
from stepdown.routing.signals.tags import NO_INTENT, normal_intent
from stepdown.types import Attempt, Reading, Usage

_tags = json.Decoder(tuple[str, ...]).decode


class Recorded(Protocol):
    """What is read of a request; ``ledger.detail.Detail`` says what each means."""

    @property
    def id(self) -> str: ...

    @property
    def time(self) -> float: ...

    @property
    def route(self) -> str: ...

    @property
    def decision(self) -> str: ...

    @property
    def rung(self) -> int: ...

    @property
    def model(self) -> str: ...

    @property
    def outcome(self) -> str: ...

    @property
    def usage(self) -> Usage | None: ...

    @property
    def cost(self) -> Decimal | None: ...

    @property
    def reference_cost(self) -> Decimal | None: ...

    @property
    def batch_discount(self) -> Decimal: ...

    @property
    def attempts(self) -> Sequence[Attempt]: ...

    @property
    def readings(self) -> Mapping[str, Reading]: ...

    @property
    def tenant(self) -> str: ...

    @property
    def intent(self) -> str | None: ...

    @property
    def tags(self) -> str: ...


def readings_of(record: Recorded) -> dict[str, Reading]:
    """The readings as they were measured: storage turns sets into lists.

    Intent and key are recorded of every request, whether or not a rule named them.
    """
    readings = {name: _restored(name, each) for name, each in record.readings.items()}
    if "intent" not in readings:
        intent = record.intent
        readings["intent"] = Reading(normal_intent(intent)) if intent else NO_INTENT
    if "key" not in readings:
        readings["key"] = Reading(record.tenant or None)
    return readings


def _restored(name: str, reading: Reading) -> Reading:
    """Only metadata has lists of its own."""
    if is_list(reading.value) and not name.startswith("metadata."):
        return structs.replace(reading, value=frozenset(map(str, reading.value)))
    return reading


def tags_of(record: Recorded) -> tuple[str, ...]:
    return _tags(record.tags) if record.tags else ()


def cascaded(record: Recorded) -> bool:
    """Whether answers were checked, and a rejected one made the request climb."""
    return any(attempt.rung is not None for attempt in record.attempts)


def begun(record: Recorded) -> str:
    """The model that the decision picked, whoever served in the end."""
    for attempt in record.attempts:
        if attempt.role == "answer" and attempt.rung in (None, record.rung):
            return attempt.model
    return record.model


def served_usage(record: Recorded) -> Usage | None:
    """The tokens of the served answer alone."""
    return record.attempts[-1].usage if record.attempts else record.usage


def shuffled_by(name: str, purpose: str) -> bytes:
    """A hash to sort or to split by. It has nothing to do with what is in the request, and, by its
    purpose, nothing with whether the request was sampled."""
    return sha256(f"{purpose}:{name}".encode("utf-8", "surrogatepass")).digest()
