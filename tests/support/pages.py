"""Reads the documentation's pages: their blocks of code, and the commands that they show."""

import re
import shlex
from pathlib import Path

import click

from stepdown.cli import main

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^(stepdown [^#\n]*)", re.MULTILINE)


def blocks(*pages: str) -> list[tuple[str, str]]:
    """The blocks of these pages of ``docs``, in their order: language and text."""
    return [
        block
        for page in pages
        for block in BLOCK.findall((ROOT / "docs" / page).read_text("utf-8"))
    ]


def in_language(language: str, *pages: str) -> list[str]:
    return [text for kind, text in blocks(*pages) if kind == language]


def commands_in(text: str) -> list[str]:
    """The lines that call ``stepdown``, without their comments."""
    return [line.strip() for line in COMMAND.findall(text)]


def check_command(line: str) -> None:
    """Asserts that a command and its options exist."""
    words = shlex.split(re.split(r"\s{2,}|[>|]", line)[0])[1:]
    context = click.Context(main)
    command = main.get_command(context, words[0])
    assert command is not None, f"there is no command {words[0]!r}"
    if isinstance(command, click.Group):
        words = words[1:]
        command = command.get_command(context, words[0])
        assert command is not None, f"there is no command {line!r}"
    options = {name for parameter in command.params for name in parameter.opts}
    for word in words[1:]:
        if word.startswith("--"):
            assert word.partition("=")[0] in options | {"--help"}, f"{words[0]} has no {word}"
