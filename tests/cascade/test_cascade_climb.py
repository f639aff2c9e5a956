"""The climb as a playbook: each line says what it wishes, and what it is told."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any

import pytest
from msgspec import Raw

from stepdown.cascade.climb import Climbing, climb
from stepdown.cascade.plan import Cascade, Patience
from stepdown.cascade.steps import (
    Ask,
    Began,
    Begin,
    Broke,
    Done,
    Drop,
    Event,
    Lapsed,
    Listen,
    Ready,
    Said,
    Served,
    Told,
)
from stepdown.cascade.validators.base import Base
from stepdown.errors import UpstreamFailed
from stepdown.types import Choice, Consult, Message, Piece, Prompt, Request

CHEAP, MIDDLE, STRONG = 0, 1, 2
GOOD, BAD = Choice("good"), Choice("bad")
DOWN = UpstreamFailed("down")


class SaysGood(Base):
    """Passes what begins with "good"; knows it at the first letter, and settles at the fourth."""

    name = "says_good"
    settles = True

    def __init__(self, *, top_logprobs: int | None = None) -> None:
        self.top_logprobs = top_logprobs

    def check(self, choice: Choice, request: Request) -> str | None:
        return None if choice.text.startswith("good") else "it is not good"

    def watch(self, request: Request) -> "SaysGood.Watch":
        return self.Watch()

    class Watch:
        def __init__(self) -> None:
            self.text = ""

        @property
        def settled(self) -> bool:
            return self.text.startswith("good")

        def feed(self, piece: Piece) -> str | None:
            self.text += piece.text
            return None if "good".startswith(self.text[:4]) else "it will not be good"


class Broken(Base):
    name = "broken"

    def check(self, choice: Choice, request: Request) -> str | None:
        raise ZeroDivisionError("by me")


class Twice:
    """A grader that asks two models, one after the other."""

    name = "twice"

    def applies(self, request: Request) -> bool:
        return True

    def grade(
        self, choice: Choice, request: Request
    ) -> Generator[Consult, Sequence[Choice | None], str | None]:
        first = yield Consult((request,), "judge", "judge-1")
        if first[0] is None:
            return "the judge did not answer"
        second = yield Consult((request, request), "sample")
        return None if second[0] == second[1] else "the samples differ"


def asked(fields: Mapping[str, bytes] | None = None, *, stream: bool = False) -> Request:
    prompt = Prompt("auto", [Message("user", "?")], stream=stream)
    return Request("1", prompt, {name: Raw(value) for name, value in (fields or {}).items()})


def climbing(request: Request | None = None, top: int = MIDDLE, **options: Any) -> Climbing:
    given: dict[str, Any] = {"validators": (SaysGood(),), **options}
    return climb(Cascade(**given), request or asked(), CHEAP, top)


def said(text: str, at: float = 0.0, rung: int = CHEAP) -> Said:
    return Said(at, rung, [Piece(text)])


def play(climb: Climbing, *script: Any) -> Served:
    """Check each wish and send what comes after it; what is served at the end.

    A ``Begin`` is compared by its rung and whether it is final.
    """
    step = next(climb)
    try:
        for wish, event in zip(script[::2], script[1::2], strict=True):
            assert _shown(step) == _shown(wish)
            step = climb.send(event)
    except StopIteration as end:
        served: Served = end.value
        return served
    raise AssertionError(f"the script is over, and the climb still wishes {step}")


def _shown(step: Any) -> Any:
    return (step.rung, step.final) if isinstance(step, Begin) else step


def begin(rung: int, *, final: bool = False) -> Begin:
    return Begin(rung, asked(), final=final)


BEGUN = Began(0.0)
LISTEN = Listen(None)


def test_an_answer_that_passes_is_served() -> None:
    served = play(climbing(), begin(CHEAP), BEGUN, LISTEN, Done(1.0, CHEAP, [GOOD]))
    assert served == Served(CHEAP)


def test_an_answer_that_fails_climbs_and_the_last_rung_is_not_checked() -> None:
    served = play(
        climbing(),
        *(begin(CHEAP), BEGUN, LISTEN, Done(1.0, CHEAP, [BAD])),
        *(Drop(CHEAP, "says_good", "it is not good"), BEGUN),
        *(begin(MIDDLE, final=True), BEGUN, LISTEN, Ready(2.0, MIDDLE)),
    )
    assert served == Served(MIDDLE)


def test_any_number_of_rungs() -> None:
    served = play(
        climbing(top=STRONG),
        *(begin(CHEAP), BEGUN, LISTEN, Done(1.0, CHEAP, [BAD])),
        *(Drop(CHEAP, "says_good", "it is not good"), BEGUN),
        *(begin(MIDDLE), BEGUN, LISTEN, Done(2.0, MIDDLE, [GOOD])),
    )
    assert served == Served(MIDDLE)


def test_every_choice_has_to_pass() -> None:
    climb = climbing()
    next(climb)
    climb.send(BEGUN)
    assert climb.send(Done(1.0, CHEAP, [GOOD, BAD])) == Drop(CHEAP, "says_good", "it is not good")


def test_a_reply_without_choices_is_rejected() -> None:
    climb = climbing()
    next(climb)
    climb.send(BEGUN)
    step = climb.send(Done(1.0, CHEAP, []))
    assert isinstance(step, Drop)
    assert step.verdict == "empty"


def test_dropped_at_the_first_piece_that_cannot_pass() -> None:
    served = play(
        climbing(),
        *(begin(CHEAP), BEGUN, LISTEN, said("go"), LISTEN, said("at")),
        *(Drop(CHEAP, "says_good", "it will not be good", early=True), BEGUN),
        *(begin(MIDDLE, final=True), BEGUN, LISTEN, Ready(2.0, MIDDLE)),
    )
    assert served == Served(MIDDLE)


def test_without_early_drop_an_answer_is_read_to_its_end() -> None:
    climb = climbing(early_drop=False)
    begun = next(climb)
    assert isinstance(begun, Begin)
    assert not begun.watched
    climb.send(BEGUN)
    assert isinstance(climb.send(Done(1.0, CHEAP, [BAD])), Drop)


def test_a_check_that_cannot_run_climbs() -> None:
    climb = climbing(validators=(Broken(),))
    next(climb)
    climb.send(BEGUN)
    assert climb.send(Done(1.0, CHEAP, [GOOD])) == Drop(
        CHEAP, "broken", "could not check: it raised ZeroDivisionError"
    )


def test_a_failed_call_climbs() -> None:
    served = play(
        climbing(),
        *(begin(CHEAP), BEGUN, LISTEN, Broke(0.1, CHEAP, DOWN)),
        *(begin(MIDDLE, final=True), BEGUN, LISTEN, Ready(2.0, MIDDLE)),
    )
    assert served == Served(MIDDLE)


# ── the last rung fails ──────────────────────────────────────────────────────────────────────

REJECTED_THEN_DOWN = (
    *(begin(CHEAP), BEGUN, LISTEN, Done(1.0, CHEAP, [BAD])),
    *(Drop(CHEAP, "says_good", "it is not good"), BEGUN),
    *(begin(MIDDLE, final=True), BEGUN, LISTEN, Broke(2.0, MIDDLE, DOWN)),
)


def test_a_rejected_answer_is_not_served_when_the_last_rung_fails() -> None:
    with pytest.raises(UpstreamFailed):
        play(climbing(), *REJECTED_THEN_DOWN)


def test_a_rejected_answer_is_served_where_the_cascade_says_so() -> None:
    served = play(climbing(serve_best_effort=True), *REJECTED_THEN_DOWN)
    assert served == Served(CHEAP, passed=False)


def test_an_answer_dropped_early_is_never_served() -> None:
    with pytest.raises(UpstreamFailed):
        play(
            climbing(serve_best_effort=True),
            *(begin(CHEAP), BEGUN, LISTEN, said("bad")),
            *(Drop(CHEAP, "says_good", "it will not be good", early=True), BEGUN),
            *(begin(MIDDLE, final=True), BEGUN, LISTEN, Broke(2.0, MIDDLE, DOWN)),
        )


# ── time ─────────────────────────────────────────────────────────────────────────────────────


def test_a_late_first_byte_climbs() -> None:
    served = play(
        climbing(patience=Patience(first_byte=2.0)),
        *(begin(CHEAP), Began(10.0), Listen(2.0), Lapsed(12.0)),
        *(Drop(CHEAP, "timeout", "no first byte after 2 s"), BEGUN),
        *(begin(MIDDLE, final=True), BEGUN, LISTEN, Ready(13.0, MIDDLE)),
    )
    assert served == Served(MIDDLE)


def test_after_the_first_byte_only_the_total_counts() -> None:
    served = play(
        climbing(patience=Patience(first_byte=2.0, total=5.0)),
        *(begin(CHEAP), Began(10.0), Listen(2.0), said("go", at=11.0)),
        *(Listen(4.0), Lapsed(15.0)),
        *(Drop(CHEAP, "timeout", "not done after 5 s"), BEGUN),
        *(begin(MIDDLE, final=True), BEGUN, LISTEN, Ready(16.0, MIDDLE)),
    )
    assert served == Served(MIDDLE)


HEDGED = (
    *(begin(CHEAP), Began(10.0), Listen(1.0), Lapsed(11.0)),
    *(begin(MIDDLE, final=True), Began(11.0)),
)


def test_the_hedge_that_is_first_is_served_and_the_cheap_call_broken_off() -> None:
    served = play(
        climbing(patience=Patience(hedge_after=1.0)),
        *HEDGED,
        *(LISTEN, Ready(12.0, MIDDLE)),
        *(Drop(CHEAP, "hedge", "the last rung's answer was there first"), BEGUN),
    )
    assert served == Served(MIDDLE)


def test_a_cheap_answer_that_passes_first_calls_the_hedge_off() -> None:
    served = play(
        climbing(patience=Patience(hedge_after=1.0)),
        *HEDGED,
        *(LISTEN, Done(12.0, CHEAP, [GOOD])),
        *(Drop(MIDDLE, "hedge", "the cheaper answer passed first"), BEGUN),
    )
    assert served == Served(CHEAP)


def test_a_cheap_answer_that_fails_waits_for_the_hedge_and_skips_the_rungs_between() -> None:
    served = play(
        climbing(patience=Patience(hedge_after=1.0), top=STRONG),
        *(begin(CHEAP), Began(10.0), Listen(1.0), Lapsed(11.0)),
        *(begin(STRONG, final=True), Began(11.0), LISTEN, Done(12.0, CHEAP, [BAD])),
        *(Drop(CHEAP, "says_good", "it is not good"), BEGUN, LISTEN, Ready(13.0, STRONG)),
    )
    assert served == Served(STRONG)


def test_a_hedge_that_fails_leaves_the_cheap_answer_its_chance() -> None:
    served = play(
        climbing(patience=Patience(hedge_after=1.0)),
        *HEDGED,
        *(LISTEN, Broke(12.0, MIDDLE, DOWN), LISTEN, Done(13.0, CHEAP, [GOOD])),
    )
    assert served == Served(CHEAP)


def test_when_hedge_and_cheap_answer_both_fail_the_error_is_the_last_rungs() -> None:
    with pytest.raises(UpstreamFailed):
        play(
            climbing(patience=Patience(hedge_after=1.0)),
            *HEDGED,
            *(LISTEN, Broke(12.0, MIDDLE, DOWN), LISTEN, Broke(13.0, CHEAP, UpstreamFailed("me"))),
        )


# ── graders ──────────────────────────────────────────────────────────────────────────────────


def test_graders_are_asked_after_the_free_checks_and_their_calls_are_wished_for() -> None:
    request = asked()
    served = play(
        climbing(request, graders=(Twice(),)),
        *(begin(CHEAP), BEGUN, LISTEN, Done(1.0, CHEAP, [GOOD])),
        *(Ask(CHEAP, (request,), "judge", "judge-1"), Told(2.0, [Choice("5")])),
        *(Ask(CHEAP, (request, request), "sample"), Told(3.0, [GOOD, GOOD])),
    )
    assert served == Served(CHEAP)


def test_a_failed_free_check_spares_the_graders_calls() -> None:
    climb = climbing(graders=(Twice(),))
    next(climb)
    climb.send(BEGUN)
    assert isinstance(climb.send(Done(1.0, CHEAP, [BAD])), Drop)


def test_a_grader_that_gets_no_answer_climbs() -> None:
    climb = climbing(graders=(Twice(),))
    next(climb)
    climb.send(BEGUN)
    climb.send(Done(1.0, CHEAP, [GOOD]))
    assert climb.send(Told(2.0, [None])) == Drop(CHEAP, "twice", "the judge did not answer")


# ── what is asked of the upstream ────────────────────────────────────────────────────────────


def first(request: Request, **options: Any) -> Begin:
    step = next(climbing(request, **options))
    assert isinstance(step, Begin)
    return step


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, {"logprobs": b"true", "top_logprobs": b"2"}),
        ({"logprobs": b"true", "top_logprobs": b"5"}, {"logprobs": b"true", "top_logprobs": b"5"}),
        ({"top_logprobs": b'"?"'}, {"logprobs": b"true", "top_logprobs": b"2"}),
    ],
)
def test_log_probabilities_are_asked_for_where_a_check_needs_them(
    given: dict[str, bytes], sent: dict[str, bytes]
) -> None:
    request = first(asked(given), validators=(SaysGood(top_logprobs=2),)).request
    assert {name: bytes(value) for name, value in request.fields.items()} == sent


def test_the_last_rung_gets_the_clients_own_request() -> None:
    request = asked()
    climb = climbing(request, validators=(SaysGood(top_logprobs=2),))
    next(climb)
    climb.send(BEGUN)
    begun = climb.send(Broke(1.0, CHEAP, DOWN))
    assert isinstance(begun, Begin)
    assert begun.request is request


# ── optimistic streams ───────────────────────────────────────────────────────────────────────


def events(*texts: str) -> Sequence[Event]:
    return [said(text) for text in texts]


def test_an_optimistic_stream_begins_once_no_check_can_fail() -> None:
    go, od = events("go", "od")
    served = play(
        climbing(asked(stream=True), stream="optimistic"),
        *(begin(CHEAP), BEGUN, LISTEN, go, LISTEN, od),
    )
    assert served == Served(CHEAP, whole=False)


@pytest.mark.parametrize(
    ("request_", "stream"), [(asked(), "optimistic"), (asked(stream=True), "checked")]
)
def test_only_a_streaming_client_of_an_optimistic_cascade_is_shown_an_unfinished_answer(
    request_: Request, stream: str
) -> None:
    (good,) = events("good")
    served = play(
        climbing(request_, stream=stream),
        *(begin(CHEAP), BEGUN, LISTEN, good, LISTEN, Done(1.0, CHEAP, [GOOD])),
    )
    assert served == Served(CHEAP)


class Sure(SaysGood):
    """Settles as well, and looks at log probabilities."""

    def __init__(self) -> None:
        super().__init__(top_logprobs=0)


@pytest.mark.parametrize(
    ("given", "whole"), [({}, True), ({"logprobs": b"false"}, True), ({"logprobs": b"true"}, False)]
)
def test_what_the_client_did_not_ask_for_is_not_shown_as_it_comes(
    given: dict[str, bytes], whole: bool
) -> None:
    (good,) = events("good")
    climb = climbing(asked(given, stream=True), validators=(Sure(),), stream="optimistic")
    next(climb)
    climb.send(BEGUN)
    if whole:
        assert climb.send(good) == LISTEN
    else:
        with pytest.raises(StopIteration) as end:
            climb.send(good)
        assert end.value.value == Served(CHEAP, whole=False)


def test_what_a_watch_turned_down_is_not_shown_even_where_it_is_read_to_its_end() -> None:
    bad, good = events("bad", "good")
    climb = climbing(asked(stream=True), stream="optimistic", early_drop=False)
    next(climb)
    climb.send(BEGUN)
    assert climb.send(bad) == LISTEN
    assert climb.send(good) == LISTEN
    assert isinstance(climb.send(Done(1.0, CHEAP, [BAD])), Drop)


def test_a_reply_without_choices_is_no_best_effort() -> None:
    with pytest.raises(UpstreamFailed):
        play(
            climbing(serve_best_effort=True),
            *(begin(CHEAP), BEGUN, LISTEN, Done(1.0, CHEAP, [])),
            *(Drop(CHEAP, "empty", "the reply has no choice"), BEGUN),
            *(begin(MIDDLE, final=True), BEGUN, LISTEN, Broke(2.0, MIDDLE, DOWN)),
        )


def test_graders_get_what_is_left_of_the_rungs_time() -> None:
    request = asked()
    served = play(
        climbing(request, graders=(Twice(),), patience=Patience(total=5.0)),
        *(begin(CHEAP), Began(10.0), Listen(5.0), Done(12.0, CHEAP, [GOOD])),
        *(Ask(CHEAP, (request,), "judge", "judge-1", 3.0), Told(14.0, [Choice("5")])),
        *(Ask(CHEAP, (request, request), "sample", None, 1.0), Told(15.0, [GOOD, None])),
        *(Drop(CHEAP, "timeout", "not graded after 5 s"), BEGUN),
        *(begin(MIDDLE, final=True), BEGUN, LISTEN, Ready(16.0, MIDDLE)),
    )
    assert served == Served(MIDDLE)


def test_a_grade_that_is_in_counts_however_late() -> None:
    request = asked()
    served = play(
        climbing(request, graders=(Twice(),), patience=Patience(total=5.0)),
        *(begin(CHEAP), Began(10.0), Listen(5.0), Done(12.0, CHEAP, [GOOD])),
        *(Ask(CHEAP, (request,), "judge", "judge-1", 3.0), Told(15.0, [Choice("5")])),
        *(Ask(CHEAP, (request, request), "sample", None, 0.0), Told(15.1, [GOOD, GOOD])),
    )
    assert served == Served(CHEAP)
