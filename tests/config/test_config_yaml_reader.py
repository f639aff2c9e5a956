"""YAML: bounded, without double keys, without dates, and never quoted in errors."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.config.yaml_reader import MAX_BYTES, MAX_DEPTH, MAX_NODES, parse_yaml, read_yaml
from stepdown.errors import ConfigError
from support.documents import refused


def parse(text: str) -> object:
    return parse_yaml(text, "f.yaml")


def test_plain_documents() -> None:
    assert parse("a: [1, 2.5, yes, text, null]") == {"a": [1, 2.5, True, "text", None]}
    assert parse("") is None
    assert parse("# nothing") is None


def test_dates_stay_text() -> None:
    assert parse("api_version: 2024-10-21") == {"api_version": "2024-10-21"}


def test_double_keys_are_refused_with_both_lines() -> None:
    [problem] = refused(lambda: parse("a: 1\nb:\n  c: 1\n  c: 2\n"))
    assert problem == (
        "f.yaml, line 4, column 3: expected each key once, got 'c' again (first in line 3)"
    )


def test_merge_keys_may_override() -> None:
    text = "base: &b {x: 1, y: 2}\nmine: {<<: *b, y: 3}\nother: {<<: [*b], x: 0}"
    assert parse(text) == {
        "base": {"x": 1, "y": 2},
        "mine": {"x": 1, "y": 3},
        "other": {"x": 0, "y": 2},
    }


def test_a_bomb_of_aliases_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20)]
    [problem] = refused(lambda: parse("\n".join(lines)))
    assert f"expected at most {MAX_NODES} values" in problem


def test_a_bomb_of_merges_is_refused() -> None:
    lines = ["a0: &a0 {k0: 1}"]
    for level in range(1, 30):
        merged = ", ".join([f"*a{level - 1}"] * 5)
        lines.append(f"a{level}: &a{level} {{<<: [{merged}], k{level}: 1}}")
    assert "expected at most" in refused(lambda: parse("\n".join(lines)))[0]


def test_an_alias_inside_what_it_names_is_refused() -> None:
    assert "alias inside what it names" in refused(lambda: parse("a: &a [*a]"))[0]


@pytest.mark.parametrize("text", ["[" * 5000, "a: " + "{b: " * 5000, "- " * 5000 + "x"])
def test_depth_is_bounded(text: str) -> None:
    assert f"expected at most {MAX_DEPTH} levels" in refused(lambda: parse(text))[0]


def test_depth_counts_what_aliases_stand_for() -> None:
    half = "[" * 30 + "x" + "]" * 30
    inner = "[" * 30 + "*a" + "]" * 30
    assert f"at most {MAX_DEPTH} levels" in refused(lambda: parse(f"a: &a {half}\nb: {inner}"))[0]


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['true']",
        "a: !!int sk-hidden",
        "a: " + "9" * 5000,
        "a: !secret sk-hidden",
        "a: *nowhere",
        "{a: b",
        "a: b: sk-hidden",
        "? [a, b]\n: c",
        "---\na: 1\n---\nb: 2",
        "a: \x07",
    ],
)
def test_what_is_no_plain_document_is_refused(text: str) -> None:
    [problem] = refused(lambda: parse(text))
    assert problem.startswith("f.yaml")
    assert "sk-hidden" not in problem


def test_files_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_bytes(b"# " + b"x" * MAX_BYTES)
    assert "expected at most" in refused(lambda: read_yaml(path))[0]


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    assert "No such file" in refused(lambda: read_yaml(tmp_path / "none.yaml"))[0]
    path = tmp_path / "latin.yaml"
    path.write_bytes("a: é".encode("latin-1"))
    assert "expected UTF-8 text" in refused(lambda: read_yaml(path))[0]


def test_a_byte_order_mark_is_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes("a: 1".encode("utf-8-sig"))
    assert read_yaml(path) == {"a": 1}


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!<>|'\"# \n\t%@,?x1."), max_size=80))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    with suppress(ConfigError):
        parse(text)
