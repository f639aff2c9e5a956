"""Which turns at a conversation's beginning are examples."""

from typing import Any

from stepdown.compression.examples import examples
from support.prompts_to_shrink import document, request, said, user


def count(*messages: dict[str, Any]) -> int:
    return examples(request(*messages).prompt.messages)


SYSTEM = {"role": "system", "content": "Label each review."}


def test_short_answers_to_inputs_like_the_question_are_examples() -> None:
    pairs = [user("The soup was cold."), said("negative"), user("Great view!"), said("positive")]
    assert count(SYSTEM, *pairs, user("The waiter was rude.")) == 5
    assert count(*pairs, user("The waiter was rude.")) == 4


def test_inputs_with_the_questions_lead_are_examples_whatever_their_size() -> None:
    pairs = [user(f"Article: {document(3)}"), said(document(9))]
    assert count(*pairs, user(f"Article: {document(40)}")) == 2


def test_a_document_that_was_talked_about_is_no_example() -> None:
    assert count(user(document(20)), said("In 1962."), user("And why?")) == 0


def test_a_conversation_with_long_answers_is_none() -> None:
    assert count(SYSTEM, user("What is ice?"), said(document(9)), user("And snow?")) == 0


def test_calls_of_tools_are_none() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert count(user("What is ice?"), said("", tool_calls=[call]), user("And snow?")) == 0


def test_examples_end_where_something_else_begins() -> None:
    pair = [user("cold soup"), said("negative")]
    assert count(*pair, user(document(9)), said(document(9)), *pair, user("warm soup")) == 2


def test_a_lone_question_has_none() -> None:
    assert count(user("What is ice?")) == 0
    assert count(SYSTEM) == 0
