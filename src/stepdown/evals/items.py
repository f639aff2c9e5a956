"""The rows of a data set: what is asked, what is known of right answers, and of known outcomes."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct


class Known(Struct, frozen=True):
    """What is known beforehand of one model's answer to an item.

    ``score`` is in 0..1; ``answer`` is the reply's text; ``cost`` is US dollars.
    """

    score: float | None = None
    answer: str | None = None
    cost: Decimal | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


class Item(Struct, frozen=True):
    """One thing to ask.

    ``body`` is a chat request (platform.openai.com/docs/api-reference/chat/create) without its
    ``model``. ``expected`` and ``labels`` are as in ``types.Task``. ``scorer`` is one entry of a
    list of scorers, as in the configuration: a name, or one name with its options. ``known`` is by
    the model's name. ``line`` is the row's place in the file, from 1.
    """

    id: str
    line: int
    body: Mapping[str, Any]
    expected: Any = None
    labels: tuple[str, ...] = ()
    scorer: Any = None
    intent: str | None = None
    tags: tuple[str, ...] = ()
    known: Mapping[str, Known] = {}


class BadRow(Struct, frozen=True):
    """A row that cannot be used: the field, what was expected, what came."""

    line: int
    why: str


class Dataset(Struct, frozen=True):
    """A file's items, and the rows that were left out. ``digest`` is the SHA-256 of the file."""

    name: str
    format: str
    items: tuple[Item, ...]
    bad: tuple[BadRow, ...] = ()
    digest: str = ""
