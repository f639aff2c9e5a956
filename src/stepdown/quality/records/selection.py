"""Which of the recorded pairs a command looks at, and what sort of pair each of them is."""

from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, and_, case

from stepdown.quality.pairs import Saver
from stepdown.storage.tables import pairs

Kind = Literal["downgrade", "upgrade", "cascade", "compression"]
"""``downgrade``: the rule picked the candidate, whether it answered or the guard held it back.
``upgrade``: the reference was picked, and a regret means that it was worth it.
``cascade``: the candidate's answer was accepted.
``compression``: the candidate is the answer to a shorter prompt."""


class Selection(Struct, frozen=True):
    """Pairs since a moment (seconds since 1970; None: ever), of what is given and not None."""

    since: float | None = None
    route: str | None = None
    rule: str | None = None
    key: str | None = None
    saver: Saver | None = None


EVERYTHING = Selection()


def selected(query: Select[Any], selection: Selection) -> Select[Any]:
    """A query over ``pairs``, for a selection only."""
    if selection.since is not None:
        query = query.where(pairs.c.time >= selection.since)
    for name in ("route", "rule", "key", "saver"):
        if (value := getattr(selection, name)) is not None:
            query = query.where(pairs.c[name] == value)
    return query


def kind_of_pair() -> ColumnElement[str]:
    """A pair's ``Kind``."""
    picked_reference = and_(pairs.c.served == pairs.c.reference, pairs.c.key == "")
    by_saver = pairs.c.saver.in_(("cascade", "compression"))
    return case((by_saver, pairs.c.saver), (picked_reference, "upgrade"), else_="downgrade")
