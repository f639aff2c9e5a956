"""Tells a data set's format by its first rows."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from stepdown.evals.data.faults import BadDataset, cut
from stepdown.evals.data.figures import Scale
from stepdown.evals.data.formats import (
    langfuse,
    langsmith,
    openai_evals,
    outcomes,
    routellm,
    routerbench,
    stepdown,
)
from stepdown.evals.data.records import Record
from stepdown.evals.items import Item
from stepdown.names import known_names


class Format(Protocol):
    """What each module of ``formats`` has."""

    def recognises(self, record: Record) -> bool:
        """Whether this looks like one of its rows."""
        ...

    def item(self, record: Record, scale: Scale) -> Item | None:
        """What the row says; None where it is not to be used. Raises BadField."""
        ...


FORMATS: Mapping[str, Format] = {
    "outcomes": outcomes,
    "routerbench": routerbench,
    "langsmith": langsmith,
    "langfuse": langfuse,
    "openai-evals": openai_evals,
    "routellm": routellm,
    "stepdown": stepdown,
}
"""In the order in which a row is shown to them: the more it takes to be one, the earlier."""


def named(name: str) -> Format:
    """Raises BadDataset where there is no format of this name."""
    if name not in FORMATS:
        raise BadDataset(f"there is no format {cut(name)!r}.{known_names(name, FORMATS)}")
    return FORMATS[name]


def detected(records: Sequence[Record]) -> str:
    """The name of the format that recognises most of these. Raises BadDataset where none does."""
    votes = [name for record in records if (name := _of(record)) is not None]
    if votes:
        return max(FORMATS, key=votes.count)
    listed = ", ".join(FORMATS)
    has = f"; the first row has {cut(', '.join(map(repr, records[0].fields)))}" if records else ""
    raise BadDataset(f"expected rows of one of the formats {listed}{has}")


def _of(record: Record) -> str | None:
    return next((name for name, each in FORMATS.items() if each.recognises(record)), None)
