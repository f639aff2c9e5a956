"""What a technique is: one way of making a prompt shorter; and how its options are read."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from stepdown.compression.draft import Draft
from stepdown.names import known_names
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_mapping


class Technique(Protocol):
    """Shortens a draft's texts. No I/O; what waits or computes long runs in a thread."""

    @property
    def name(self) -> str: ...

    @property
    def lossless(self) -> bool:
        """Whether nothing is lost that a model could read; such a one runs on every request."""
        ...

    @property
    def by_question(self) -> bool:
        """Whether what it keeps depends on the question: another question, another prompt."""
        ...

    def apply(self, draft: Draft) -> None:
        """Shorten until the draft's target is met, or nothing is left to do."""
        ...


def read_options(
    options: Any, known: Sequence[str], path: str, problems: Problems
) -> Mapping[str, Any]:
    """A mapping of these names; empty where there is none, or something else."""
    if options is None:
        return {}
    if not is_mapping(options):
        wanted = f"a mapping ({', '.join(known)})" if known else "no options"
        problems.expected(path, wanted, options)
        return {}
    for key in options:
        if key not in known:
            near = known_names(str(key), known)
            problems.add(f"{path}.{key}", f"there is no option {key!r} here.{near}")
    return options


def read_whole(
    given: Mapping[str, Any],
    name: str,
    usual: int,
    path: str,
    problems: Problems,
    *,
    least: int = 0,
) -> int:
    """A whole number of at least ``least``; the usual one where there is none."""
    value = given.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        problems.expected(f"{path}.{name}", f"a whole number of at least {least}", value)
        return usual
    return value
