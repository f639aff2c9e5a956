"""Code that passes its tests: which code of an answer, which tests, and only where allowed."""

import sys
from typing import Any

import pytest

from stepdown.cascade.parsers import MOST_CODE
from stepdown.quality.code_run import can_run
from stepdown.quality.scorers.code import build, code_in
from stepdown.types import Choice
from support.scoring import built, problems_of, score, task

ALLOWED = {"allow_execution": True}
ADD = "def add(a, b):\n    return a + b"
running = pytest.mark.skipif(not can_run(), reason="needs POSIX resource limits")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x = 1", "x = 1"),
        ("So:\n```python\nx = 1\n```\nDone.", "x = 1"),
        ("```py\nx = 1\n```\n```python\ny = 2\n```", "x = 1"),
        ("```bash\npip install x\n```\n```python\nx = 1\n```", "x = 1"),
        ("```bash\npip install x\n```\n```\nx = 1\n```", "x = 1"),
        ("~~~Python title\nx = 1\n```\n~~~", "x = 1\n```"),
        ("````python\n```\nx = 1\n````", "```\nx = 1"),
        ("1. So:\n   ```python\n   if x:\n       y = 1\n   ```", "if x:\n    y = 1"),
        ("```python\nx = 1", "x = 1"),
        ("```python\r\nx = 1\r\n```", "x = 1\r"),
        ("```bash\nls\n```", "```bash\nls\n```"),
        ("", ""),
    ],
)
def test_which_code_is_run(text: str, code: str) -> None:
    assert code_in(text) == code


@running
@pytest.mark.parametrize(
    ("options", "expected", "right"),
    [
        ({}, "assert add(1, 2) == 3", 1.0),
        ({}, "assert add(1, 2) == 4", 0.0),
        ({}, ["assert add(1, 2) == 3", "assert add(1, 1) == 2"], 1.0),
        ({}, ["assert add(1, 2) == 3", "assert add(1, 1) == 3"], 0.0),
        ({"tests": "assert add(1, 2) == 3"}, None, 1.0),
        ({"tests": "assert add(1, 2) == 3"}, "assert False", 1.0),
        ({"timeout": 0.3}, "while True: pass", 0.0),
        ({"memory": 64}, "bytearray(2**26)", 0.0),
    ],
)
def test_an_answer_passes_the_tests(options: Any, expected: Any, right: float) -> None:
    scorer = built(build, {**ALLOWED, **options})
    assert score(scorer, f"Here it is:\n\n```python\n{ADD}\n```", expected) == right


@running
def test_what_is_no_code_to_run() -> None:
    scorer = built(build, ALLOWED)
    assert score(scorer, "", "pass") == 0.0
    assert score(scorer, "```python\n```", "pass") == 0.0
    assert score(scorer, "#" * (MOST_CODE + 1), "pass") == 0.0
    assert scorer.score(Choice(ADD, refusal="No."), task("pass")) == 0.0


@running
def test_it_needs_tests() -> None:
    assert score(built(build, ALLOWED), ADD, None) is None
    assert score(built(build, ALLOWED), ADD, " ") is None
    assert built(build, {**ALLOWED, "tests": "pass"}).applies(task())


@pytest.mark.parametrize("options", [None, {}, {"allow_execution": False}, {"tests": "pass"}])
def test_it_has_to_be_opted_into(options: Any) -> None:
    [line] = problems_of(build, options)
    assert line.startswith("at: runs code that a model wrote")
    assert line.endswith("without a sandbox: needs allow_execution: true")


def test_it_needs_resource_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    assert problems_of(build, ALLOWED) == [
        "at: needs a system with POSIX resource limits: Linux, macOS or another Unix"
    ]


@running
@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"timeout": 0}, "at.timeout: expected a number from 0.1 to 600, got 0"),
        ({"memory": 1}, "at.memory: expected a number from 64 to 65536, got 1"),
        ({"tests": ""}, "at.tests: expected a text, got ''"),
        (
            {"allow_executing": True},
            "at.allow_executing: no such option. Did you mean 'allow_execution'?",
        ),
    ],
)
def test_wrong_options_are_told(options: Any, line: str) -> None:
    assert line in problems_of(build, {**ALLOWED, **options})


@running
def test_what_is_not_yes_is_no() -> None:
    lines = problems_of(build, {"allow_execution": "yes"})
    assert lines == ["at.allow_execution: expected true or false, got 'yes'"]
