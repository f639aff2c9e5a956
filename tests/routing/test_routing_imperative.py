"""Commands and mentions; the quick answers are those that the patterns give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.routing.imperative import ASKING, REACH, SENTENCE_START, WISHING, is_command
from stepdown.routing.instruction import instruction
from stepdown.routing.lexicon import Place

LEADS = [
    "please",
    "kindly",
    "you",
    "can",
    "could",
    "would",
    "must",
    "are",
    "to",
    "you",
    "let's",
    "lets",
    "help",
    "me",
    "try",
    "go",
    "ahead",
    "and",
    "read",
    "see",
    "the",
    "given",
    "text,",
    "for",
    "each",
    "item,",
    "want",
    "like",
    "then",
    "next",
    "first",
    "now",
    "so",
    "ok",
    "hi",
    "1.",
    "-",
    "*",
    "(",
    "“",
    "it:",
    ".",
    "!",
    "?",
    ";",
    "\n",
    "she",
    "often",
    "text.please",
    "e-mail",
    "dogs",
    "2)",
    "task",
    "is",
    "your",
    "goal",
    "have",
]


def place(text: str) -> Place:
    return Place("summarize", "summarize", text.rindex("summarize"))


@given(st.lists(st.sampled_from(LEADS), max_size=6), st.sampled_from(["it", "dogs", "the text"]))
def test_the_quick_way_agrees_with_the_patterns(leads: list[str], following: str) -> None:
    asked = instruction(f"Well, {' '.join(leads)} summarize {following}")
    if "summarize" not in asked.text:
        return
    spot = place(asked.text)
    before = asked.text[max(0, spot.start - REACH) : spot.start]
    if spot.start > REACH:
        before = "x" + before
    wished = WISHING.search(before) is not None and following != "dogs"
    slow = bool(SENTENCE_START.search(before) or ASKING.search(before) or wished)
    assert is_command(asked, spot) == slow


@pytest.mark.parametrize(
    "text",
    [
        "Summarize the text",
        "Hello. Summarize it",
        "Could you please summarize it?",
        "I want you to summarize this",
        "1. Summarize the first part",
        "Read the mail and summarize it",
        "For each item, summarize it",
        "I need to summarize this report",
    ],
)
def test_commands(text: str) -> None:
    asked = instruction(text)
    assert is_command(asked, place(asked.text))


@pytest.mark.parametrize(
    "text",
    [
        "She can summarize well",
        "Models that summarize are common",
        "I want to summarize dogs",
        "They often summarize",
        "Why does it summarize of all things",
    ],
)
def test_mentions(text: str) -> None:
    asked = instruction(text)
    assert not is_command(asked, place(asked.text))
