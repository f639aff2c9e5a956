"""Says which of a route's requests are answered later, as part of a batch: ``defer`` of a route."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from stepdown.names import nearest
from stepdown.routing.conditions import Condition, compile_condition
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_mapping
from stepdown.routing.signals import SignalSet
from stepdown.spans import seconds_of
from stepdown.types import Reading

KEYS = ("when", "within")


class Deferral(Struct, frozen=True):
    """Requests of which the condition surely holds are answered within so many seconds."""

    condition: Condition
    within: float

    def applies(self, readings: Mapping[str, Reading]) -> bool:
        """Whether the client of a request with these readings is to ask again later. In doubt it
        is answered at once."""
        return self.condition.test(readings) is True


def read_deferral(given: Any, path: str, signals: SignalSet, problems: Problems) -> Deferral | None:
    """``{when: CONDITION, within: 24h}``, or nothing. What is wrong goes to ``problems``."""
    if given is None or given is False:
        return None
    if not is_mapping(given):
        problems.expected(path, "{when: a condition, within: a span such as 24h}", given)
        return None
    for key in given:
        if key not in KEYS:
            problems.add(f"{path}.{key}", f"there is no such key.{nearest(str(key), KEYS)}")
    condition = compile_condition(given.get("when"), f"{path}.when", signals, problems)
    within = seconds_of(given.get("within"))
    if within is None or within <= 0:
        problems.expected(f"{path}.within", "a span such as 30m, 24h or 7d", given.get("within"))
        return None
    return Deferral(condition, within)
