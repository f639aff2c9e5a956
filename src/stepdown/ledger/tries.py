"""What the calls of cascades cost: sums per minute, by route, rung, model, role and verdict."""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import astuple

from stepdown.ledger.detail import ZERO
from stepdown.ledger.minutes import HOUR, MINUTE, Minutes
from stepdown.storage.money import to_pico
from stepdown.types import Attempt, Journey

ABANDONED = "cancelled"
"""The verdict on an answer whose client went away before there was one."""
FAILED = "error"
"""The verdict on an answer that did not come."""

Key = tuple[int, str, str, int, str, str, str]
"""The values of ``TRIES_KEY``.

``verdict`` is the answer's: ``accepted``, the name of what turned it down, ``error`` where the
call failed, ``cancelled`` where the client went away first. A grader's call has the verdict of
the answer that it graded, so that its cost counts with that answer's.
"""


class Sums(Struct):
    """What one key adds up, in the order of ``TRIES_SUMS``. Money in US dollars.

    ``early`` counts the answers that were dropped before their end, ``estimated`` the calls whose
    usage the gateway had to estimate. ``unpriced`` counts the calls that used tokens of an
    unknown price, and served answers of an unknown reference cost: ``cost`` has what is known of
    them, ``reference_cost`` and ``saved`` have nothing. Only a served answer has a reference cost,
    its request's; ``saved`` is that less the cost, for any other call the cost alone, negative.
    """

    tries: int = 0
    early: int = 0
    estimated: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    early_output_tokens: int = 0
    milliseconds: int = 0
    early_milliseconds: int = 0
    cost: Decimal = ZERO
    reference_cost: Decimal = ZERO
    saved: Decimal = ZERO

    def add(self, other: "Sums") -> None:
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def priced_cost(self) -> Decimal:
        """The cost of the calls that are not ``unpriced``."""
        return self.reference_cost - self.saved


class Tries(Minutes[Key, Sums]):
    """The sums of cascades' calls since the last ``take``."""

    def add(self, journey: Journey) -> None:
        """Count every call of a request that went through a cascade."""
        bucket = int(journey.time) // MINUTE * MINUTE
        decision = "" if journey.decision is None else journey.decision.name
        verdicts = {
            attempt.rung: _verdict(attempt)
            for attempt in journey.attempts
            if attempt.role == "answer"
        }
        for attempt in journey.attempts:
            rung = attempt.rung
            if rung is None:
                continue
            graded = attempt.role != "answer"
            verdict = verdicts.get(rung, ABANDONED) if graded else _verdict(attempt)
            key = bucket, journey.route or "", decision, rung, attempt.model, attempt.role, verdict
            sums = self._sums.get(key)
            if sums is None:
                sums = self._sums[key] = Sums()
            reference = journey.reference_cost if attempt is journey.served else ZERO
            _count(sums, attempt, reference)

    def _coarse(self, key: Key) -> Key:
        return (key[0] // HOUR * HOUR, *key[1:])


def _verdict(attempt: Attempt) -> str:
    if attempt.verdict is not None:
        return attempt.verdict
    return ABANDONED if attempt.error in (None, "cancelled") else FAILED


def _count(sums: Sums, attempt: Attempt, reference: Decimal | None) -> None:
    took = 0
    if attempt.ended is not None:
        took = round((attempt.ended - attempt.started) * 1000)
    sums.tries += 1
    sums.estimated += attempt.estimated
    sums.milliseconds += took
    if attempt.early:
        sums.early += 1
        sums.early_milliseconds += took
    usage, cost = attempt.usage, attempt.cost
    if usage is None:
        return
    sums.input_tokens += usage.input
    sums.output_tokens += usage.output
    if attempt.early:
        sums.early_output_tokens += usage.output
    if cost is not None:
        sums.cost += cost
    if cost is None or reference is None:
        sums.unpriced += 1
    else:
        sums.reference_cost += reference
        sums.saved += reference - cost


def rows(taken: dict[Key, Sums]) -> list[tuple[object, ...]]:
    """The rows to write, in the keys' order: each key's values, then its sums, in picodollars."""
    return [
        (
            *key,
            *astuple(sums)[:-3],
            to_pico(sums.cost),
            to_pico(sums.reference_cost),
            to_pico(sums.saved),
        )
        for key, sums in sorted(taken.items())
    ]
