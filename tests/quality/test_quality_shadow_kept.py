"""A client's answer is passed on as it is, kept up to a limit, and read later."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.errors import UpstreamMalformed
from stepdown.providers.openai import OpenAIDialect
from stepdown.quality.shadow.kept import Answer, Kept, read
from stepdown.types import ToolCall
from support import chat
from support.journeys import make_journey
from support.scripted import Ear

DIALECT = OpenAIDialect()


def streamed(pieces: Sequence[bytes], most: int) -> tuple[Ear, Answer]:
    ear = Ear()
    kept = Kept(ear, most)

    async def write() -> None:
        await kept.open_stream(make_journey())
        for piece in pieces:
            await kept.write(piece)
        await kept.close_stream()

    asyncio.run(write())
    return ear, kept.taken()


@given(st.lists(st.binary(max_size=8)), st.integers(0, 30))
def test_all_is_passed_on_and_kept_whole_or_not_at_all(pieces: list[bytes], most: int) -> None:
    ear, answer = streamed(pieces, most)
    said = b"".join(pieces)
    assert (ear.heard, ear.events) == (said, ["open", "close"])
    assert answer.streamed
    assert answer.data == (said if len(said) <= most else None)
    assert answer.size == len(answer.data or b"")


@pytest.mark.parametrize("most", [3, 4, 5])
def test_a_whole_answer_is_kept_the_same_way(most: int) -> None:
    ear = Ear()
    kept = Kept(ear, most)
    journey = make_journey(cost="0.5")
    asyncio.run(kept.answer(journey, b"1234"))
    assert (ear.heard, ear.events, ear.cost) == (b"1234", ["answer"], journey.cost)
    assert kept.taken() == Answer(b"1234" if most >= 4 else None, streamed=False)


def test_a_client_that_went_away_is_heard_of() -> None:
    kept = Kept(Ear(asyncio.CancelledError()), 100)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(kept.write(b"data"))


def test_a_whole_answer_is_read() -> None:
    body = chat.completion("m", "Paris.")
    assert read(DIALECT, body, streamed=False).text == "Paris."


def test_a_stream_is_read_with_the_gateways_own_comments_in_between() -> None:
    events = chat.stream("m", ["Par", "is", "."], with_usage=False)
    stream = b": stepdown is checking the answer\n\n".join(events)
    choice = read(DIALECT, stream, streamed=True)
    assert (choice.text, choice.finish_reason) == ("Paris.", "stop")


def test_streamed_tool_calls_are_read() -> None:
    events = chat.stream_of_calls("m", [("find", ['{"city":', '"Paris"}'])], with_usage=False)
    choice = read(DIALECT, b"".join(events), streamed=True)
    assert choice.tool_calls == (ToolCall("find", '{"city":"Paris"}'),)


@pytest.mark.parametrize(
    ("data", "is_stream"),
    [(b"<html>", False), (b'{"choices":[]}', False), (b"data: {]\n\n", True), (b"", True)],
)
def test_what_cannot_be_read_says_so(data: bytes, is_stream: bool) -> None:
    with pytest.raises(UpstreamMalformed):
        read(DIALECT, data, streamed=is_stream)
