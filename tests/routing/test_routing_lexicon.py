"""The phrasebook finds every phrase that stands in the text as whole words, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.routing.instruction import instruction
from stepdown.routing.lexicon import MOST_PLACES, Lexicon, Phrasebook, Place
from stepdown.routing.safe_regex import literals
from stepdown.routing.vocabulary import OUTPUTS, TASKS

TASK_PHRASES, OUTPUT_PHRASES = Lexicon(TASKS), Lexicon(OUTPUTS)
BOOK = Phrasebook(TASK_PHRASES, OUTPUT_PHRASES)
WORDS = sorted(
    {
        word
        for lexicon in (TASK_PHRASES, OUTPUT_PHRASES)
        for texts in lexicon.phrases.values()
        for text in texts
        for word in text.split()
    }
)


@given(st.lists(st.sampled_from(WORDS), max_size=40))
def test_it_finds_what_a_search_for_each_phrase_finds(words: list[str]) -> None:
    asked = instruction(" ".join(words))
    found = BOOK.find(asked)
    for lexicon, places in zip((TASK_PHRASES, OUTPUT_PHRASES), found, strict=True):
        there = {
            (label, text)
            for label, texts in lexicon.phrases.items()
            for text in texts
            if f" {text} " in asked.flat
        }
        assert {(place.label, place.phrase) for place in places} == there
        for place in places:
            assert asked.flat[place.start + 1 : place.end + 1] == place.phrase


def test_phrases_come_in_the_order_of_the_vocabulary() -> None:
    tasks, outputs = BOOK.find(instruction("tell me about poems: write a poem, or summarize one"))
    assert [place.phrase for place in tasks] == ["summarize", "poem", "write a", "tell me about"]
    assert [place.phrase for place in outputs] == ["poem", "tell me about"]


def test_a_phrase_that_comes_often_is_looked_at_in_few_places() -> None:
    tasks, _ = BOOK.find(instruction("summarize " * 50))
    assert tasks == [Place("summarize", "summarize", 10 * at) for at in range(MOST_PLACES)]


@pytest.mark.parametrize("text", ["", "nothing known", "a.b", "[x]+"])
def test_the_texts_of_literals_are_no_patterns(text: str) -> None:
    assert literals(("a*b", "[x]*", " (y ", "z|"))(text) is None
    assert sorted(literals(("a*b", "[x]*", "b é"))("a*b é, [x]*") or ()) == [0, 1, 2]


def test_equal_phrases_share_an_automaton() -> None:
    assert literals(("a", "b")) is literals(("a", "b"))
