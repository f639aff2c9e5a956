"""Labelled pairs: what is read, what is said of a bad row, and how a pair is known again."""

from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from stepdown.quality import labelled
from stepdown.quality.labelled import (
    LabelledPair,
    NotLabelled,
    key_of,
    pair_key,
    prompt_text,
    read_labelled,
    read_pairs,
)
from stepdown.types import Choice, ToolCall
from support.answers import asking

ROW: dict[str, Any] = {"prompt": "2+2?", "served": "5", "reference": "4", "better": "reference"}


def read(*rows: dict[str, Any] | bytes) -> labelled.Labelled:
    return read_pairs(
        BytesIO(b"\n".join(row if isinstance(row, bytes) else json.encode(row) for row in rows))
    )


def why_not(row: dict[str, Any] | bytes) -> str:
    """What is wrong with a row after a good one, which is kept."""
    found = read({**ROW, "prompt": "good"}, row)
    assert [pair.line for pair in found.pairs] == [1]
    [bad] = found.bad
    assert bad.line == 2
    assert len(bad.why) < 200
    return bad.why


def test_rows() -> None:
    turns = [{"role": "system", "content": "Add."}, {"role": "user", "content": "2+2?"}]
    rest = {"served": "4", "reference": "", "better": "served"}
    found = read(
        ROW,
        b" ",
        {"id": "x", "messages": turns, **rest, "expected": ["4", "four"], "rater": "me"},
        {"id": 7, "prompt": "3+3?", **rest, "better": "tie"},
    )
    assert found.bad == ()
    assert found.pairs == (
        LabelledPair("1", 1, ({"role": "user", "content": "2+2?"},), "5", "4", "reference"),
        LabelledPair("x", 3, tuple(turns), "4", "", "served", ["4", "four"]),
        LabelledPair("7", 4, ({"role": "user", "content": "3+3?"},), "4", "", "tie"),
    )


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "labelled.jsonl"
    path.write_bytes(json.encode(ROW))
    assert read_labelled(path) == read(ROW)
    with pytest.raises(FileNotFoundError):
        read_labelled(tmp_path / "none.jsonl")


def test_what_a_judge_is_given() -> None:
    turns = [{"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "image_url"}]}]
    [pair] = read({"messages": turns, **ROW, "prompt": None, "expected": 4}).pairs
    task = pair.task()
    assert task.expected == 4
    assert task.request.id == "1"
    assert task.request.prompt.last_user_text() == "See"
    assert task.request.prompt.messages[0].has("image_url")
    assert json.decode(json.encode(task.request.fields)) == {"model": "", "messages": turns}
    assert pair.choices() == (Choice("5"), Choice("4"))


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (b"nonsense", "expected a JSON object, got: "),
        (b"\xff", "expected a JSON object, got: "),
        (b"[" * 100_000, "expected a JSON object, got: "),
        (b"[1]", "expected a JSON object, got [1]"),
        ({**ROW, "better": "refrence"}, "better: expected served, tie, reference, got 'refrence'. "
         "Did you mean 'reference'?"),
        ({**ROW, "better": True}, "better: expected a text (served, tie, reference), got True"),
        ({**ROW, "served": None}, "served: expected a text, got None"),
        ({**ROW, "reference": ["4"]}, "reference: expected a text, got ['4']"),
        ({**ROW, "prompt": 4}, "prompt: expected a text (or messages), got 4"),
        (
            {"promt": "2+2?", "served": "", "reference": "", "better": "tie"},
            "prompt: expected a text (or messages), got no such field. Did you mean 'promt'?",
        ),
        ({**ROW, "messages": []}, "prompt: expected none beside messages, got one"),
        ({**ROW, "prompt": None, "messages": []}, "messages: expected one or more, got none"),
        (
            {**ROW, "prompt": None, "messages": [{"role": 1}]},
            "messages: expected a chat request's, got: Expected `str`, got `int` - at `$[0].role`",
        ),
        (
            {**ROW, "prompt": None, "messages": "2+2?"},
            "messages: expected a chat request's, got: Expected `array`, got `str`",
        ),
        ({**ROW, "id": True}, "id: expected a text or a whole number, got True"),
        ({**ROW, "id": ""}, "id: expected a text or a whole number, got ''"),
        ({**ROW, "id": "1"}, "expected another id than in line 1, got the same"),
        (
            {**ROW, "prompt": " good", "better": "tie"},
            "expected another pair than in line 1, got the same",
        ),
    ],
)  # fmt: skip
def test_bad_rows(row: dict[str, Any] | bytes, why: str) -> None:
    assert why_not(row).startswith(why)


def test_a_bad_row_does_not_keep_others_from_its_names() -> None:
    found = read({**ROW, "id": "a", "better": "?"}, {**ROW, "id": "a"})
    assert [pair.id for pair in found.pairs] == ["a"]
    assert [bad.line for bad in found.bad] == [1]


def test_no_pair_at_all() -> None:
    with pytest.raises(NotLabelled, match=r"^expected a labelled pair a line, got none\.$"):
        read(b"")
    with pytest.raises(NotLabelled, match=r"got none\. line 1: expected a JSON object, got \[1\]"):
        read(b"[1]")


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelled, "LONGEST_LINE", 200)
    long = json.encode({**ROW, "served": "x" * 1_000})
    found = read(ROW, long, {**ROW, "prompt": "3+3?"})
    assert [pair.line for pair in found.pairs] == [1, 3]
    assert [(bad.line, bad.why) for bad in found.bad] == [
        (2, "expected at most 200 bytes, got more")
    ]
    assert read(ROW, long).bad[0].line == 2
    monkeypatch.setattr(labelled, "MOST_LINES", 2)
    with pytest.raises(NotLabelled, match="expected at most 2 lines, got more"):
        read(ROW, b" ", b" ", ROW)


# ── Knowing a pair again ─────────────────────────────────────────────────────────────────────


def test_the_key_is_the_digest_of_a_json_array() -> None:
    assert pair_key("2+2?", "5", '"4"') == sha256(b'["2+2?","5","\\"4\\""]').hexdigest()


def test_an_evaluation_s_pair_has_the_key_of_its_label() -> None:
    [pair] = read(ROW).pairs
    request = asking("2+2?", temperature=0, metadata={"a": "b"})
    assert pair.key == key_of(request, Choice("5\n", finish_reason="stop"), Choice("4"))
    assert pair.key == pair_key("2+2?", "5", "4")


def test_a_conversation_has_the_key_of_its_turns() -> None:
    turns = [{"role": "system", "content": "Add."}, {"role": "user", "content": "2+2?"}]
    [pair] = read({**ROW, "prompt": None, "messages": turns}).pairs
    request = asking(messages=turns)
    assert prompt_text(request.prompt.messages) == "[system]\nAdd.\n\n[user]\n2+2?"
    assert pair.key == key_of(request, Choice("5"), Choice("4"))
    assert pair.key != pair_key("2+2?", "5", "4")
    assert pair.key != key_of(request, Choice("5", tool_calls=(ToolCall("f"),)), Choice("4"))


texts = st.text(max_size=8)


@given(st.tuples(texts, texts, texts), st.tuples(texts, texts, texts))
def test_keys_are_equal_for_equal_pairs_only(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    same = [each.strip() for each in one] == [each.strip() for each in other]
    assert (pair_key(*one) == pair_key(*other)) is same
