"""Where tables are printed: as wide as the terminal, or wide enough for a file."""

from rich.console import Console

WIDTH_OF_FILES = 160
"""Columns of a table that goes to a file or a pipe, so that grep finds whole rows."""


def console() -> Console:
    """A console for standard output."""
    made = Console()
    if not made.is_terminal:
        made.width = WIDTH_OF_FILES
    return made
