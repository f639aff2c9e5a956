"""The shipped table of token vectors: near texts are near, and what it cannot read is nothing."""

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.embedding.static import (
    FIRST_WORD,
    MOST_CHARACTERS,
    StaticTable,
    static,
)

TEXTS = (
    "How do I get my money back for a broken kettle?",
    "I want a refund for the kettle, it is broken.",
    "What is the capital of Portugal?",
)


def test_a_paraphrase_is_nearer_than_another_question() -> None:
    asked, paraphrase, other = static().vectors(TEXTS)
    assert asked @ paraphrase > 0.5
    assert abs(asked @ other) < 0.3


def test_a_row_for_each_text_at_length_one() -> None:
    rows = static().vectors(TEXTS)
    assert rows.shape == (3, static().dimensions) == (3, 256)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    assert static().vectors([]).shape == (0, 256)


@pytest.mark.parametrize("text", ["", "   \n", "\x00\x07", "\u2603\ufe0f"])
def test_a_text_without_a_known_word_has_no_direction(text: str) -> None:
    assert not static().vectors([text]).any()


def test_special_tokens_in_a_text_are_read_as_words() -> None:
    with_mark, without = static().vectors(["refund [SEP] kettle", "refund kettle"])
    assert 0.1 < with_mark @ without < 0.999  # "sep" is a word like others


@given(st.text(max_size=300))
def test_the_vector_of_a_text_does_not_depend_on_its_company(text: str) -> None:
    [alone] = static().vectors([text])
    assert np.array_equal(static().vectors([TEXTS[0], text, TEXTS[1]])[1], alone)
    assert np.linalg.norm(alone) == pytest.approx(1, abs=1e-5) or not alone.any()


def test_letter_case_and_accents_make_no_difference() -> None:
    one, other = static().vectors(["Café crème", "CAFE CREME"])
    assert np.array_equal(one, other)


def test_a_text_is_read_to_its_limits() -> None:
    whole = "kettle " * (static().most_tokens + 1)
    long = "refund " + "x" * MOST_CHARACTERS
    first, same = static().vectors([whole[: 7 * static().most_tokens], whole + " refund"])
    assert np.array_equal(first, same)
    assert np.array_equal(*static().vectors([long + " refund", long + " kettle"]))


def test_it_is_awaited_like_any_embedder_and_needs_no_thread() -> None:
    rows = asyncio.run(static().embed(TEXTS))
    assert np.array_equal(rows, static().vectors(TEXTS))
    assert static().quick


def test_a_table_that_does_not_fit_its_vocabulary_is_refused() -> None:
    vocabulary = ["[UNK]", *map(str, range(FIRST_WORD))]
    rows = np.zeros((2, 4), np.int8)
    with pytest.raises(ValueError, match=r"expected 1 rows and scales .* got 2 and"):
        StaticTable("mine", vocabulary, rows, np.zeros(2, np.float32))
