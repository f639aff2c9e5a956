"""What a new route decides on a recorded request, from the readings that were recorded."""

from collections.abc import Mapping

from msgspec import Struct

from stepdown.quality.offline.recorded import Recorded, begun, cascaded, readings_of
from stepdown.routing.route import PolicyRoute
from stepdown.routing.rules import DEFAULT
from stepdown.routing.signals.tokens import TokensSignal
from stepdown.types import Decision, Prompt, Reading, Request

ROUTER = "router"
"""The reading that the user's own router leaves."""
CASCADE = "cascade"
"""The decision where a request began at the first rung since its answer would be checked."""
UNREAD = Reading(None, confidence=0.0, saw="not recorded")
"""It makes every comparison borderline."""


class Rerouted(Struct, frozen=True):
    """What became of a request under the new route.

    ``rule`` is the decision's name and ``model`` who answers. ``kept``: what happened is what would
    have happened. ``near``: the new route hangs on a number of tokens that was only estimated.
    """

    rule: str
    model: str
    kept: bool
    near: bool = False


class Undecided(Struct, frozen=True):
    """The decision hangs on signals that were not recorded; ``rules`` name them."""

    signals: tuple[str, ...]
    rules: tuple[str, ...]


class Rerouting:
    """Decides recorded requests anew, each as if it stood alone: conversations keep no rung.

    ``cascades``: the new route checks answers, too. A request whose answer was checked, and that it
    begins on the same rung, is taken to go the same way.
    """

    def __init__(self, route: PolicyRoute, *, cascades: bool = False) -> None:
        self._route = route
        self.cascades = cascades
        self._request = Request("replay", Prompt(route.name, []), {})
        self._tokens = next((s for s in route.signals if isinstance(s, TokensSignal)), None)
        names = [signal.name for signal in route.signals]
        self._needed = names if route.adviser is None else [*names, ROUTER]

    def of(self, record: Recorded) -> Rerouted | Undecided:
        readings = readings_of(record)
        lacking = [name for name in self._needed if name not in readings]
        if lacking:
            complete = {**readings, **dict.fromkeys(lacking, UNREAD)}
            undecided = self._undecided(readings, complete, lacking)
            if undecided is not None:
                return undecided
            readings = complete
        return self._rerouted(record, self._route.decide(self._request, readings), readings)

    def _undecided(
        self,
        readings: Mapping[str, Reading],
        complete: Mapping[str, Reading],
        lacking: list[str],
    ) -> Undecided | None:
        """None where every rule that may match picks the same rung, whatever was not recorded."""
        if ROUTER in lacking:
            return Undecided((ROUTER,), (ROUTER,))
        hanging = tuple(
            rule.name
            for rule in self._route.policy.rules
            if rule.condition.test(complete) is not rule.condition.test(readings)
        )
        if not hanging or not self._route.policy.choose(complete).ambiguous:
            return None
        return Undecided(tuple(lacking), hanging)

    def _rerouted(
        self, record: Recorded, decision: Decision, readings: Mapping[str, Reading]
    ) -> Rerouted:
        then, model = begun(record), decision.model
        checked = cascaded(record)
        if self.cascades and record.decision == CASCADE and decision.name == DEFAULT:
            return Rerouted(CASCADE, record.model, kept=True)
        if model == then and (self.cascades or not checked):
            return Rerouted(decision.name, record.model, kept=True)
        near = decision.ambiguous and self._hangs_on_tokens(readings)
        return Rerouted(decision.name, model, kept=False, near=near)

    def _hangs_on_tokens(self, readings: Mapping[str, Reading]) -> bool:
        reading = readings.get("tokens")
        if self._tokens is None or reading is None or not reading.error:
            return False
        return self._tokens.is_near(reading)
