"""A transition as the event that is kept of it, and the standing that an event tells of."""

from typing import Any

import msgspec

from stepdown.quality.guard.states import STATES, Evidence, Standing, Transition
from stepdown.quality.records.events import GuardEvent
from stepdown.routing.guarded import State

GUARD = "guard"
"""Who changes what nobody changes by hand."""


def recorded(transition: Transition, seq: int, at: float, route: str, rule: str) -> GuardEvent:
    """The event of a transition: the key's ``seq``-th, at Unix time ``at`` unless it has its own.

    Its evidence has ``cause``, ``stint``, ``held``, the ``certificate`` that is held from now on,
    and ``shown``: what brought the change about, if pairs did.
    """
    before, after = transition.before, transition.after
    evidence = {
        "cause": transition.cause,
        "stint": after.stint,
        "held": after.held,
        "certificate": _plain(after.certificate),
        "shown": _plain(transition.evidence),
    }
    return GuardEvent(
        after.key,
        seq,
        at if transition.at is None else transition.at,
        route,
        rule,
        after.epoch,
        before.state,
        after.state,
        transition.why,
        transition.who or GUARD,
        evidence,
    )


def standing_after(event: GuardEvent) -> Standing:
    """Where things stand after an event.

    A state that this version does not know is taken for ``observing``, a certificate that it cannot
    read for none.
    """
    stint = event.evidence.get("stint")
    return Standing(
        event.key,
        _state(event.to_state),
        event.epoch,
        stint if isinstance(stint, int) else event.seq + 1,
        _certificate(event.evidence.get("certificate")),
        event.evidence.get("held") is True,
    )


def cause_of(event: GuardEvent) -> str:
    """The transition's cause."""
    return str(event.evidence.get("cause", ""))


def _plain(evidence: Evidence | None) -> Any:
    return msgspec.to_builtins(evidence, str_keys=True)


def _state(given: str) -> State:
    for state in STATES:
        if state == given:
            return state
    return "observing"


def _certificate(given: Any) -> Evidence | None:
    try:
        return msgspec.convert(given, Evidence | None, strict=False)
    except msgspec.ValidationError:
        return None
