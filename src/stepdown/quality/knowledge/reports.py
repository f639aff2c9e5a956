"""All that is known of each route's regret: by group, and of what is guarded there."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct
from sqlalchemy import Engine

from stepdown.quality.knowledge.answers import By, Place, answers_costs
from stepdown.quality.knowledge.positions import Position
from stepdown.quality.knowledge.regrets import Family, family_of
from stepdown.quality.records.groups import Group, groups
from stepdown.quality.records.selection import Selection

CONFIDENCE = 0.95
"""Where the configuration gives a route none."""


class Asked(Struct, frozen=True):
    """What the configuration says of a route. ``budget`` is None where it has none."""

    confidence: float = CONFIDENCE
    budget: float | None = None


class RouteReport(Struct, frozen=True):
    """One route. ``down``: what was sent down, or would have been; ``up``: what was decided for the
    last rung, compared with the first. ``answers_costs`` are US dollars for second answers."""

    route: str
    budget: float | None
    down: Family
    up: Family
    answers_costs: Mapping[Place, Decimal]
    positions: tuple[Position, ...] = ()

    def position(self, rule: str) -> Position | None:
        """Where a rule stands, where it is guarded."""
        return next((each for each in self.positions if each.rule == rule), None)


def reports(
    database: Engine,
    by: By,
    selection: Selection,
    positions: Sequence[Position] = (),
    asked: Callable[[str], Asked] = lambda route: Asked(),
) -> list[RouteReport]:
    """A report of each route that has pairs in the selection, or anything guarded; by name.

    ``asked`` is told a route's name. Raises DatabaseUnavailable where the database fails.
    """
    found = groups(database, by, selection)
    costs = answers_costs(database, by, selection)
    routes = sorted({group.route for group in found} | {each.route for each in positions})
    return [
        _report(
            route,
            [group for group in found if group.route == route],
            costs,
            tuple(each for each in positions if each.route == route),
            asked(route),
        )
        for route in routes
    ]


def _report(
    route: str,
    found: Sequence[Group],
    costs: Mapping[Place, Decimal],
    positions: tuple[Position, ...],
    asked: Asked,
) -> RouteReport:
    down = [group for group in found if group.kind != "upgrade"]
    up = [group for group in found if group.kind == "upgrade"]
    return RouteReport(
        route,
        asked.budget,
        family_of(sorted(down, key=_order), asked.confidence),
        family_of(up, asked.confidence),
        costs,
        positions,
    )


def _order(group: Group) -> tuple[bool, str]:
    """What a cascade accepted comes after the rules."""
    return group.kind == "cascade", group.name
