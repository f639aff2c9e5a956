"""The questions that compression is measured with: their answers are where they should be."""

import sys

import pytest

from support.pages import ROOT

sys.path.append(str(ROOT / "benchmarks"))

from compression_arms import truncated
from compression_documents import REVERSED, REWORDED, WAYS, Question, is_right, prompt, questions
from compression_quality import chosen

ALL = [*questions(60), *questions(12, seed=3, things=12), *questions(24, ways=[REVERSED, REWORDED])]


@pytest.mark.parametrize("asked", ALL, ids=lambda asked: f"{asked.id}-{len(asked.document)}")
def test_what_is_needed_stands_in_the_document_and_says_the_answer(asked: Question) -> None:
    assert asked.needed
    assert all(sentence in asked.document for sentence in asked.needed)
    assert any(asked.answer.lower() in sentence.lower() for sentence in asked.needed)
    assert prompt(asked).endswith(asked.question)


def test_they_are_the_same_each_time_and_of_all_ways() -> None:
    assert questions(60) == questions(60)
    assert questions(60) != questions(60, seed=1)
    assert {asked.way for asked in questions(60)} == set(WAYS)
    assert len({asked.document for asked in questions(60)}) == 20
    assert len({prompt(asked) for asked in questions(60)}) == 60


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("Arden", True),
        ("The Arden bridge.", True),
        ("**arden**", True),
        ("The Arden bridge is longer than the Kelso bridge.", True),
        ("The Kelso bridge is longer than the Arden bridge.", False),
        ("Kelso", False),
        ("Ardenne", False),
        ("", False),
        ("Let me think about what the text says of each of the bridges: Arden", False),
    ],
)
def test_answers_are_checked_exactly(answer: str, right: bool) -> None:
    assert is_right(Question("compared-1", "", "", "Arden", (), "Kelso"), answer) is right


def test_the_model_is_asked_about_the_documents_that_others_are_asked_about() -> None:
    asked = chosen(60, 0)
    assert len(asked) == 60
    assert {each.way for each in asked} == {"named", "unnamed", REVERSED}
    others = {each.id: each for each in questions(60)}
    assert all(others[each.id] == each for each in asked if each.way != REVERSED)


def test_numbers_and_names_are_checked_whole() -> None:
    assert is_right(Question("named-1", "", "", "193", ()), "It spans 193 metres.")
    assert not is_right(Question("named-1", "", "", "193", ()), "1931")
    assert is_right(Question("named-1", "", "", "Ada Brenner", ()), "Ada Brenner.")
    assert not is_right(Question("named-1", "", "", "Ada Brenner", ()), "Ada")


def test_truncation_keeps_the_beginning_and_the_question() -> None:
    asked = ALL[0]
    shorter = truncated(asked, -100, lambda text: len(text.split()))
    left = len(asked.document.split()) - 100
    beginning = " ".join(asked.document.split(" ")[:5])
    assert beginning in shorter
    assert shorter.endswith(asked.question)
    assert len(shorter.split()) == len(prompt(asked).split()) - 100
    assert left > 0
