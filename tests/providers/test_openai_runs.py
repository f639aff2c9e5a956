"""Runs of chunks: read as fast as may be, and never otherwise than chunk by chunk."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from stepdown.providers import openai_transcript
from stepdown.providers.openai_chunks import read_chunk
from stepdown.providers.openai_runs import Run, run_from
from stepdown.providers.openai_transcript import OpenAITranscript

WORD = {"index": 0, "delta": {"content": "word"}, "logprobs": None, "finish_reason": None}


def payload(choice: dict[str, Any], **beside: Any) -> bytes:
    return json.encode({"id": "1", "choices": [choice], **beside})


def begun(chunk: bytes) -> Run | None:
    choices = read_chunk(chunk).choices
    assert choices is not None
    return run_from(chunk, choices)


@pytest.mark.parametrize("text", ["", " next", 'a "quoted" \\ word', "é\n", '"}'])
def test_a_chunk_that_differs_in_its_text_goes_on_with_the_run(text: str) -> None:
    run = begun(payload(WORD))
    assert run is not None
    assert run.text_of(payload({**WORD, "delta": {"content": text}})) == text


@pytest.mark.parametrize(
    "other",
    [
        payload({**WORD, "index": 1}),
        payload({**WORD, "finish_reason": "stop"}),
        payload({**WORD, "delta": {"content": "word", "refusal": "no"}}),
        payload({**WORD, "delta": {"content": None}}),
        payload({**WORD, "delta": {"content": ["word"]}}),
        payload(WORD, usage={"prompt_tokens": 1}),
        payload(WORD)[:-1],
        b"",
    ],
)
def test_any_other_chunk_ends_it(other: bytes) -> None:
    run = begun(payload(WORD))
    assert run is not None
    assert run.text_of(other) is None


@pytest.mark.parametrize(
    "choice",
    [
        {**WORD, "finish_reason": "stop"},
        {**WORD, "logprobs": {"content": []}},
        {**WORD, "delta": {"content": "word", "reasoning_content": "hm"}},
        {**WORD, "delta": {"content": [{"type": "text", "text": "word"}]}},
        {**WORD, "token_ids": [1, 2]},
        {**WORD, "delta": {"content": 'a \\ "word"'}},
    ],
)
def test_what_says_more_than_text_begins_no_run(choice: dict[str, Any]) -> None:
    assert begun(payload(choice)) is None


TEXTS = st.text(st.sampled_from('ab "\\{}é\n'), max_size=4)
DELTAS = st.one_of(
    st.fixed_dictionaries({"content": TEXTS}),
    st.fixed_dictionaries({"content": TEXTS}, optional={"reasoning": TEXTS, "role": TEXTS}),
    st.fixed_dictionaries({"content": st.just([{"type": "text", "text": "part"}])}),
)
CHOICES = st.builds(
    lambda index, delta, end: {"index": index, "delta": delta, "finish_reason": end},
    st.integers(0, 1),
    DELTAS,
    st.sampled_from([None, None, None, "stop"]),
)
CHUNKS = st.lists(st.tuples(CHOICES, st.integers(1, 3)), min_size=1, max_size=8)


@given(CHUNKS, st.booleans())
def test_the_answer_is_the_same_as_without_runs(
    chunks: list[tuple[dict[str, Any], int]], together: bool
) -> None:
    events = [
        b"data: " + payload(choice) + b"\n\n" for choice, times in chunks for _ in range(times)
    ]
    fed = [b"".join(events)] if together else events

    def read() -> OpenAITranscript:
        transcript = OpenAITranscript(streamed=True, hide_logprobs=False)
        for data in fed:
            transcript.feed(data)
        return transcript

    quick = read()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(openai_transcript, "RUN_TRIES", 0)
        slow = read()
    assert quick.choices == slow.choices
    assert json.decode(quick.body(None)) == json.decode(slow.body(None))


def test_words_that_come_together_are_one_piece() -> None:
    transcript = OpenAITranscript(streamed=True, hide_logprobs=False)
    words = b"".join(b"data: " + payload(WORD) + b"\n\n" for _ in range(9))
    assert [piece.text for piece in transcript.feed(words)] == ["word" * 9]
