"""Collects everything that is wrong with a route's options, so that one run shows it all."""

from typing import Any

from stepdown.errors import ConfigError

LONGEST_SHOWN = 60


class Problems:
    """Lines of the form ``routes.auto.rules[1].when.tokens.lt: expected a number, got 'abc'``."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, path: str, text: str) -> None:
        self.lines.append(f"{path}: {text}")

    def expected(self, path: str, what: str, got: Any) -> None:
        shown = repr(got)
        if len(shown) > LONGEST_SHOWN:
            shown = shown[: LONGEST_SHOWN - 1] + "…"
        self.add(path, f"expected {what}, got {shown}")

    def check(self) -> None:
        """Raise ConfigError with every line, if there is one."""
        if self.lines:
            raise ConfigError(self.lines)
