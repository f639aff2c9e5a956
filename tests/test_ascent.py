"""The ascent's waiting: whatever comes in whatever order, every call is ended once, and paid."""

import asyncio
import itertools
from collections.abc import Generator, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json

from stepdown import ascent
from stepdown.cascade.plan import Cascade, Cascades, Patience
from stepdown.cascade.validators.base import Base
from stepdown.errors import StepdownError, UpstreamFailed, UpstreamUnreachable
from stepdown.pipeline import Pipeline
from stepdown.server.requests import parse
from stepdown.types import Choice, Consult, Journey, Piece, Request
from support import chat
from support.scripted import (
    PAUSE,
    SILENCE,
    Book,
    Ear,
    Fleet,
    Ladder,
    Reply,
    Step,
    Upstream,
    Words,
)

BUG = ZeroDivisionError("a bug of the gateway's own")
EVENTS = chat.stream("cheap", ["fine", " and", " good"], with_usage=True)
SHOWN = b"".join(chat.stream("cheap", ["fine", " and", " good"], with_usage=False))
PATIENCE = 5.0
CUT = UpstreamUnreachable("cut")


class Fine(Base):
    """Passes what begins with "fine", settles there, and drops anything else at once."""

    name = "fine"
    settles = True

    def check(self, choice: Choice, request: Request) -> str | None:
        return None if choice.text.startswith("fine") else "it is not fine"

    def watch(self, request: Request) -> "Fine.Watch":
        return self.Watch()

    class Watch:
        def __init__(self) -> None:
            self.text = ""

        @property
        def settled(self) -> bool:
            return self.text.startswith("fine")

        def feed(self, piece: Piece) -> str | None:
            self.text += piece.text
            return None if "fine".startswith(self.text[:4]) else "it will not be fine"


class Panel:
    """A grader that asks the client's own question three times at once; any fine answer will do."""

    name = "panel"

    def __init__(self, model: str | None = "judge") -> None:
        self.model = model
        self.told: Sequence[Choice | None] = ()

    def applies(self, request: Request) -> bool:
        return True

    def grade(
        self, choice: Choice, request: Request
    ) -> Generator[Consult, Sequence[Choice | None], str | None]:
        self.told = yield Consult((request,) * 3, "judge", self.model)
        return None if any(each and each.text == "fine" for each in self.told) else "nobody agrees"


class Traveller:
    """One request through a cascade, and what is left of it."""

    def __init__(
        self,
        *,
        stream: bool = False,
        shown: str = "checked",
        ear: Ear | None = None,
        **cascade: Any,
    ) -> None:
        self.stream = stream
        self.ear = ear or Ear()
        self.cascade = Cascade(**{"validators": (Fine(),), "stream": shown, **cascade})
        self.book = Book()
        self.cheap, self.strong, self.judge = map(Upstream, ("cheap", "strong", "judge"))
        self.left: set[Any] = set()
        self.error: BaseException | None = None

    def go(self, *, leave_after: int | None = None) -> Journey:
        """Ask, and hang up after so many turns of the event loop."""
        self.fleet = Fleet(cheap=self.cheap, strong=self.strong, judge=self.judge)
        try:
            asyncio.run(self._ask(leave_after))
        except (StepdownError, asyncio.CancelledError, ZeroDivisionError) as error:
            self.error = error
        (journey,) = self.book.journeys
        self.assert_nothing_is_left(journey)
        return journey

    async def _ask(self, leave_after: int | None) -> None:
        ladder = Ladder("cheap", "strong")
        pipeline = Pipeline(
            {"auto": ladder}, self.fleet, self.book, {"auto": Cascades(self.cascade)}
        )
        asked = {"model": "auto", "stream": self.stream, "messages": [{"role": "user"}]}
        request = parse([], json.encode(asked))
        task = asyncio.create_task(pipeline.handle(request, self.ear))
        try:
            if leave_after is not None:
                for _ in range(leave_after):
                    await asyncio.sleep(0)
                task.cancel()
            async with asyncio.timeout(PATIENCE):
                await task
        finally:
            self.left = asyncio.all_tasks() - {asyncio.current_task()}

    def assert_nothing_is_left(self, journey: Journey) -> None:
        """Each call was ended once and priced; no task goes on, no connection is kept."""
        assert not self.left
        attempts = journey.attempts
        assert self.fleet.begun == len(self.fleet.endings) == len(attempts)
        assert not self.book.unended
        replies = [r for each in (self.cheap, self.strong, self.judge) for r in each.replies]
        assert all(reply.closed == 1 for reply in replies)
        if any(attempt.usage for attempt in attempts):
            costs = [attempt.cost for attempt in attempts if attempt.cost is not None]
            assert journey.cost == sum(costs, Decimal(0))
        if journey.outcome == "answered":
            assert journey.served in attempts

    def verdicts(self) -> list[str | None]:
        return [attempt.verdict for attempt in self.book.journeys[0].attempts]


def data_of(heard: bytes) -> list[bytes]:
    return [event for event in heard.split(b"\n\n") if event.startswith(b"data: ")]


# ── what a dropped rung still says ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("queue", [1, 2, 64])
def test_what_a_dropped_rung_said_is_not_heard(
    monkeypatch: pytest.MonkeyPatch, queue: int, stream: bool
) -> None:
    monkeypatch.setattr(ascent, "QUEUE", queue)
    travel = Traveller(stream=stream)
    travel.cheap.answers = [Words("bad " * 200)]
    travel.go()
    assert travel.error is None
    assert b"fine" in travel.ear.heard
    assert b"bad" not in travel.ear.heard
    assert travel.verdicts() == ["fine", "accepted"]


def test_a_dropped_rungs_own_failure_comes_too_late_to_matter() -> None:
    for failure in (BUG, CUT):
        travel = Traveller(stream=True)
        travel.cheap.answers = [Words("bad bad", end=failure)]
        travel.go()
        assert travel.error is None
        assert b"fine" in travel.ear.heard


def test_a_hedge_that_never_ran_is_called_off() -> None:
    travel = Traveller(patience=Patience(hedge_after=1e-9))
    travel.cheap.answers = [Words("fine", [PAUSE])]
    journey = travel.go()
    assert journey.served is not None
    assert b"fine" in travel.ear.heard


MOMENTS = list(itertools.product(range(9), range(9)))
"""Turns of the event loop that the cheap and the strong call take."""


@pytest.mark.parametrize("shown", ["checked", "optimistic"])
def test_a_hedge_that_fails_at_any_moment_does_not_spoil_what_passes(shown: str) -> None:
    for cheap, strong in MOMENTS:
        travel = Traveller(stream=True, shown=shown, patience=Patience(hedge_after=1e-9))
        travel.cheap.answers = [Reply(*[PAUSE] * cheap, *EVENTS[:2], *[PAUSE] * 9, *EVENTS[2:])]
        travel.strong.answers = [Reply(*[PAUSE] * strong, CUT)]
        journey = travel.go()
        assert travel.error is None
        assert travel.ear.heard == SHOWN
        failed = CUT.code in travel.fleet.endings
        for hedge in journey.attempts[1:]:
            assert (hedge.verdict, hedge.error) == ((None, CUT.code) if failed else ("hedge", None))


def test_whoever_is_first_the_other_is_paid_for_before_the_answer_says_what_it_cost() -> None:
    winners: set[str] = set()
    for cheap, strong in MOMENTS:
        travel = Traveller(patience=Patience(hedge_after=1e-9))
        travel.cheap.answers = [Reply(*[PAUSE] * cheap, *EVENTS)]
        travel.strong.answers = [Reply(*[PAUSE] * strong, chat.completion("strong", "fine"))]
        journey = travel.go()
        assert travel.ear.cost == journey.cost
        assert [attempt.error for attempt in journey.attempts if attempt.error] == []
        assert travel.verdicts().count("accepted") == 1
        assert journey.served is not None
        winners.add(journey.served.model)
    assert winners == {"cheap", "strong"}


# ── failures that are nobody's plan ──────────────────────────────────────────────────────────


@pytest.mark.parametrize("shown", ["checked", "optimistic"])
@pytest.mark.parametrize("text", ["f", "fine then"])
def test_a_bug_in_a_call_is_raised_and_ends_the_rest(text: str, shown: str) -> None:
    travel = Traveller(stream=True, shown=shown, patience=Patience(hedge_after=0.001))
    travel.cheap.answers = [Words(text, [PAUSE, 0.01], end=BUG)]
    travel.strong.answers = [Reply(SILENCE)]
    journey = travel.go()
    assert travel.error is BUG
    assert journey.outcome == "failed"


def test_a_bug_in_one_graders_call_ends_the_others() -> None:
    travel = Traveller(graders=(Panel(),))
    travel.judge.answers = [Reply(SILENCE), BUG, Reply(SILENCE)]
    travel.go()
    assert travel.error is BUG
    assert sorted(travel.fleet.endings, key=str) == [None, "cancelled", "cancelled", "cancelled"]


# ── graders ──────────────────────────────────────────────────────────────────────────────────


def test_a_grader_that_asks_for_a_stream_is_told_all_of_it() -> None:
    panel = Panel()
    travel = Traveller(stream=True, graders=(panel,))
    travel.judge.answers = [Words("fi ne", [PAUSE] * 4)] * 3
    travel.go()
    assert [each and each.text for each in panel.told] == ["fine"] * 3
    assert travel.verdicts() == ["accepted", None, None, None]


def test_a_grader_hears_who_failed_and_the_attempt_says_how() -> None:
    panel = Panel()
    travel = Traveller(graders=(panel,))
    travel.judge.answers = [
        UpstreamFailed("down"),
        Reply(b'{"choices":[7]}'),
        Reply(chat.completion("judge", "fine")),
    ]
    travel.go()
    assert [each and each.text for each in panel.told] == [None, None, "fine"]
    assert sorted(travel.fleet.endings, key=str) == [
        None,
        None,
        "upstream_failed",
        "upstream_malformed",
    ]


def test_a_grader_gets_what_is_left_of_the_rungs_time() -> None:
    panel = Panel()
    travel = Traveller(graders=(panel,), patience=Patience(total=0.05))
    travel.judge.answers = [Reply(SILENCE), Words("fine"), Reply(SILENCE)]
    travel.go()
    cheap = travel.book.journeys[0].attempts[0]
    assert (cheap.verdict, cheap.reason) == ("timeout", "not graded after 0.05 s")
    assert travel.fleet.endings.count("cancelled") == 2


def test_a_grader_that_asks_nobody() -> None:
    class Nobody(Panel):
        def grade(
            self, choice: Choice, request: Request
        ) -> Generator[Consult, Sequence[Choice | None], str | None]:
            self.told = yield Consult((), "judge")
            return None

    travel = Traveller(graders=(Nobody(),))
    travel.go()
    assert travel.verdicts() == ["accepted"]


def test_samples_are_the_models_own() -> None:
    travel = Traveller(graders=(Panel(None),))
    travel.go()
    assert len(travel.cheap.asked) == 4
    assert [attempt.model for attempt in travel.book.journeys[0].attempts] == ["cheap"] * 4


def test_a_client_is_kept_alive_while_a_grader_asks() -> None:
    travel = Traveller(stream=True, graders=(Panel(),), keep_alive=0.01)
    travel.judge.answers = [Words("fine", [0.05])] * 3
    travel.go()
    comments, _, rest = travel.ear.heard.rpartition(ascent.KEEP_ALIVE)
    assert comments.count(ascent.KEEP_ALIVE) >= 2
    assert rest == b"".join(chat.stream("cheap", ["fine"], with_usage=False))


# ── verdicts ─────────────────────────────────────────────────────────────────────────────────


def test_a_hedge_that_failed_by_itself_was_not_overtaken() -> None:
    travel = Traveller(patience=Patience(hedge_after=0.001))
    travel.cheap.answers = [Words("fine", [0.02])]
    travel.strong.answers = [UpstreamFailed("down")]
    journey = travel.go()
    assert [(each.verdict, each.error) for each in journey.attempts] == [
        ("accepted", None),
        (None, "upstream_failed"),
    ]


@pytest.mark.parametrize(
    ("strong", "reference"), [(CUT, Decimal(0)), (Reply(chat.completion("strong")[:40]), None)]
)
def test_without_an_answer_nothing_is_saved(strong: Any, reference: Decimal | None) -> None:
    """The reference has cost what the strong model did, answered or not."""
    travel = Traveller(early_drop=False)
    travel.cheap.answers = [Words("bad")]
    travel.strong.answers = [strong]
    journey = travel.go()
    assert isinstance(travel.error, StepdownError)
    cheap, last = journey.attempts
    assert journey.reference_cost == (last.cost or Decimal(0))
    assert reference is None or journey.reference_cost == reference
    assert journey.saved == -(cheap.cost or Decimal(0))


def test_a_slow_client_holds_the_upstream_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ascent, "QUEUE", 4)
    travel = Traveller(stream=True, shown="optimistic", ear=Ear(SILENCE))
    travel.cheap.answers = [Words("fine " + "word " * 500)]
    travel.go(leave_after=200)
    assert len(travel.cheap.replies[0].steps) > 480
    assert travel.book.journeys[0].outcome == "cancelled"


# ── departures at every moment ───────────────────────────────────────────────────────────────

SLOWLY = [PAUSE] * 8
SCENES: dict[str, tuple[dict[str, Any], list[Any], list[Any], list[Any]]] = {
    "accepted": ({}, [Words("fine", SLOWLY)], [], []),
    "dropped": ({"stream": True}, [Words("bad bad bad", SLOWLY)], [Words("fine", SLOWLY)], []),
    "rejected": ({"early_drop": False}, [Words("bad", SLOWLY)], [Words("fine", SLOWLY)], []),
    "failed": ({}, [UpstreamFailed("down")], [Words("fine", SLOWLY)], []),
    "hedged": (
        {"patience": Patience(hedge_after=1e-9)},
        [Words("fine", SLOWLY)],
        [Words("fine", SLOWLY)],
        [],
    ),
    "graded": (
        {"stream": True, "graders": (Panel(),)},
        [Words("fine")],
        [],
        [Words("fine", SLOWLY), Words("fi ne", SLOWLY), UpstreamFailed("down")],
    ),
}


@pytest.mark.parametrize("optimistic", [False, True])
@pytest.mark.parametrize("queue", [1, 64])
@pytest.mark.parametrize("scene", SCENES)
def test_a_departure_at_any_moment_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, scene: str, queue: int, optimistic: bool
) -> None:
    monkeypatch.setattr(ascent, "QUEUE", queue)
    options, cheap, strong, judge = SCENES[scene]
    for turns in itertools.count(1):
        travel = Traveller(shown="optimistic" if optimistic else "checked", **options)
        travel.cheap.answers, travel.strong.answers = list(cheap), list(strong)
        travel.judge.answers = list(judge)
        journey = travel.go(leave_after=turns)
        if journey.outcome == "answered":
            break
        assert (journey.outcome, journey.error) == ("cancelled", "client_gone")
    assert turns > 5


# ── anything at all ──────────────────────────────────────────────────────────────────────────

steps: st.SearchStrategy[Step] = st.sampled_from([PAUSE, PAUSE, PAUSE, 0.001, 0.003])
words = st.builds(
    Words,
    st.sampled_from(["fine", "fi ne", "fine and more", "bad", "f ish", "bad and worse"]),
    st.lists(steps, max_size=5),
    st.sampled_from([None, None, None, CUT, BUG]),
)
answers = st.lists(st.one_of(words, words, st.sampled_from([CUT, BUG])), max_size=4)
seconds = st.sampled_from([None, None, 1e-9, 0.001, 0.002])
cascades = st.builds(
    Cascade,
    st.just((Fine(),)),
    st.sampled_from([(), (), (Panel(),), (Panel(None),)]),
    st.builds(Patience, seconds, seconds, seconds),
    st.sampled_from(["checked", "optimistic"]),
    early_drop=st.booleans(),
    serve_best_effort=st.booleans(),
    keep_alive=st.sampled_from([5.0, 0.0005]),
)


@settings(max_examples=300, deadline=None)
@given(
    cascades,
    st.tuples(answers, answers, answers),
    st.booleans(),
    st.one_of(st.none(), st.integers(1, 40)),
    st.lists(steps, max_size=3),
)
def test_whatever_happens_every_call_is_ended_once_and_paid_for(
    cascade: Cascade,
    scripts: tuple[list[Any], list[Any], list[Any]],
    stream: bool,
    leave_after: int | None,
    pace: list[Step],
) -> None:
    travel = Traveller(stream=stream, ear=Ear(*pace))
    travel.cascade = cascade
    travel.cheap.answers, travel.strong.answers, travel.judge.answers = map(list, scripts)
    journey = travel.go(leave_after=leave_after)
    if journey.outcome == "answered":
        assert travel.error is None
        assert journey.served is not None
        assert travel.ear.events[-1] == ("close" if stream else "answer")
        whole = journey.served.model == "strong" or cascade.stream == "checked" or not stream
        if journey.served.verdict == "accepted" and journey.served.model == "cheap" and whole:
            assert b"bad" not in travel.ear.heard
        if stream:
            assert data_of(travel.ear.heard)[-1] == b"data: [DONE]"
    else:
        assert travel.error is not None
