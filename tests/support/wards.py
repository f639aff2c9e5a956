"""Wards, and the events of their states, for tests of what reads them."""

from typing import Any

from msgspec import structs

from stepdown.quality.evidence import Counts
from stepdown.quality.guard.recorded import recorded
from stepdown.quality.guard.states import Standing
from stepdown.quality.guard.terms import Terms
from stepdown.quality.guard.transitions import set_state, step
from stepdown.quality.guard.wards import Ward
from stepdown.quality.records.events import GuardEvent
from support.pairs import NOON

ENOUGH = 300
"""Pairs without a regret that certify a budget of 2 %, sampled alike."""


def make_ward(rule: str = "short-label", route: str = "auto", **changes: Any) -> Ward:
    """A rule with a budget of 2 %, of whose requests one in five is sampled while observed, and
    one in fifty otherwise."""
    ward = Ward(f"{route}/{rule}", route, rule, Terms(0.02, 0.02), 0.2)
    return structs.replace(ward, **changes)


def certified(ward: Ward, at: float = NOON) -> GuardEvent:
    """The first event of a ward: certified by ENOUGH pairs."""
    counts = Counts({ward.observed: (0, ENOUGH)})
    transition = step(ward.beginning(), counts, ward.terms_in("observing", counts))
    assert transition is not None
    return recorded(transition, 1, at, ward.route, ward.rule)


def tripped(ward: Ward, at: float = NOON) -> GuardEvent:
    """The first event of a ward: shown to be above its budget."""
    counts = Counts({ward.observed: (40, 200)})
    transition = step(ward.beginning(), counts, ward.terms_in("observing", counts))
    assert transition is not None
    return recorded(transition, 1, at, ward.route, ward.rule)


def set_by_hand(
    ward: Ward, state: str, at: float = NOON, *, before: Standing | None = None, seq: int = 1
) -> GuardEvent:
    """An event by which Ada sets a ward's state."""
    transition = set_state(before or ward.beginning(), state, "I know it", "ada", at)
    return recorded(transition, seq, at, ward.route, ward.rule)
