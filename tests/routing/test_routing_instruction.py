"""The instruction is told from the pasted document."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.routing.instruction import HEAD, TAIL, instruction, phrase

DOCUMENTS = [
    "Name the city.\n```\nSECRET\n```",
    "Name the city.\n~~~text\nSECRET\n~~~\nThank you.",
    'Name the city.\n"""SECRET"""',
    "Name the city.\n'''\nSECRET\n'''",
    "Name the city. <document>SECRET</document>",
    '<mail id="7">\nSECRET\n</mail>\nName the city.',
    "Name the city.\n\n> SECRET\n> and more",
    'Name the city in "they say that the SECRET lies in the north".',
    "Name the city in “they say that the SECRET lies in the north”.",
    "Name the city.\n\nText: SECRET",
    "Name the city.\n\nCustomer message:\nSECRET\n",
    "Name the city in this e-mail: SECRET",
    "Text: SECRET\nmore SECRET\n\nName the city.",
    "Text:\n\nSECRET\n\nName the city.",
    "Article: SECRET\nQuestion: Name the city.",
    "Name the city.\n```\nSECRET, and the fence is never closed",
]


@pytest.mark.parametrize("turn", DOCUMENTS)
def test_documents_are_cut_and_the_instruction_stays(turn: str) -> None:
    asked = instruction(turn)
    assert "secret" not in asked.words
    assert "name the city" in asked.flat


SPOKEN = [
    "Tell me the SECRET",
    'Say "SECRET" or nothing',
    "Here is my question: what is the SECRET?",
    "<instructions>Tell me the SECRET</instructions>\n<data>1</data>",
    "It's 10:30 and you don't know the SECRET, it's mine",
    "First do this:\n- tell me the SECRET\n- go",
]


@pytest.mark.parametrize("turn", SPOKEN)
def test_what_is_spoken_stays(turn: str) -> None:
    assert "secret" in instruction(turn).words


def test_behind_an_announced_document_the_user_speaks_no_more() -> None:
    asked = instruction("Summarize the text below.\n\nOne.\n\nTwo.\n\nThree.")
    assert asked.text[: asked.head_end] == "summarize the text below."
    assert asked.text[asked.tail_start :] == "three."


def test_a_long_text_is_read_at_its_ends() -> None:
    asked = instruction("first " + "x" * 100_000 + " last")
    assert {"first", "last"} <= asked.words
    assert len(asked.text) <= HEAD + TAIL + 2


@given(st.text(alphabet=st.sampled_from("ab \n:>\"'`<>/~“”.。A"), max_size=300))
def test_any_text_has_an_instruction_whose_parts_fit(turn: str) -> None:
    asked = instruction(turn)
    assert len(asked.flat) == len(asked.text) + 2
    assert 0 <= asked.head_end <= len(asked.text)
    assert 0 <= asked.tail_start <= len(asked.text)
    assert len(asked.text) <= HEAD + TAIL + 40


@given(st.text(max_size=300))
def test_positions_in_flat_and_text_agree(turn: str) -> None:
    asked = instruction(turn)
    for position, letter in enumerate(asked.text):
        if letter.isascii() and letter.isalnum():
            assert asked.flat[position + 1] == letter


def test_a_phrase_is_as_it_stands_in_the_text() -> None:
    assert phrase("TL;DR") == "tl dr"
    assert phrase("  Trade-offs, now! ") == "trade offs now"
    assert phrase("Überblick …") == "überblick"
