"""What the guard says of a route's rules, as the decision reads it: a plain object, never changed.

The guard's keeper puts a new one in its place when a rule's state changes; to decide takes no lock
and no I/O.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

State = Literal["observing", "active", "trusted", "tripped"]


class Guarded(Struct, frozen=True):
    """A rule's state. ``key`` names its evidence; ``stint`` is the stretch of this state that pairs
    count for (``quality.guard.states``)."""

    state: State
    key: str
    stint: int = 1


class GuardView(Struct, frozen=True):
    """A route's rules by name, and those whose requests the last rung answers meanwhile."""

    rules: Mapping[str, Guarded]
    held: frozenset[str]


def view_of(rules: Mapping[str, Guarded]) -> GuardView:
    """The view in which rules that are observed or tripped are held."""
    held = (name for name, rule in rules.items() if rule.state in ("observing", "tripped"))
    return GuardView(rules, frozenset(held))
