"""The bundled prompts are what the demo promises; a file of one's own is read or explained."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.demo import prompts
from stepdown.demo.errors import PromptsError
from stepdown.demo.prompts import bundled, parse, read

KINDS = {
    "classification",
    "extraction",
    "formatting",
    "summary",
    "FAQ",
    "yes/no",
    "reasoning",
    "design",
    "planning",
    "comparison",
    "creative writing",
    "code",
    "long document",
    "German",
    "Chinese",
    "conversation",
    "open question",
}


def test_the_bundled_prompts_are_many_and_varied() -> None:
    asked = bundled()
    assert len(asked) >= 40
    assert {prompt.kind for prompt in asked} == KINDS
    assert len({json.dumps(prompt.messages) for prompt in asked}) == len(asked)


def test_the_bundled_prompts_have_short_answers_without_chance() -> None:
    for prompt in bundled():
        assert prompt.options["temperature"] == 0
        assert prompt.options["max_tokens"] <= 150


def test_the_long_document_is_over_two_thousand_tokens() -> None:
    quicktok = pytest.importorskip("quicktok")
    (long,) = [prompt for prompt in bundled() if prompt.kind == "long document"]
    encoding = quicktok.get_encoding("o200k_base")
    assert len(encoding.encode(long.messages[0]["content"])) > 2_000


def test_some_conversations_have_several_turns() -> None:
    assert any(len(p.messages) >= 3 for p in bundled() if p.kind == "conversation")


texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)


@given(st.lists(texts.filter(lambda text: not text.startswith("{")), min_size=1))
def test_each_line_of_plain_text_is_a_prompt(lines: list[str]) -> None:
    asked = parse("\n\n".join(lines) + "\n")
    assert [prompt.messages for prompt in asked] == [
        [{"role": "user", "content": line}] for line in lines
    ]
    assert all(prompt.options == {"max_tokens": prompts.MAX_TOKENS} for prompt in asked)


messages = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(prompts.ROLES), "content": st.text()}),
    min_size=1,
    max_size=3,
)
options = st.dictionaries(
    st.sampled_from(["max_tokens", "seed", "a_field_of_tomorrow"]), st.integers(0, 9)
)


@given(st.lists(st.tuples(messages, options, st.text(min_size=1)), min_size=1, max_size=4))
def test_json_lines_keep_every_field(lines: list[tuple[list[dict[str, Any]], Any, str]]) -> None:
    text = "\n".join(
        json.dumps({"messages": turns, "intent": intent, **more}) for turns, more, intent in lines
    )
    asked = parse(text)
    assert [(p.messages, p.options, p.intent) for p in asked] == [tuple(line) for line in lines]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"promt": "Hello"}', "expected either 'prompt' or 'messages'. Did you mean 'prompt'?"),
        ('{"prompt": "a", "messages": []}', "expected either 'prompt' or 'messages'"),
        ('{"prompt": ""}', "length >= 1 - at `$.prompt`"),
        ('{"prompt": 3}', "Expected `str | null`, got `int` - at `$.prompt`"),
        ('{"messages": []}', "messages: expected at least one message, got none"),
        (
            '{"messages": [{"role": "usr", "content": "a"}]}',
            "messages[0].role: expected one of system, developer, user, assistant, tool, "
            "got 'usr'. Did you mean 'user'?",
        ),
        ('{"prompt": "a", "stream": true}', "stream cannot be set here: the demo does not stream"),
        ('{"prompt": "a", "model": "x"}', "model cannot be set here: the route is always 'auto'"),
        ('{"prompt": "a"', "Input data was truncated"),
        ("[1]", "Expected `object`, got `array`"),
    ],
)
def test_a_bad_line_is_named_by_its_number(line: str, problem: str) -> None:
    with pytest.raises(PromptsError) as failure:
        parse('{"prompt": "fine"}\n\n' + line)
    (told,) = failure.value.problems
    assert told.startswith("line 3: ")
    assert problem in told


def test_many_bad_lines_are_counted() -> None:
    with pytest.raises(PromptsError) as failure:
        parse("\n".join(["{}"] * 50))
    assert len(failure.value.problems) == prompts.MOST_PROBLEMS + 1
    assert failure.value.problems[-1] == "and 30 more."


@pytest.mark.parametrize("text", ["", "\n \n\t\n"])
def test_a_file_without_prompts_is_refused(text: str) -> None:
    with pytest.raises(PromptsError, match="at least one prompt"):
        parse(text)


def test_too_many_prompts_are_refused() -> None:
    with pytest.raises(PromptsError, match="at most 2,000 prompts, got 2,001"):
        parse("hello\n" * 2_001)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "prompts"
    file.write_bytes(b"caf\xe9")
    with pytest.raises(PromptsError, match="expected UTF-8; byte 3 is not"):
        read(file)


def test_content_parts_are_shown_by_their_text() -> None:
    line = {"messages": [{"role": "user", "content": [{"type": "text", "text": "a\n b"}]}]}
    (prompt,) = parse(json.dumps(line))
    assert prompt.shown == "a b"
