"""What second answers cost, for the groups of ``records.groups``."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Engine, select

from stepdown.quality.knowledge.reading import rows_of
from stepdown.quality.records.selection import EVERYTHING, Kind, Selection, kind_of_pair, selected
from stepdown.storage.sums import read_sums, sums_of
from stepdown.storage.tables import pairs

By = Literal["rule", "tag", "rung"]
Place = tuple[str, Kind, str]
"""A group's route, kind and name."""

_COLUMNS: Mapping[By, ColumnElement[Any]] = {
    "rule": pairs.c.rule,
    "tag": pairs.c.tags,
    "rung": pairs.c.candidate,
}
_CANDIDATE_ASKED = pairs.c.served == pairs.c.reference
_UNTAGGED = ("(untagged)",)


def answers_costs(
    database: Engine, by: By, selection: Selection = EVERYTHING
) -> Mapping[Place, Decimal]:
    """US dollars for the answers that no client was given, as far as their cost is known.

    By tag, an answer counts in each of its pair's. Raises DatabaseUnavailable where the database
    fails.
    """
    found: defaultdict[Place, Decimal] = defaultdict(Decimal)
    for column, asked in (
        ("candidate_cost", _CANDIDATE_ASKED),
        ("reference_cost", ~_CANDIDATE_ASKED),
    ):
        kind = kind_of_pair().label("kind")
        query = select(pairs.c.route, kind, _COLUMNS[by], *sums_of(pairs, (), (column,)))
        # By label: the same expression with parameters of its own would not be the same to
        # PostgreSQL.
        query = selected(
            query.where(asked).group_by(pairs.c.route, "kind", _COLUMNS[by]), selection
        )
        for route, sort, name, *sums in rows_of(database, query):
            cost = read_sums((), (column,), sums)[column]
            for each in _tags(name) if by == "tag" else (str(name),):
                found[route, sort, each] += cost
    return dict(found)


def _tags(name: str) -> tuple[str, ...]:
    return msgspec.json.decode(name, type=tuple[str, ...]) or _UNTAGGED
