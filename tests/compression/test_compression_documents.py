"""Where a user asks, and where the documents are that were pasted with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.compression.documents import LEAST_DOCUMENT, pieces, requests
from support.prompts_to_shrink import document

DOCUMENT = "\n\n".join(document(4, 10 * part) for part in range(4))
ASKED = "Which note speaks of ice?"


def asked(text: str) -> str:
    return "|".join(text[start:end] for start, end in requests(text))


@pytest.mark.parametrize(
    "text",
    [
        f"{ASKED}\n\n{DOCUMENT}",
        f"{DOCUMENT}\n\n{ASKED}",
        f"Read this.\n\n{DOCUMENT}\n\nQuestion: {ASKED}\nAnswer:",
        f"<document>\n{DOCUMENT}\n</document>\n{ASKED}",
        f'{ASKED}\n"""\n{DOCUMENT}\n"""\nBe brief.',
        f"{ASKED}\n" + DOCUMENT.replace("\n\n", "\n"),
        f"Answer in one word.\n\n{ASKED}\n\nContext:\n{DOCUMENT}",
    ],
)
def test_the_question_is_asked_and_the_middle_of_the_document_is_not(text: str) -> None:
    found = asked(text)
    assert ASKED in found
    assert document(1, 12) not in found
    assert document(1, 22) not in found


def test_a_document_may_begin_the_text() -> None:
    assert document(1, 0) not in asked(f"{DOCUMENT}\n\n{ASKED}")


def test_a_document_may_end_the_text() -> None:
    assert document(1, 31) not in asked(f"{ASKED}\n\n{DOCUMENT}")


def test_an_end_that_may_be_either_counts_as_asked() -> None:
    found = asked(DOCUMENT)
    assert document(1, 0) in found
    assert document(1, 33) in found


def test_a_short_text_is_all_asked() -> None:
    text = document(3)[: LEAST_DOCUMENT - 1]
    assert requests(text) == [(0, len(text))]


def test_what_stands_in_speaking_tags_is_asked() -> None:
    rules = f"<instructions>\n{document(8)}\n</instructions>"
    assert document(8) in asked(f"{rules}\n<doc>\n{DOCUMENT}\n</doc>")


def test_a_paragraph_with_a_lead_is_asked_wherever_it_stands() -> None:
    lead = f"Instructions: {document(3, 50)}"
    assert lead in asked(f"{document(6)}\n\n{document(6, 60)}\n\n{lead}\n\n{DOCUMENT}\n\n{ASKED}")


def test_a_tools_output_asks_nothing() -> None:
    assert {span.kind for span in pieces(DOCUMENT, "tool")} == {"text"}


@given(st.text(st.sampled_from("ab. ?\n:<>/\"'"), max_size=900))
def test_requests_are_in_order_and_within_the_text(text: str) -> None:
    places = [place for stretch in requests(text) for place in stretch]
    assert places == sorted(places)
    assert all(0 <= place <= len(text) for place in places)
    found = pieces(text, "user")
    assert "".join(text[span.start : span.end] for span in found) == text
