"""What a climb asks for, and what it is told. Its driver does the one and sends the other."""

from collections.abc import Sequence

from msgspec import Struct

from stepdown.errors import StepdownError
from stepdown.types import Choice, Piece, Request, Role

# ── Wishes ───────────────────────────────────────────────────────────────────────────────────


class Begin(Struct, frozen=True):
    """Call this rung. A ``final`` rung is served as it comes: its start is a ``Ready``.

    ``watched``: its pieces are wanted as they come, so it is to be read as a stream. Otherwise
    only its ``Done`` is.
    """

    rung: int
    request: Request
    final: bool = False
    watched: bool = False


class Listen(Struct, frozen=True):
    """Send the next event; ``Lapsed`` where none comes within so many seconds."""

    seconds: float | None = None


class Drop(Struct, frozen=True):
    """Break this rung's call off, if it is still under way; it is not served.

    ``early``: before its end, because no continuation could pass.
    """

    rung: int
    verdict: str
    reason: str
    early: bool = False


class Ask(Struct, frozen=True):
    """Make these calls at once, and send ``Told`` when all of them have ended.

    Those that have not within so many ``seconds`` are broken off.
    """

    rung: int
    requests: tuple[Request, ...]
    role: Role
    model: str | None = None
    seconds: float | None = None


Step = Begin | Listen | Drop | Ask


# ── Events ───────────────────────────────────────────────────────────────────────────────────


class Event(Struct, frozen=True):
    """``at`` is in seconds of any clock that only goes forward."""

    at: float


class Began(Event, frozen=True):
    """The driver has begun a call, or broken it off: the answer to ``Begin`` and ``Drop``."""


class Said(Event, frozen=True):
    """A watched rung's pieces, those that came together."""

    rung: int
    pieces: Sequence[Piece]


class Done(Event, frozen=True):
    """A rung's whole answer is in."""

    rung: int
    choices: Sequence[Choice]


class Ready(Event, frozen=True):
    """A final rung answers: its whole answer, or the first of its stream, is in."""

    rung: int


class Broke(Event, frozen=True):
    """A rung's call failed."""

    rung: int
    error: StepdownError


class Lapsed(Event, frozen=True):
    """Nothing came within the seconds of a ``Listen``."""


class Told(Event, frozen=True):
    """The answers to an ``Ask``, in its order; None for a call that failed or took too long."""

    choices: Sequence[Choice | None]


# ── The end ──────────────────────────────────────────────────────────────────────────────────


class Served(Struct, frozen=True):
    """This rung's answer is served.

    ``passed`` is false where it is served for want of a better one. ``whole`` is false where the
    rest of it is still to come, and is to be passed on as it comes.
    """

    rung: int
    passed: bool = True
    whole: bool = True
