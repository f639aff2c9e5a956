"""What a cascade is to do: its checks, its patience, and where it begins."""

from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import Struct, structs

from stepdown.ports import Grader, Validator
from stepdown.types import Decision, Request

CASCADE = "cascade"
"""The decision's name where the climb begins at the first rung, whatever the rules say."""
MODE_HEADER = "x-stepdown-mode"
"""``batch``: the caller waits for the price, not for the answer."""


class Patience(Struct, frozen=True):
    """Seconds that a rung below the last has; None is for ever.

    After ``hedge_after`` the last rung is asked as well, and the first to pass is kept.
    """

    first_byte: float | None = None
    total: float | None = None
    hedge_after: float | None = None


UNHURRIED = Patience()
"""For callers who wait for the price, not for the answer."""


class Cascade(Struct, frozen=True):
    """How a route's cheaper rungs are checked.

    ``stream``: ``checked`` shows a client nothing of an answer before it has passed,
    ``optimistic`` begins once its checks can no longer fail. ``start``: ``cheap`` begins at the
    first rung where no rule claims a request and a validator vouches for the answer, ``decided``
    always where the rules say. ``keep_alive`` is seconds between a stream's comments.
    """

    validators: tuple[Validator, ...] = ()
    graders: tuple[Grader, ...] = ()
    patience: Patience = UNHURRIED
    stream: Literal["checked", "optimistic"] = "checked"
    start: Literal["cheap", "decided"] = "cheap"
    early_drop: bool = True
    serve_best_effort: bool = False
    keep_alive: float = 5.0

    def checks(self, request: Request) -> bool:
        """Whether any check applies to the answer to this request.

        One that fails to tell counts: the climb then turns the answer down for it.
        """
        return any(_applies(each, request, failing=True) for each in self._all())

    def vouches(self, request: Request) -> bool:
        """Whether passing would say that the answer is right in substance."""
        return any(
            _applies(each, request, failing=False)
            for each in self._all()
            if getattr(each, "vouches", True)
        )

    def _all(self) -> Iterator[Validator | Grader]:
        yield from self.validators
        yield from self.graders


def _applies(check: Validator | Grader, request: Request, *, failing: bool) -> bool:
    try:
        return check.applies(request)
    except Exception:  # noqa: BLE001  a user's check may raise anything
        return failing


class Cascades(Struct, frozen=True):
    """One route's cascades: its own, and those of rules that have another, or none."""

    default: Cascade | None = None
    by_rule: Mapping[str, Cascade | None] = {}

    def asks(self) -> set[str]:
        """The models that graders ask beyond the ladder."""
        every = [cascade for cascade in (self.default, *self.by_rule.values()) if cascade]
        asked = {getattr(g, "model", None) for cascade in every for g in cascade.graders}
        return {model for model in asked if isinstance(model, str)}

    def begins_cheap(self, request: Request) -> bool:
        """Whether a request that no rule claims begins at the cheapest rung: its answer will be
        shown to be right."""
        cascade = self.default
        return cascade is not None and cascade.start == "cheap" and cascade.vouches(request)

    def of(self, request: Request, decision: Decision) -> Cascade | None:
        """The cascade for this request, or None where the decided model answers alone."""
        cascade = self.by_rule.get(decision.name, self.default)
        if cascade is None or not cascade.checks(request):
            return None
        if request.headers.get(MODE_HEADER) == "batch":
            return structs.replace(cascade, patience=UNHURRIED)
        return cascade
