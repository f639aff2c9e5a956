"""Puts the environment's values where the file says ``os.environ/NAME``."""

from collections.abc import Mapping
from typing import Any

from stepdown.config.notes import UNSET, Note, join
from stepdown.config.shapes import is_list, is_mapping

PREFIX = "os.environ/"


class FromEnvironment(str):
    """A value that came from the environment: errors name the variable, never the value."""

    __slots__ = ("variable",)
    variable: str

    def __new__(cls, value: str, variable: str) -> "FromEnvironment":
        text = super().__new__(cls, value)
        text.variable = variable
        return text

    def __repr__(self) -> str:
        return f"<the value of {PREFIX}{self.variable}>"


class Resolver:
    """Resolves one file. ``notes`` collects the variables that are not set, with their places."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.notes: list[Note] = []

    def resolve(self, value: Any, path: str = "") -> Any:
        """The same tree with variables' values; one that is unset or empty becomes None."""
        if is_mapping(value):
            return {key: self.resolve(v, join(path, key)) for key, v in value.items()}
        if is_list(value):
            return [self.resolve(v, join(path, i)) for i, v in enumerate(value)]
        if isinstance(value, str) and value.startswith(PREFIX):
            return self._variable(value[len(PREFIX) :], path)
        return value

    def _variable(self, name: str, path: str) -> FromEnvironment | None:
        found = self._environ.get(name)
        if not found:
            self.notes.append(Note(path, UNSET, f"{name} is not set in the environment"))
            return None
        return FromEnvironment(found, name)


def with_file_variables(environ: Mapping[str, str], section: Any) -> dict[str, str]:
    """The environment, with those that LiteLLM's ``environment_variables`` sets for the file."""
    merged = dict(environ)
    if is_mapping(section):
        for name, value in Resolver(environ).resolve(section).items():
            if value is not None:
                merged[str(name)] = str(value)
    return merged
