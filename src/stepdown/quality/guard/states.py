"""The nouns of the guard: where something stands, how it came there, and on what evidence."""

from typing import Literal

from msgspec import Struct

from stepdown.quality.evidence import Counts
from stepdown.quality.guard.terms import Terms
from stepdown.routing.guarded import State

STATES: tuple[State, ...] = ("observing", "active", "trusted", "tripped")
"""``observing``: the reference answers, the saver is shadowed. ``active``: certified, it saves.
``trusted``: it saves because the user says so, until shown bad. ``tripped``: shown bad; the
reference answers."""

Cause = Literal[
    "certified", "promoted", "above budget", "drift", "other terms", "probation over", "by hand"
]


class Evidence(Struct, frozen=True):
    """What pairs say on one question, whether that is enough or not.

    ``log_e`` is the logarithm of the e-value against "the regret is ``limit`` or more" (or "or
    less"), which is enough at 1 / ``alpha``. ``estimate`` (None without pairs), ``low`` and
    ``high`` are of the regret; the interval is wrong with probability ``terms.error`` at most, half
    on each side. Limit, estimate and interval are in what the judge says where ``terms`` has a
    judge (see ``judged``).
    """

    counts: Counts
    estimate: float | None
    low: float
    high: float
    log_e: float
    alpha: float
    limit: float
    terms: Terms


class Standing(Struct, frozen=True):
    """Where one guarded thing stands. The default is how it begins, unless the user trusts it.

    ``epoch`` counts the attempts at certification, ``stint`` the standings: each stint has counts
    of its own, of the pairs whose requests came in it. ``certificate`` is the evidence by which it
    is certified; with one, it is active, trusted, or observing until somebody promotes it. ``held``
    means tripped by hand, so that no probation ends it.
    """

    key: str
    state: State = "observing"
    epoch: int = 1
    stint: int = 1
    certificate: Evidence | None = None
    held: bool = False


class Transition(Struct, frozen=True):
    """From one standing to the next.

    ``why`` is in words; ``evidence`` is what brought it about, if pairs did. ``who`` and ``at``
    (Unix time in seconds) are those of a change by hand; for the others, whoever keeps the
    transition knows.
    """

    before: Standing
    after: Standing
    cause: Cause
    why: str
    evidence: Evidence | None = None
    who: str | None = None
    at: float | None = None
