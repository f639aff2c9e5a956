"""One call: when its first bytes are in, what it shows after them, and what it has used."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from stepdown.calls import Call, total
from stepdown.errors import (
    UpstreamError,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamUnreachable,
)
from stepdown.types import Attempt, Usage
from support import chat
from support.answers import asking
from support.scripted import Endpoint, Reply, TokenPrice

EVENTS = chat.stream("x", ["a", "b"], with_usage=True)
SHOWN = b"".join(chat.stream("x", ["a", "b"], with_usage=False))
CUT = UpstreamUnreachable("cut")
OVERLOADED = b'data: {"error":{"message":"overloaded"}}\n\n'


def calling(**fields: Any) -> Call:
    request = asking(stream=True, **fields)
    return Call(Endpoint("cheap", None, TokenPrice("1")), Attempt("cheap", "d", 0.0), request)


def read(*steps: Any) -> tuple[Call, list[bytes], UpstreamError | None]:
    """The call, what it showed, and how it broke off."""
    call, shown = calling(), list[bytes]()

    async def run() -> UpstreamError | None:
        try:
            await call.first_bytes(Reply(*steps))
            shown.append(call.body)
            async for piece in call.shown():
                shown.append(piece)
        except UpstreamError as error:
            return error
        return None

    error = asyncio.run(run())
    return call, shown, error


# ── what it shows ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "steps",
    [EVENTS, [b"".join(EVENTS)], [b"".join(EVENTS)[at : at + 7] for at in range(0, 2000, 7)]],
)
def test_a_stream_shows_what_the_client_asked_for(steps: list[bytes]) -> None:
    _, shown, error = read(*steps)
    assert error is None
    assert b"".join(shown) == SHOWN


def test_the_first_bytes_are_something_to_show() -> None:
    call, shown, _ = read(EVENTS[0][:9], EVENTS[0][9:], *EVENTS[1:])
    assert call.body == shown[0]
    assert shown[0].endswith(b"\n\n")


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ([], UpstreamMalformed),
        ([OVERLOADED], UpstreamFailed),
        ([EVENTS[0] + OVERLOADED], UpstreamFailed),
        ([CUT], UpstreamUnreachable),
    ],
    ids=["empty", "error first", "error with the first bytes", "cut"],
)
def test_before_its_first_bytes_a_stream_has_shown_nothing(
    steps: list[Any], kind: type[UpstreamError]
) -> None:
    _, shown, error = read(*steps)
    assert (type(error), shown) == (kind, [])


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ([CUT], UpstreamUnreachable),
        ([], UpstreamUnreachable),
        ([OVERLOADED], UpstreamFailed),
        ([EVENTS[2] + OVERLOADED + chat.DONE], UpstreamFailed),
        ([OVERLOADED.rstrip()], UpstreamFailed),
    ],
    ids=["cut", "no end", "error", "error and a good end", "error without its end"],
)
def test_a_stream_that_breaks_off_shows_what_came_before(
    steps: list[Any], kind: type[UpstreamError]
) -> None:
    call, shown, error = read(EVENTS[0], EVENTS[1], *steps)
    assert type(error) is kind
    assert b"".join(shown).startswith(b"".join(chat.stream("x", ["a"], with_usage=False)[:2]))
    assert b"error" not in b"".join(shown)
    assert b"[DONE]" not in b"".join(shown)
    assert call.tap is not None


def test_there_is_no_more_behind_the_end() -> None:
    call, _, _ = read(*EVENTS)
    assert asyncio.run(call.more()) == b""


def test_a_whole_answer_has_nothing_behind_it() -> None:
    call = calling()
    call.body = chat.completion("x")
    assert asyncio.run(call.more()) == b""


# ── what it used ─────────────────────────────────────────────────────────────────────────────


def test_what_the_upstream_counted() -> None:
    call, _, _ = read(*EVENTS)
    call.spend(None)
    assert call.attempt.usage == Usage(input=19, output=2)
    assert not call.attempt.estimated


def test_what_was_broken_off_is_estimated() -> None:
    call, _, error = read(*EVENTS[:2], CUT)
    call.spend(error)
    usage = call.attempt.usage
    assert usage is not None
    assert usage.output == 2
    assert usage.input > 0
    assert call.attempt.estimated


@pytest.mark.parametrize(
    ("error", "body", "billed"),
    [
        (None, b"", True),
        (asyncio.CancelledError(), b"", True),
        (CUT, b"{}", True),
        (CUT, b"", False),
        (UpstreamFailed("500"), b"", False),
        (ZeroDivisionError(), b"", False),
    ],
)
def test_what_the_upstream_did_not_take_up_costs_nothing(
    error: BaseException | None, body: bytes, billed: bool
) -> None:
    call = calling()
    call.body = body
    call.spend(error)
    assert (call.attempt.usage is not None) is billed


# ── together ─────────────────────────────────────────────────────────────────────────────────


def attempt(used: int | None, cost: str | None) -> Attempt:
    usage = None if used is None else Usage(input=used)
    return Attempt("m", "d", 0.0, usage=usage, cost=None if cost is None else Decimal(cost))


@pytest.mark.parametrize(
    ("attempts", "cost"),
    [
        ([attempt(1, "2")], "2"),
        ([attempt(1, "2"), attempt(3, "4")], "6"),
        ([attempt(None, None), attempt(3, "4")], "4"),
        ([attempt(None, None), attempt(None, None)], "0"),
        ([attempt(1, None), attempt(3, "4")], None),
        ([attempt(1, None)], None),
    ],
)
def test_attempts_cost_together(attempts: list[Attempt], cost: str | None) -> None:
    assert total(attempts) == (None if cost is None else Decimal(cost))


def test_a_transcript_is_of_what_came() -> None:
    call, shown, _ = read(*EVENTS)
    transcript = call.transcript()
    transcript.feed(b"".join(shown))
    assert transcript.choices[0].text == "ab"
    whole = calling()
    whole_transcript = whole.transcript()
    whole_transcript.feed(chat.completion("x", "ab"))
    assert whole_transcript.choices == transcript.choices
