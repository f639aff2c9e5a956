"""Adds up what is counted over the configurations of one process: no reload sets a counter back.

What an earlier configuration left is still counting while it drains, beside what the new one
counts. So the sources are asked as long as they are open, and their last word is kept.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from stepdown.config.shapes import is_mapping

Status = Mapping[str, Mapping[str, Any]]
"""A source's counts by section and name: whole numbers, or such by a label."""
Section = dict[str, int | dict[str, int]]

_Key = tuple[str, ...]


class Totals:
    """The counters of one process. Not for use by several threads."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[object, Callable[[], Status]]] = {}
        self._ended = Counter[_Key]()

    def begin(self, source: object, read: Callable[[], Status]) -> None:
        """Count what ``read`` tells of a source, from now on; once only."""
        self._open.setdefault(id(source), (source, read))

    def end(self, source: object) -> None:
        """Keep what a source has counted by now; it is not asked any more."""
        _, read = self._open.pop(id(source), (source, None))
        if read is not None:
            self._ended.update(_flat(read()))

    def of(self, section: str) -> Section:
        """All counts of a section, by their names."""
        sums = Counter(self._ended)
        for _, read in self._open.values():
            sums.update(_flat(read()))
        found: Section = {}
        labelled: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for (of, name, *label), count in sums.items():
            if of != section:
                continue
            if label:
                labelled[name][label[0]] = count
            else:
                found[name] = count
        return found | labelled


def _flat(status: Status) -> dict[_Key, int]:
    flat: dict[_Key, int] = {}
    for section, counts in status.items():
        for name, value in counts.items():
            if is_mapping(value):
                flat |= {(section, name, str(label)): count for label, count in value.items()}
            else:
                flat[section, name] = value
    return flat
