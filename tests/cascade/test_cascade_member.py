"""Where a member's value stands, whatever the cutting into parts."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stepdown.cascade.member import MemberFinder

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(["label", "lab", "", 'a"b', "\u00e4", "\U0001f600"])


def carried(text: str, name: str) -> tuple[str, MemberFinder]:
    finder = MemberFinder(name)
    return "".join(char for char in text if finder.carries(char)), finder


@given(
    st.dictionaries(NAMES | st.text(max_size=4), VALUES, max_size=5),
    NAMES,
    st.booleans(),
    st.sampled_from([None, 2]),
)
def test_it_is_the_value(
    document: dict[str, Any], name: str, ascii_only: bool, indent: int | None
) -> None:
    written = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
    found, finder = carried(written, name)
    assert finder.ended
    assert finder.found == (name in document)
    if name in document:
        value = document[name]
        wanted = json.dumps(value, ensure_ascii=ascii_only)
        wanted = (wanted[1:-1] or '"') if isinstance(value, str) else wanted
        if isinstance(value, str):
            assert found == wanted
        else:
            assert json.loads(found) == json.loads(wanted)


@given(st.text('{}[]",:\\ alb', max_size=60), st.data())
def test_the_cutting_does_not_matter(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    parts = [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    by_char, by_part = MemberFinder("a"), MemberFinder("a")
    for part in parts:
        chars = [by_char.carries(char) for char in part]
        assert by_part.carries(part) == any(chars)
        assert (by_part.ended, by_part.found) == (by_char.ended, by_char.found)


def test_hostile_depth_and_names() -> None:
    for text in ("[{" * 200_000, '{"' + "a" * 1_000_000, '{"' + "\\" * 1_000_000, '{"a' * 100_000):
        MemberFinder("label").carries(text)
