"""What a list in the configuration names: an entry with its options, and code by a dotted path or
an entry point."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from msgspec import Struct

from stepdown.routing.entry_points import load
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_mapping


class Entry(Struct, frozen=True):
    """A name with its options, None where it has none. ``path`` is where the options stand."""

    name: str
    options: Any
    path: str


def read_entry(entry: Any, path: str, what: str, problems: Problems) -> Entry | None:
    """One entry of a list: a name, or a mapping of one name to its options."""
    name, options, at = entry, None, path
    if is_mapping(entry) and len(entry) == 1:
        [(name, options)] = entry.items()
        at = f"{path}.{name}"
    if not isinstance(name, str) or not name:
        problems.expected(path, f"a {what}'s name, or one name with its options", entry)
        return None
    return Entry(name, options, at)


def named(name: str, group: str) -> Any:
    """What a dotted path, ``pkg.module:name``, or else an entry point of this group stands for;
    None where there is no such entry point. Raises whatever importing it raises."""
    return imported(name) if ":" in name else load(group, name)


def imported(dotted: str) -> Any:
    """What ``pkg.module:name`` stands for. Raises whatever importing it raises."""
    module, _, name = dotted.partition(":")
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def made(maker: Callable[..., Any], options: Any) -> Any:
    """What a user's class or function makes of its options: a mapping by keyword, anything else as
    the one argument. Raises whatever that raises."""
    if options is None:
        return maker()
    return maker(**options) if is_mapping(options) else maker(options)


def told(error: Exception) -> str:
    """What a user's code raised, in one line."""
    return f"{type(error).__name__}: {error}"
