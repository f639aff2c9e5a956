"""``extract``: what has to do with the question stays, in order, within the target."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepdown.compression.passages import GAP
from stepdown.compression.techniques.extract import FLOOR, LEAST_TOKENS, Extract
from support.prompts_to_shrink import PROTECTED, applied, document, draft_of, sentence, tool, user

NEEDLE = "The lighthouse keeper Marta Solberg earned 4,120 crowns in 1931."
ASKED = "How much did the lighthouse keeper earn?"
TEXT = f"{document(20)} {NEEDLE} {document(20, 20)}"


def outcome(text: str, share: float, asked: str = ASKED) -> tuple[str, int, int]:
    """The text that is left, the prompt's tokens, and the target."""
    draft = draft_of(tool(text), user(asked))
    draft.target = round(draft.tokens * share)
    after = applied(Extract(), draft)
    assert after[1].content == asked
    return str(after[0].content), draft.tokens, draft.target


@pytest.mark.parametrize("share", [0.7, 0.5, 0.35])
def test_the_passage_that_answers_stays_and_the_target_is_met(share: float) -> None:
    text, tokens, target = outcome(TEXT, share)
    assert NEEDLE in text
    assert target - 40 <= tokens <= target


def test_it_keeps_order_and_marks_gaps() -> None:
    whole = "\n\n".join(sentence(number) for number in range(40))
    text, _, _ = outcome(whole, 0.4, asked="What do note 35, note 3 and note 17 say?")
    assert all(sentence(number) in text for number in (3, 17, 35))
    parts = [part.strip() for part in text.split(GAP) if part.strip()]
    assert len(parts) > 1
    places = [whole.index(part) for part in parts]
    assert places == sorted(places)


def test_texts_compete_for_the_room() -> None:
    draft = draft_of(tool(document(20)), tool(f"{NEEDLE} {document(19, 30)}"), user(ASKED))
    draft.target = round(draft.tokens * 0.4)
    first, second, _ = applied(Extract(), draft)
    assert NEEDLE in str(second.content)
    assert len(str(first.content)) < len(str(second.content))


def test_some_of_the_documents_stays_whatever_the_target() -> None:
    text, _, _ = outcome(TEXT, 0.01)
    assert len(text) > FLOOR * 0.8 * len(TEXT)
    assert NEEDLE in text


def test_what_does_not_name_its_subject_stays_with_what_does() -> None:
    told = "The chapel of Kelso stands on the hill above us. It was built by hand in 1712."
    text = f"{document(20)}\n\n{told}\n\n{document(20, 20)}"
    left, _, _ = outcome(text, 0.35, asked="When did they put up the chapel of Kelso?")
    assert told in left


def test_without_a_need_nothing_changes() -> None:
    assert outcome(TEXT, 1.0)[0] == TEXT
    assert outcome(document(3), 0.2)[0] == document(3)
    assert draft_of(tool(document(3))).tokens < LEAST_TOKENS


def test_without_a_question_nothing_changes() -> None:
    assert outcome(TEXT, 0.4, asked="…?")[0] == TEXT


def test_data_stays() -> None:
    data = json.dumps([{"id": at, "name": f"name {at}"} for at in range(10)])
    text, _, _ = outcome(f"{document(20)}\n{data}\n{document(20, 30)}", 0.5)
    assert data in text


def test_answers_of_the_model_stay() -> None:
    answer = {"role": "assistant", "content": document(40, 50)}
    draft = draft_of(tool(TEXT), answer, user(ASKED), target=50)
    assert applied(Extract(), draft)[1].content == answer["content"]


def test_meanings_count_where_there_are_vectors() -> None:
    numpy = pytest.importorskip("numpy")
    liked = sentence(7)

    def vectors(texts: Sequence[str]) -> object:
        return numpy.array([[1.0, 0.0] if i == 0 or liked in t else [0.0, 1.0]
                            for i, t in enumerate(texts)])  # fmt: skip

    draft = draft_of(tool(TEXT), user(ASKED))
    draft.target = round(draft.tokens * 0.3)
    text = str(applied(Extract(vectors), draft)[0].content)
    assert liked in text
    assert NEEDLE in text


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.integers(0, 300).map(sentence) | st.sampled_from(PROTECTED), min_size=12, max_size=40
    )
)
def test_what_is_protected_comes_out_as_it_went_in(parts: list[str]) -> None:
    text, _, _ = outcome("\n\n".join(parts), 0.3)
    at = 0
    for part in parts:
        if part in PROTECTED:
            at = text.index(part, at) + len(part)


def test_empty_lines_within_code_are_read_once() -> None:
    """To look for a paragraph's end from each of them would take hours, holding the lock."""
    text, _, _ = outcome("```\n" + "\n" * 800_000 + "x = 1\n```\n" + TEXT, 0.5)
    assert text.startswith("```")
