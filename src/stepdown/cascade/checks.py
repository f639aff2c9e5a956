"""One answer's checks: the free ones while it streams in and at its end, then the graders'."""

import logging
from collections.abc import Callable, Generator, Sequence

from msgspec import Struct

from stepdown.cascade.plan import Cascade
from stepdown.ports import Grader, Validator, Watch
from stepdown.types import Choice, Consult, Piece, Request

log = logging.getLogger("stepdown.cascade")


class Rejection(Struct, frozen=True):
    """Which check turned an answer down, and why."""

    name: str
    reason: str


class Checks:
    """The checks of one cascade that apply to the answers to one request.

    A check that fails to run rejects: an answer is cheap only where it was shown to be good.
    """

    def __init__(self, cascade: Cascade, request: Request) -> None:
        self._request = request
        self.failed: Rejection | None = None
        self.validators = [v for v in cascade.validators if self._applies(v)]
        self.graders = [g for g in cascade.graders if self._applies(g)]
        self.settle = bool(self.validators) and not self.graders and self.failed is None
        self.settle = self.settle and all(v.settles for v in self.validators)

    @property
    def top_logprobs(self) -> int | None:
        """How many alternatives of each token must be asked for; None where no check needs any."""
        needs = [v.top_logprobs for v in self.validators if v.top_logprobs is not None]
        return max(needs, default=None)

    def watcher(self) -> "Watcher | None":
        """A watcher for one answer, or None where nothing can be told before its end."""
        return Watcher(self.validators, self._request) if self.validators else None

    def reject(self, choices: Sequence[Choice]) -> Rejection | None:
        """What the free checks hold against a whole answer; each of its choices has to pass."""
        if self.failed is not None:
            return self.failed
        if not choices:
            return Rejection("empty", "the reply has no choice")
        for validator in self.validators:
            for choice in choices:
                said = _run(validator, validator.check, choice, self._request)
                if said is not None:
                    return said
        return None

    def grade(
        self, choices: Sequence[Choice]
    ) -> Generator[Consult, Sequence[Choice | None], Rejection | None]:
        """What the graders hold against it. Yields the calls that they want."""
        for grader in self.graders:
            for choice in choices:
                try:
                    reason = yield from _consulting(grader.grade(choice, self._request))
                except Exception as error:  # noqa: BLE001  a user's grader may raise anything
                    return _could_not(grader, error)
                if reason is not None:
                    return Rejection(grader.name, reason)
        return None

    def _applies(self, check: Validator | Grader) -> bool:
        try:
            return check.applies(self._request)
        except Exception as error:  # noqa: BLE001  a user's validator may raise anything
            self.failed = _could_not(check, error)
            return False


class Watcher:
    """Watches every choice of one answer as it streams in."""

    def __init__(self, validators: Sequence[Validator], request: Request) -> None:
        self._validators = validators
        self._request = request
        self._watches: dict[int, list[tuple[Validator, Watch | None]]] = {}
        self._wanted = max(1, request.prompt.n or 1)
        self._rejected = False

    @property
    def settled(self) -> bool:
        """Whether no continuation of any choice can be rejected any more."""
        if self._rejected or len(self._watches) < self._wanted:
            return False
        try:
            return all(
                watch is not None and watch.settled
                for watches in self._watches.values()
                for _, watch in watches
            )
        except Exception:  # noqa: BLE001  a user's watch may raise anything
            return False

    def feed(self, pieces: Sequence[Piece]) -> Rejection | None:
        """Why no continuation can pass, or None while one could."""
        for piece in pieces:
            said = self._begin(piece.choice) or self._feed(piece)
            if said is not None:
                self._rejected = True
                return said
        return None

    def _begin(self, choice: int) -> Rejection | None:
        """Watch a choice from its first piece on."""
        if choice in self._watches:
            return None
        watches = self._watches[choice] = []
        for validator in self._validators:
            try:
                watches.append((validator, validator.watch(self._request)))
            except Exception as error:  # noqa: BLE001  a user's validator may raise anything
                return _could_not(validator, error)
        return None

    def _feed(self, piece: Piece) -> Rejection | None:
        for validator, watch in self._watches[piece.choice]:
            if watch is not None:
                said = _run(validator, watch.feed, piece)
                if said is not None:
                    return said
        return None


def _consulting(
    grading: Generator[Consult, Sequence[Choice | None], str | None],
) -> Generator[Consult, Sequence[Choice | None], str | None]:
    """The grading itself; raises TypeError where it wishes for anything but a consultation."""
    try:
        wish = _consult(next(grading))
        while True:
            wish = _consult(grading.send((yield wish)))
    except StopIteration as end:
        reason: str | None = end.value
        return reason


def _consult(wish: object) -> Consult:
    if isinstance(wish, Consult):
        return wish
    raise TypeError(f"expected a Consult, got {type(wish).__name__}")


def _run(check: Validator, ask: Callable[..., str | None], *given: object) -> Rejection | None:
    try:
        reason = ask(*given)
    except Exception as error:  # noqa: BLE001  a user's validator may raise anything
        return _could_not(check, error)
    return None if reason is None else Rejection(check.name, reason)


def _could_not(check: Validator | Grader, error: Exception) -> Rejection:
    """The reason is kept in the ledger: an exception's text may hold the answer, so it is not."""
    log.debug("The check %r failed.", check.name, exc_info=error)
    return Rejection(check.name, f"could not check: it raised {type(error).__name__}")
