"""The climb over recorded replies."""

from collections.abc import Generator, Sequence

import pytest

from stepdown.cascade.plan import Cascade
from stepdown.cascade.replay import Recorded, Replayed, Tried, replay
from stepdown.cascade.steps import Ask, Served
from stepdown.cascade.validators.base import Base
from stepdown.errors import NoDeployment, UpstreamFailed
from stepdown.types import Choice, Consult, Message, Piece, Prompt, Request

ASKED = Request("1", Prompt("auto", [Message("user", "?")]), {})
STRONG = Recorded([Choice("strong")])


class Short(Base):
    name = "short"

    def check(self, choice: Choice, request: Request) -> str | None:
        return None if len(choice.text) < 4 else "too long"

    def watch(self, request: Request) -> "Counted":
        return Counted()


class Counted:
    settled = False

    def __init__(self) -> None:
        self.length = 0

    def feed(self, piece: Piece) -> str | None:
        self.length += len(piece.text)
        return None if self.length < 4 else "too long"


class Asks:
    name = "asks"

    def applies(self, request: Request) -> bool:
        return True

    def grade(
        self, choice: Choice, request: Request
    ) -> Generator[Consult, Sequence[Choice | None], str | None]:
        told = yield Consult((request,), "judge", "judge")
        return None if told[0] == Choice("pass") else "the judge says no"


SHORT = Cascade((Short(),))
GRADED = Cascade(graders=(Asks(),))


def streamed(*texts: str) -> Recorded:
    return Recorded([Choice("".join(texts))], [Piece(text) for text in texts])


def test_an_answer_that_passes() -> None:
    assert replay(SHORT, ASKED, {0: streamed("a", "b"), 1: STRONG}) == Replayed(Served(0), ())


def test_an_answer_dropped_early_tells_after_how_many_pieces() -> None:
    replies = {0: streamed("ab", "cd", "ef"), 1: streamed("xyz!"), 2: STRONG}
    assert replay(SHORT, ASKED, replies) == Replayed(
        Served(2),
        (
            Tried(0, "short", "too long", 2, early=True),
            Tried(1, "short", "too long", 1, early=True),
        ),
    )


def test_a_reply_that_comes_whole() -> None:
    replies = {0: Recorded([Choice("abcdef")]), 1: STRONG}
    tried = Tried(0, "short", "too long", 0, early=False)
    assert replay(SHORT, ASKED, replies) == Replayed(Served(1), (tried,))


def test_a_rung_without_a_record_counts_as_a_failed_call() -> None:
    assert replay(SHORT, ASKED, {1: STRONG}) == Replayed(Served(1), ())


def test_it_may_begin_higher() -> None:
    replies = {0: streamed("a"), 1: streamed("b"), 2: STRONG}
    assert replay(SHORT, ASKED, replies, start=1).served == Served(1)


def test_a_failed_last_rung_raises_its_error() -> None:
    with pytest.raises(UpstreamFailed):
        replay(SHORT, ASKED, {0: streamed("abcd"), 1: Recorded(error=UpstreamFailed("down"))})
    with pytest.raises(NoDeployment):
        replay(SHORT, ASKED, {0: streamed("abcd"), 1: Recorded(error=NoDeployment("none"))})


@pytest.mark.parametrize(("grade", "rung"), [("pass", 0), ("fail", 1)])
def test_a_graders_calls_are_answered_from_the_record(grade: str, rung: int) -> None:
    def grades(ask: Ask) -> Sequence[Choice | None]:
        assert (ask.model, len(ask.requests)) == ("judge", 1)
        return [Choice(grade)]

    replies = {0: streamed("a"), 1: STRONG}
    assert replay(GRADED, ASKED, replies, grades=grades).served == Served(rung)


def test_without_grades_the_calls_fail_and_the_climb_goes_on() -> None:
    assert replay(GRADED, ASKED, {0: streamed("a"), 1: STRONG}).served == Served(1)
