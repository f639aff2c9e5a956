"""``code``: the answer's Python code passes the tests. It runs what a model wrote: opt in.

    code: {allow_execution: true}
    code: {allow_execution: true, tests: 'assert add(1, 2) == 3', timeout: 5, memory: 256}

Expected is the code of the tests (a list of texts is run one after the other), unless ``tests``
among the options stand in its place. The answer's code is its first fenced block of Python, or its
first of no stated language, or else the whole answer. It runs with the tests after it as
``code_run`` says: within ``timeout`` seconds (10) and ``memory`` megabytes (512) for each process,
with the standard library only. The limits are no sandbox.
"""

import re
from textwrap import dedent
from typing import Any

from stepdown.cascade.parsers import MOST_CODE
from stepdown.cascade.validators.mapping import read_mapping, read_number, read_text
from stepdown.quality.code_run import Limits, can_run, passes
from stepdown.quality.scorers.base import Base, references, right
from stepdown.quality.scorers.switches import read_switch
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Task

OPTIONS = ("allow_execution", "tests", "timeout", "memory")
LONGEST = 600
"""Seconds."""
LEAST_MEMORY, MOST_MEMORY = 64, 65_536
"""Megabytes; Python itself needs about 30."""

_WHY = (
    "runs code that a model wrote, as the user who runs this, with limits but without a sandbox: "
    "needs allow_execution: true"
)
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*([^\s`]*)[^`\n]*")
_PYTHON = ("python", "py", "python3")


class Code(Base):
    """1 for code that passes, else 0."""

    name = "code"

    def __init__(self, limits: Limits, tests: str | None = None) -> None:
        self._limits = limits
        self._tests = tests

    def applies(self, task: Task) -> bool:
        return bool(self._tests_of(task).strip())

    def rate(self, choice: Choice, task: Task) -> float:
        """Raises OSError where the code could not be run."""
        code = code_in(choice.text)
        if not code.strip() or len(code) > MOST_CODE:
            return 0.0
        return right(passes(code, self._tests_of(task), self._limits))

    def _tests_of(self, task: Task) -> str:
        if self._tests is not None:
            return self._tests
        return "\n".join(references(task.expected))


def code_in(text: str) -> str:
    """The Python code of an answer; a block that was cut off reaches to the end."""
    blocks = _blocks(text)
    for languages in (_PYTHON, ("",)):
        for language, code in blocks:
            if language in languages:
                return code
    return text


def _blocks(text: str) -> list[tuple[str, str]]:
    """The fenced blocks: each one's language in lower case, and what stands in it.

    Source: spec.commonmark.org/0.31.2/#fenced-code-blocks
    """
    blocks: list[tuple[str, list[str]]] = []
    mark = ""
    for line in text.split("\n"):
        fence = _FENCE.fullmatch(line.rstrip())
        if not mark and fence:
            mark = fence[1]
            blocks.append((fence[2].lower(), []))
        elif mark and fence and not fence[2] and fence[1].startswith(mark):
            mark = ""
        elif mark:
            blocks[-1][1].append(line)
    return [(language, dedent("\n".join(lines))) for language, lines in blocks]


def build(options: Any, path: str, problems: Problems) -> Code | None:
    """A scorer from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    given = read_mapping(options, OPTIONS, path, problems)
    tests = read_text(given, "tests", path, problems)
    timeout = read_number(given, "timeout", path, problems, low=0.1, high=LONGEST)
    memory = read_number(given, "memory", path, problems, low=LEAST_MEMORY, high=MOST_MEMORY)
    allowed = read_switch(given, "allow_execution", path, problems)
    if len(problems.lines) == known and not allowed:
        problems.add(path, _WHY)
    if not can_run():
        problems.add(
            path, "needs a system with POSIX resource limits: Linux, macOS or another Unix"
        )
    if len(problems.lines) > known:
        return None
    megabytes = 512 if memory is None else memory
    return Code(Limits(timeout or 10.0, int(megabytes * 1024 * 1024)), tests)
