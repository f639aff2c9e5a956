"""Sets the state of a guarded rule by hand: one more event, for every gateway to read."""

from collections.abc import Sequence

from stepdown.names import known_names
from stepdown.quality.guard.assessor import Events, standing_of
from stepdown.quality.guard.recorded import recorded, standing_after
from stepdown.quality.guard.states import Standing
from stepdown.quality.guard.transitions import set_state
from stepdown.quality.guard.wards import Ward
from stepdown.quality.knowledge.positions import newest
from stepdown.quality.records.events import GuardEvent
from stepdown.quality.records.guard_store import GuardStore

TRIES = 2

_Place = tuple[str, str, Standing]
"""A route, its rule, and where that stands."""


class Unknown(ValueError):
    """No such rule is guarded, or more than one; says what there is."""


class Conflict(Exception):
    """Others changed the rule's state each time."""


def by_hand(
    store: GuardStore,
    wards: Sequence[Ward] | None,
    rule: str,
    state: str,
    why: str,
    who: str,
    at: float,
    *,
    route: str | None = None,
) -> GuardEvent:
    """Write that the rule is in ``state`` from now on, ``at`` in seconds since 1970.

    The rule is one of the wards or, where they are None, the one of its name whose state changed
    last. Where somebody else changes it at the same moment, it is tried once more from there.
    Raises Unknown, Conflict, ValueError where the state cannot be set, and DatabaseUnavailable.
    """
    for _ in range(TRIES):
        events = store.standings()
        name, standing = _one(rule, route, _places(wards, events))
        try:
            transition = set_state(standing, state, why, who, at)
        except ValueError as error:
            # People know it by its name.
            raise ValueError(str(error).replace(standing.key, f"the rule {rule!r}")) from error
        latest = events.get(standing.key)
        seq = 1 if latest is None else latest.seq + 1
        event = recorded(transition, seq, at, name, rule)
        if store.append_event(event):
            return event
    raise Conflict(
        f"The rule {rule!r} was changed by others at the same moment, twice; nothing was written. "
        f"See what it is now: stepdown guard show {rule}"
    )


def _places(wards: Sequence[Ward] | None, events: Events) -> list[_Place]:
    """What may be set, by route and rule."""
    if wards is not None:
        return [(ward.route, ward.rule, standing_of(ward, events)) for ward in wards]
    return [(*place, standing_after(event)) for place, event in newest(events.values()).items()]


def _one(rule: str, route: str | None, known: Sequence[_Place]) -> tuple[str, Standing]:
    """The one of this name: its route, and where it stands. Raises Unknown."""
    here = [place for place in known if route in (None, place[0])]
    found = [(name, standing) for name, each, standing in here if each == rule]
    if len(found) == 1:
        return found[0]
    if found:
        routes = ", ".join(repr(name) for name, _ in found)
        raise Unknown(f"Give --route: {rule!r} is a rule of {routes}.")
    if route is not None and not here:
        hint = known_names(route, dict.fromkeys(name for name, _, _ in known))
        raise Unknown(f"No rule of a route {route!r} is guarded.{hint}")
    where = "" if route is None else f" of the route {route!r}"
    hint = known_names(rule, dict.fromkeys(each for _, each, _ in here))
    raise Unknown(f"No rule {rule!r}{where} is guarded.{hint}")
