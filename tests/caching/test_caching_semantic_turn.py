"""What is read from a turn, and what two turns have in common."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.caching.semantic.features import DIRECTIONS, NAMES, features
from stepdown.caching.semantic.turn import Reader, Turn, stem
from stepdown.embedding.embedder import Vectors
from stepdown.embedding.static import static

READER = Reader(static().vectors)


def read(text: str) -> Turn:
    return READER.read(text)


def compared(one: str, other: str) -> dict[str, float]:
    return dict(zip(NAMES, features(read(one), read(other)), strict=True))


def test_reads_what_an_answer_hangs_on() -> None:
    turn = read('Why does Ada\'s "old laptop" not open `run_all()` after 12 days, on Monday?')
    assert turn.numbers == {"12"}
    assert turn.units == {"days"}
    assert turn.dates == {"monday"}
    assert turn.entities == {"ada", "monday"}
    assert "run_all()" in turn.code
    assert turn.quoted == {"old laptop"}
    assert turn.negations == 1
    assert turn.question == "why"


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("How many people live there?", "how_many"),
        ("How do I swim?", "how"),
        ("Is it safe?", "yes_no"),
        ("Please tell me who won", "who"),
        ("Translate this", ""),
        ("", ""),
    ],
)
def test_kind_of_question(text: str, question: str) -> None:
    assert read(text).question == question


def test_a_sentence_begins_with_a_capital_that_means_nothing() -> None:
    assert read("Cats sleep. Dogs bark.").entities == frozenset()
    assert read("Do cats like Berlin?").entities == {"berlin"}
    assert read("iPhone or MacBook?").entities == {"iphone", "macbook"}


@pytest.mark.parametrize(
    ("word", "stemmed"),
    [
        ("studies", "study"),
        ("cancelled", "cancell"),
        ("classes", "class"),
        ("boxes", "boxe"),
        ("status", "status"),
        ("this", "this"),
        ("404s", "404s"),
    ],
)
def test_stem(word: str, stemmed: str) -> None:
    assert stem(word) == stemmed


@pytest.mark.parametrize(
    ("one", "other", "feature"),
    [
        ("What does HTTP 403 mean?", "What does HTTP 404 mean?", "numbers_differ"),
        ("How far is 5 miles?", "How far is 5 kilometers?", "units_differ"),
        ("Are you open on Monday?", "Are you open on Sunday?", "dates_differ"),
        ("Is it safe in Lima?", "Is it safe in Oslo?", "entities_swapped"),
        ("Explain git_rebase to me", "Explain git_merge to me", "code_differs"),
        ('Say "yes" twice', 'Say "no" twice', "quoted_differs"),
        ("Why can I log in?", "Why can't I log in?", "negation_differs"),
        ("How do I enable it?", "How do I disable it?", "opposites"),
        ("Is the plan legal?", "Is the plan illegal?", "opposites"),
        ("When was it made?", "Where was it made?", "question_differs"),
    ],
)
def test_each_kind_of_near_miss_shows(one: str, other: str, feature: str) -> None:
    assert compared(one, other)[feature] > 0.0
    assert compared(one, one)[feature] == 0.0


def test_swapped_ends_show_in_the_order() -> None:
    swapped = compared("Convert euros to dollars", "Convert dollars to euros")
    assert swapped["similarity"] > 0.99
    assert (
        swapped["order_kept"]
        < compared("Convert euros to dollars", "convert euros to dollars")["order_kept"]
    )


def test_the_same_words_have_all_in_common() -> None:
    same = compared("How do I reset it?", "how do i reset it")
    assert same["words_shared"] == same["bigrams_shared"] == same["same_content"] == 1.0
    assert same["aligned_worst_least"] == pytest.approx(1.0, abs=1e-3)


def test_nothing_to_read() -> None:
    assert len(features(read(""), read("?!"))) == len(NAMES) == len(DIRECTIONS)


words = st.text("abcdeXY 1290 .?'\"`_äß你", max_size=60)


@given(words, words)
def test_either_way_round(one: str, other: str) -> None:
    there = features(read(one), read(other))
    assert there == pytest.approx(features(read(other), read(one)), abs=1e-5)


def test_words_that_another_thread_forgets_are_read_all_the_same() -> None:
    def embed(texts: Sequence[str]) -> Vectors:
        if list(texts) == ["honey"]:
            reader._known.clear()
        return static().vectors(texts)

    reader = Reader(embed)
    reader.read("bread and butter")
    turn = reader.read("bread and honey")
    assert reader._known.keys() == {"honey"}
    assert turn.content == ("bread", "honey")
    assert np.array_equal(turn.vectors, static().vectors(turn.content))
