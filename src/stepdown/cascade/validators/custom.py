"""The user's own checks: a function, or a class that makes a validator or a grader.

    validators:
      - mypkg.checks:polite                     # polite(choice, request) -> bool | str | None
      - mypkg.checks:MaxWords: {limit: 50}      # MaxWords(limit=50)
      - polite                                  # an entry point of the group stepdown.validators

A function of two arguments passes an answer with True or None and turns it down with False or a
text, the reason. A class, or any function that options are given to, is called with them (a
mapping by keyword, anything else as the one argument) and gives such a function, or an object with
``check`` or ``grade`` as ``ports.Validator`` and ``ports.Grader`` describe them; what else those
have may be left out.
"""

import inspect
from collections.abc import Callable, Generator, Sequence
from typing import Any

from stepdown.cascade.validators.base import Base
from stepdown.ports import Grader, Validator, Watch
from stepdown.routing.plugins import made, named, told
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Consult, Request

GROUP = "stepdown.validators"
LONGEST_REASON = 120
"""Characters of a reason that are kept."""


class CustomValidator(Base):
    """Implements ``ports.Validator`` over a user's check; what ``own`` lacks is as in ``Base``."""

    def __init__(self, name: str, check: Callable[[Choice, Request], Any], own: Any) -> None:
        self.name = str(getattr(own, "name", name))
        self.vouches = bool(getattr(own, "vouches", Base.vouches))
        self.settles = bool(getattr(own, "settles", Base.settles))
        self.top_logprobs = getattr(own, "top_logprobs", Base.top_logprobs)
        self._check = check
        self._applies = getattr(own, "applies", super().applies)
        self._watch = getattr(own, "watch", super().watch)

    def applies(self, request: Request) -> bool:
        return bool(self._applies(request))

    def check(self, choice: Choice, request: Request) -> str | None:
        return _reason(self._check(choice, request), self.name)

    def watch(self, request: Request) -> Watch | None:
        watch: Watch | None = self._watch(request)
        return watch


class CustomGrader:
    """Implements ``ports.Grader`` over a user's grader."""

    def __init__(self, name: str, own: Any) -> None:
        self.name = str(getattr(own, "name", name))
        self._own = own

    def applies(self, request: Request) -> bool:
        applies = getattr(self._own, "applies", None)
        return applies is None or bool(applies(request))

    def grade(
        self, choice: Choice, request: Request
    ) -> Generator[Consult, Sequence[Choice | None], str | None]:
        grading: Generator[Consult, Sequence[Choice | None], object] = self._own.grade(
            choice, request
        )
        return _reason((yield from grading), self.name)


def _reason(said: object, name: str) -> str | None:
    if said is None or said is True:
        return None
    if said is False or said == "":
        return f"{name} turned it down"
    if isinstance(said, str):
        return " ".join(said[: 2 * LONGEST_REASON].split())[:LONGEST_REASON]
    raise TypeError(f"{name}: expected True, None, False or a text, got {type(said).__name__}")


# ── Building ─────────────────────────────────────────────────────────────────────────────────


def build_custom(
    name: str, options: Any, path: str, problems: Problems
) -> Validator | Grader | None:
    """The check that a dotted path, or an entry point's name, stands for."""
    try:
        found: Any = named(name, GROUP)
    except Exception as error:  # noqa: BLE001  importing the user's module may raise anything
        problems.add(path, f"cannot import {name!r}: {told(error)}")
        return None
    if inspect.isclass(found) or (callable(found) and not _is_check(found, options)):
        try:
            found = made(found, options)
        except Exception as error:  # noqa: BLE001  the user's class may raise anything
            problems.add(path, f"cannot make {name!r} with these options: {told(error)}")
            return None
    elif options is not None:
        problems.expected(path, f"no options, since {name!r} is a check already", options)
        return None
    return _wrapped(name, found, path, problems)


def _is_check(found: Any, options: Any) -> bool:
    """Whether it checks by itself: it has ``check`` or ``grade``, or needs two arguments."""
    if hasattr(found, "check") or hasattr(found, "grade"):
        return True
    return options is None and _needs_two(found)


def _needs_two(function: Any) -> bool:
    try:
        signature = inspect.signature(function)
        signature.bind(None, None)
    except (TypeError, ValueError):
        return False
    try:
        signature.bind()
    except TypeError:
        return True
    return False


def _wrapped(name: str, own: Any, path: str, problems: Problems) -> Validator | Grader | None:
    check, grade = getattr(own, "check", None), getattr(own, "grade", None)
    if check is not None and grade is not None:
        problems.add(path, f"{name!r} has both check and grade: expected one of them")
        return None
    if check is None and grade is None:
        check = own
    if not callable(check or grade):
        problems.add(path, f"{name!r} gives no check: expected a function, a validator or a grader")
        return None
    if any(map(inspect.iscoroutinefunction, (check, grade, getattr(check, "__call__", None)))):  # noqa: B004
        problems.add(path, f"{name!r} is async: a check is a plain function, a grader yields calls")
        return None
    return CustomGrader(name, own) if check is None else CustomValidator(name, check, own)
