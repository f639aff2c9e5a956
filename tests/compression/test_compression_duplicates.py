"""``duplicates``: what was said already is left out."""

from stepdown.compression.passages import GAP
from stepdown.compression.techniques.duplicates import Duplicates
from support.prompts_to_shrink import applied, document, draft_of, sentence, tool, user


def outcome(*values: str) -> list[str]:
    draft = draft_of(*map(tool, values), user("What happened?"))
    return [str(message.content) for message in applied(Duplicates(), draft)[:-1]]


def test_a_passage_that_comes_again_is_left_out() -> None:
    first, second = document(4), f"{document(2, 2)} {document(2, 8)}"
    assert outcome(first, second) == [first, f"{GAP} {document(2, 8)}"]


def test_within_one_text_too() -> None:
    text = f"{document(3)} {sentence(1)} {sentence(9)}"
    assert outcome(text) == [f"{document(3)} {GAP} {sentence(9)}"]


def test_other_spacing_is_the_same_passage() -> None:
    spaced = sentence(1).replace(" ", "  ", 2)
    assert outcome(sentence(1) + " " + sentence(2), f"{spaced}\n{sentence(3)}")[1].startswith(GAP)


def test_another_number_is_another_passage() -> None:
    values = [sentence(1), sentence(1).replace("1", "2", 1)]
    assert outcome(*values) == values


def test_short_passages_may_come_again() -> None:
    values = ["Status of the job: it runs well.", "Status of the job: it runs well."]
    assert outcome(*values) == values


def test_code_and_quotations_stay_each_time() -> None:
    code = "```\nx = compute(1, 2, 3) + compute(4, 5, 6)\n```"
    values = [f"{document(2)}\n\n{code}", f"{document(2, 7)}\n\n{code}"]
    assert outcome(*values) == values


def test_a_question_may_be_asked_again() -> None:
    asked = f"{document(3)} {sentence(1)}"[:599]
    draft = draft_of(user(asked), user(asked))
    applied(Duplicates(), draft)
    assert draft.made() == {}


def test_a_second_pass_changes_nothing() -> None:
    once = outcome(document(4), f"{document(2, 2)} {document(2, 8)}")
    assert outcome(*once) == once
