"""Adds the recorded pairs up in the database: by rule, tag, rung, route or key."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct, structs
from sqlalchemy import ColumnElement, Engine, and_, func, select
from sqlalchemy.exc import SQLAlchemyError

from stepdown.quality.pairs import Counts
from stepdown.quality.records.selection import EVERYTHING, Kind, Selection, kind_of_pair, selected
from stepdown.storage.address import DatabaseUnavailable
from stepdown.storage.sums import read_sums, sums_of
from stepdown.storage.tables import pairs

By = Literal["rule", "tag", "rung", "route", "key"]
GROUPINGS: tuple[By, ...] = get_args(By)

_COLUMNS: dict[By, ColumnElement[Any]] = {
    "rule": pairs.c.rule,
    "tag": pairs.c.tags,
    "rung": pairs.c.candidate,
    "route": pairs.c.route,
    "key": pairs.c.key,
}
_COUNTS = ("flips", "judged")
_AMOUNTS = ("candidate_cost", "reference_cost", "judge_cost")
_ADDED = (*_COUNTS, *_AMOUNTS, "unpriced")
_ZERO = Decimal(0)


class Group(Struct, frozen=True):
    """The pairs of one kind and name in a route. ``name`` is a rule, a tag, a candidate's rung, ….

    ``counts`` are the scored pairs and ``unscored`` the others, by propensity. ``first`` and
    ``last`` are their times, in seconds since 1970. Money is US dollars: ``candidate_cost`` and
    ``reference_cost`` of the pairs with both known, all but ``unpriced``; ``judge_cost`` of all.
    """

    route: str
    kind: Kind
    name: str
    counts: Counts
    unscored: Mapping[float, int]
    flips: int
    judged: int
    unpriced: int
    candidate_cost: Decimal
    reference_cost: Decimal
    judge_cost: Decimal
    first: float
    last: float

    @property
    def regrets(self) -> int:
        return sum(regrets for regrets, _ in self.counts.values())

    @property
    def scored(self) -> int:
        return sum(pairs for _, pairs in self.counts.values())

    @property
    def pairs(self) -> int:
        """The scored and the unscored."""
        return self.scored + sum(self.unscored.values())


def groups(
    database: Engine,
    by: By = "rule",
    selection: Selection = EVERYTHING,
) -> list[Group]:
    """The groups of a selection, by route, kind and name; by tag, a pair counts in each of its own.

    Pairs that have expired are in none. Raises DatabaseUnavailable where the database fails.
    """
    found: dict[tuple[str, Kind, str], Group] = {}
    for group in _groups(database, by, selection):
        for name in _tags(group.name) if by == "tag" else (group.name,):
            place = group.route, group.kind, name
            before = found.get(place)
            named = structs.replace(group, name=name)
            found[place] = named if before is None else _sum(before, group)
    return [group for _, group in sorted(found.items())]


def _groups(database: Engine, by: By, selection: Selection) -> Iterator[Group]:
    """Groups of pairs that are alike in propensity too, in being regretted and in being priced."""
    priced = and_(pairs.c.candidate_cost.is_not(None), pairs.c.reference_cost.is_not(None))
    alike = pairs.c.route, _COLUMNS[by], pairs.c.propensity, pairs.c.regret
    times = func.min(pairs.c.time), func.max(pairs.c.time)
    query = select(
        kind_of_pair().label("kind"),
        priced.label("priced"),
        *alike,
        *times,
        func.count(),
        *sums_of(pairs, _COUNTS, _AMOUNTS),
    )
    # By label: the same expression with parameters of its own would not be the same to PostgreSQL.
    query = selected(query.group_by("kind", "priced", *alike), selection)
    try:
        with database.connect() as connection:
            rows = connection.execute(query).all()
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(f"The record of pairs cannot be read: {error}") from error
    return map(_group, rows)


def _group(row: Sequence[Any]) -> Group:
    kind, priced, route, name, propensity, regret, first, last, count, *sums = row
    read = read_sums(_COUNTS, _AMOUNTS, sums)
    if not priced:
        read |= {"candidate_cost": _ZERO, "reference_cost": _ZERO}
    return Group(
        route=route,
        kind=kind,
        name=str(name),
        counts={} if regret is None else {propensity: (regret * count, count)},
        unscored={propensity: count} if regret is None else {},
        unpriced=0 if priced else count,
        first=first,
        last=last,
        **read,
    )


def _sum(one: Group, other: Group) -> Group:
    """Both groups together, under the name of the one."""
    added = {name: getattr(one, name) + getattr(other, name) for name in _ADDED}
    counts = dict(one.counts)
    for propensity, (regrets, scored) in other.counts.items():
        before = counts.get(propensity, (0, 0))
        counts[propensity] = before[0] + regrets, before[1] + scored
    return structs.replace(
        one,
        counts=counts,
        unscored=Counter(one.unscored) + Counter(other.unscored),
        first=min(one.first, other.first),
        last=max(one.last, other.last),
        **added,
    )


def _tags(name: str) -> tuple[str, ...]:
    """The tags of a pair, or ``(untagged)``."""
    return msgspec.json.decode(name, type=tuple[str, ...]) or ("(untagged)",)
