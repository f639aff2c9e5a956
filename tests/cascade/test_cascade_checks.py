"""The checks of one answer: which apply, in which order, and what happens when one cannot run."""

from collections.abc import Generator, Sequence
from typing import Any

import pytest

from stepdown.cascade.checks import Checks, Rejection
from stepdown.cascade.plan import Cascade
from stepdown.cascade.validators.base import Base
from stepdown.types import Choice, Consult, Message, Piece, Prompt, Request


def asked(n: int | None = None) -> Request:
    return Request("1", Prompt("auto", [Message("user", "?")], n=n), {})


class Says(Base):
    """Rejects with what it was told to say, and counts how often it was asked."""

    def __init__(self, name: str, says: str | None = None, **more: Any) -> None:
        self.name = name
        self.says = says
        self.asked = 0
        self.applicable = more.get("applies", True)
        self.settles = more.get("settles", False)
        self.top_logprobs = more.get("top_logprobs")
        self.watches: list[FirstLetter] = []

    def applies(self, request: Request) -> bool:
        if isinstance(self.applicable, Exception):
            raise self.applicable
        return bool(self.applicable)

    def check(self, choice: Choice, request: Request) -> str | None:
        self.asked += 1
        return self.says

    def watch(self, request: Request) -> "FirstLetter":
        self.watches.append(FirstLetter())
        return self.watches[-1]


class FirstLetter:
    """Settles at "y", rejects "n", breaks at "!"."""

    settled = False

    def feed(self, piece: Piece) -> str | None:
        if piece.text == "!":
            raise ValueError("cannot read this")
        self.settled = self.settled or piece.text == "y"
        return "no" if piece.text == "n" else None


class Grades:
    def __init__(self, name: str, says: str | None) -> None:
        self.name = name
        self.says = says

    def applies(self, request: Request) -> bool:
        return True

    def grade(
        self, choice: Choice, request: Request
    ) -> Generator[Consult, Sequence[Choice | None], str | None]:
        yield Consult((request,), "judge", self.name)
        return self.says


def checks(
    *validators: Says, graders: Sequence[Grades] = (), request: Request | None = None
) -> Checks:
    return Checks(Cascade(tuple(validators), tuple(graders)), request or asked())


def test_the_first_rejection_counts_and_those_behind_it_are_not_asked() -> None:
    first, second, third = Says("a"), Says("b", "wrong"), Says("c", "also wrong")
    assert checks(first, second, third).reject([Choice()]) == Rejection("b", "wrong")
    assert (first.asked, second.asked, third.asked) == (1, 1, 0)


def test_what_does_not_apply_is_not_asked() -> None:
    validator = Says("a", "wrong", applies=False)
    assert checks(validator).reject([Choice()]) is None
    assert not validator.asked


def test_a_validator_that_cannot_tell_whether_it_applies_rejects() -> None:
    rejection = checks(Says("a", applies=RuntimeError("?"))).reject([Choice()])
    assert rejection == Rejection("a", "could not check: it raised RuntimeError")


def test_the_most_alternatives_are_asked_for() -> None:
    assert checks(Says("a")).top_logprobs is None
    assert checks(Says("a", top_logprobs=0), Says("b", top_logprobs=2)).top_logprobs == 2
    assert checks(Says("a", top_logprobs=9, applies=False)).top_logprobs is None


@pytest.mark.parametrize(
    ("settles", "graders", "settle"),
    [
        ([True, True], [], True),
        ([True, False], [], False),
        ([], [], False),
        ([True], [Grades("g", None)], False),
    ],
)
def test_an_answer_settles_where_every_check_does(
    settles: list[bool], graders: list[Grades], settle: bool
) -> None:
    validators = [Says(str(index), settles=each) for index, each in enumerate(settles)]
    assert checks(*validators, graders=graders).settle is settle


def test_nothing_is_watched_without_a_validator() -> None:
    assert checks(graders=[Grades("g", None)]).watcher() is None


def test_each_choice_has_watches_of_its_own() -> None:
    validator = Says("a")
    watcher = checks(validator, request=asked(n=2)).watcher()
    assert watcher is not None
    assert watcher.feed([Piece("y", choice=0), Piece("x", choice=1), Piece("x", choice=0)]) is None
    assert len(validator.watches) == 2
    assert not watcher.settled
    assert watcher.feed([Piece("y", choice=1)]) is None
    assert watcher.settled


def test_an_answer_is_not_settled_before_each_choice_has_begun() -> None:
    watcher = checks(Says("a"), request=asked(n=2)).watcher()
    assert watcher is not None
    watcher.feed([Piece("y")])
    assert not watcher.settled


def test_a_watch_rejects_and_one_that_breaks_rejects_too() -> None:
    watcher = checks(Says("a")).watcher()
    assert watcher is not None
    assert watcher.feed([Piece("x"), Piece("n")]) == Rejection("a", "no")
    assert watcher.feed([Piece("!")]) == Rejection("a", "could not check: it raised ValueError")


def test_graders_are_asked_in_turn_until_one_rejects() -> None:
    graders = [Grades("a", None), Grades("b", "poor"), Grades("c", None)]
    grading = checks(graders=graders).grade([Choice()])
    models = [next(grading).model, grading.send([None]).model]
    assert models == ["a", "b"]
    with pytest.raises(StopIteration) as end:
        grading.send([None])
    assert end.value.value == Rejection("b", "poor")


# ── checks that fail to run ──────────────────────────────────────────────────────────────────


class Breaks(Says):
    """Breaks where it is told to: ``watch`` or ``settled``."""

    def __init__(self, where: str) -> None:
        super().__init__("a", settles=True)
        self.where = where

    def watch(self, request: Request) -> Any:
        if self.where == "watch":
            raise ValueError("no watch today")
        return Unsettling()


class Unsettling:
    @property
    def settled(self) -> bool:
        raise ValueError("cannot say")

    def feed(self, piece: Piece) -> str | None:
        return None


def test_a_validator_that_cannot_watch_rejects() -> None:
    watcher = checks(Breaks("watch")).watcher()
    assert watcher is not None
    rejection = Rejection("a", "could not check: it raised ValueError")
    assert watcher.feed([Piece("x")]) == rejection
    assert not watcher.settled


def test_a_watch_that_cannot_tell_has_not_settled() -> None:
    watcher = checks(Breaks("settled")).watcher()
    assert watcher is not None
    assert watcher.feed([Piece("x")]) is None
    assert not watcher.settled


def test_what_was_rejected_once_never_settles() -> None:
    watcher = checks(Says("a"), Says("b")).watcher()
    assert watcher is not None
    assert watcher.feed([Piece("n")]) is not None
    assert watcher.feed([Piece("y")]) is None
    assert not watcher.settled


def test_an_answer_cannot_settle_where_a_check_failed() -> None:
    assert not checks(Says("a", settles=True), Says("b", applies=RuntimeError("?"))).settle


def test_a_grader_that_wishes_for_nonsense_rejects() -> None:
    class Confused(Grades):
        def grade(self, choice: Choice, request: Request) -> Any:
            yield "please"

    grading = checks(graders=[Confused("a", None)]).grade([Choice()])
    with pytest.raises(StopIteration) as end:
        next(grading)
    assert end.value.value == Rejection("a", "could not check: it raised TypeError")
