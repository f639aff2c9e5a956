"""Code: parsed inside of its fence, and dropped where a fence that has to come does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.cascade.validators.code import Code, build, unfenced
from stepdown.routing.problems import Problems
from stepdown.types import Choice, ToolCall
from support.watching import ANY_REQUEST, cut, dropped_at, keeps_the_law

GOOD = "def f():\n    return 1"
FENCED = f"```python\n{GOOD}\n```"


def built(options: object) -> Code:
    problems = Problems()
    code = build(options, "at", problems)
    assert code is not None, problems.lines
    return code


@pytest.mark.parametrize(
    ("fence", "text", "reason"),
    [
        ("allow", GOOD, None),
        ("allow", FENCED, None),
        ("allow", f"\n\n{FENCED}\n\n", None),
        ("allow", "```\ndef f(:\n```", "not Python: a syntax error in line 1"),
        ("allow", f"Here you are:\n{FENCED}", "not Python: a syntax error in line 1"),
        ("allow", " \n", "there is no code"),
        ("allow", "```\n```", "there is no code"),
        ("forbid", GOOD, None),
        ("forbid", FENCED, "expected code without a fence, got a fence"),
        ("require", FENCED, None),
        ("require", GOOD, "expected the code in one fence, got text around it"),
        ("require", f"{FENCED}\nThat is it.", "expected the code in one fence, got text around it"),
        ("require", f"{FENCED}\n{FENCED}", "expected the code in one fence, got text around it"),
    ],
)
def test_code_is_read_inside_of_its_fence(fence: str, text: str, reason: str | None) -> None:
    validator = built({"language": "python", "fence": fence})
    assert validator.check(Choice(text), ANY_REQUEST) == reason


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("```\na\n```", "a\n"),
        ("~~~ py\na\n~~~~", "a\n"),
        ("````\n```\na\n```\n````", "```\na\n```\n"),
        ("```\na", None),
        ("```\na\n~~~", None),
        ("``\na\n``", None),
        ("a", None),
    ],
)
def test_a_fence_ends_with_its_own_mark(text: str, inside: str | None) -> None:
    assert unfenced(text) == inside


def test_tool_calls_without_a_text_pass() -> None:
    choice = Choice(tool_calls=(ToolCall("f", "{}"),))
    assert built("python").check(choice, ANY_REQUEST) is None


def test_prose_before_a_required_fence_is_dropped() -> None:
    required = built({"language": "python", "fence": "require"})
    assert dropped_at(required, cut("Here", 1)) == 0
    assert dropped_at(required, cut("\n``x", 1)) == 3
    assert dropped_at(required, cut(FENCED, 1)) is None
    assert built("python").watch(ANY_REQUEST) is None


@given(
    st.text(st.sampled_from("`~ax\n "), max_size=12),
    st.sampled_from(["", "\n```", "\n~~~\n", "\na\n```"]),
    st.integers(1, 4),
)
def test_a_watch_never_drops_what_passes(text: str, more: str, every: int) -> None:
    required = built({"language": "python", "fence": "require"})
    keeps_the_law(required, cut(text, every), Choice(text + more))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (None, "at.language: expected a language (python, json, sql, javascript, …), got None"),
        ("pythn", "Did you mean 'python'"),
        ({"language": "sql", "dialect": "klingon"}, "at.dialect: sqlglot has no dialect 'klingon'"),
        ({"language": "json", "dialect": "x"}, "at.dialect: only sql has dialects"),
        ({"language": "json", "fence": "no"}, "at.fence: no such choice."),
        ({"lang": "json"}, "at.lang: no such option. Did you mean 'language'?"),
    ],
)
def test_wrong_options_are_told(options: object, line: str) -> None:
    problems = Problems()
    assert build(options, "at", problems) is None
    assert any(line in said for said in problems.lines)
