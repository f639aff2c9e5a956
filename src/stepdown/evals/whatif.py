"""What a route would decide if some of its rules named another rung.

A changed rung changes no rule's condition, so that nothing has to be read again: what each rule
said of a row is enough. The policy that decides is the route's own class.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, structs

from stepdown.cascade.plan import CASCADE
from stepdown.evals.report import Report
from stepdown.evals.rows import Row
from stepdown.routing.conditions import Condition, Readings
from stepdown.routing.options import read_rung
from stepdown.routing.presets import PRESETS
from stepdown.routing.problems import Problems
from stepdown.routing.rules import DEFAULT, RESERVED, Match, Policy, Rule
from stepdown.routing.shapes import is_list, is_mapping
from stepdown.types import Reading

REST = "rest"
"""A catch-all rule's name, unless there is such a rule."""
ALWAYS: Mapping[str, Any] = {"turns": {"ge": 0}}
"""A condition that every request meets: the number of turns is exact."""

Said = Mapping[str, bool | None]
"""What rules said of a row, by name; None is borderline. A rule that is not there said no."""


class NoRules(ValueError):
    """A report whose rules cannot be read: the place, what was expected, what came."""


def recorded(row: Row) -> Said:
    """What the report keeps of it. Where that is no more than the rule that decided, as in reports
    of earlier versions, the others are taken to have said no."""
    if row.matched or row.borderline:
        return {**dict.fromkeys(row.matched, True), **dict.fromkeys(row.borderline)}
    return {} if row.decision in RESERVED else {row.decision: True}


def keeps_verdicts(report: Report) -> bool:
    """Whether the rows tell what every rule said. Where no rule said anything, nobody knows."""
    return any(row.matched or row.borderline for row in report.rows)


class Rules(Struct, frozen=True):
    """A route's rules: as written, and each one's rung by its name. ``top`` is the last rung."""

    written: tuple[Mapping[str, Any], ...]
    rungs: Mapping[str, int]
    top: int
    match: Match

    @property
    def rest(self) -> str:
        """A name for a catch-all rule."""
        name, number = REST, 1
        while name in self.rungs:
            number += 1
            name = f"{REST}-{number}"
        return name

    def with_rungs(self, rungs: Mapping[str, int]) -> Policy:
        """The policy with these rungs in place of the rules' own. One for ``default`` stands for a
        last rule that matches everything."""
        rules = [
            Rule(name, _saying(name), rungs.get(name, rung)) for name, rung in self.rungs.items()
        ]
        if DEFAULT in rungs:
            rules.append(Rule(self.rest, _YES, rungs[DEFAULT]))
        return Policy(rules, self.top, self.match)

    def holding(self, row: Row, said: Said) -> tuple[str, ...]:
        """The rules that all have to let go of a row at the last rung, ``default`` among them where
        no rule is sure of it; none where something else than rules decided."""
        if row.decided < self.top or not self.has(row.decision):
            return ()
        holding: list[str] = []
        for name, rung in self.rungs.items():
            says = said.get(name, False)
            if says is not False and rung == self.top:
                holding.append(name)
            if says and self.match == "first":
                return tuple(holding)
        sure = any(said.get(name) for name in self.rungs)
        return tuple(holding) if sure else (*holding, DEFAULT)

    def has(self, name: str) -> bool:
        """Whether this is a rule's name, or the one of what no rule claims."""
        return name == DEFAULT or name in self.rungs


def rules_of(report: Report) -> Rules:
    """The rules that a report's rows were routed by. Raises NoRules."""
    given, problems = report.rules, Problems()
    entries: Sequence[Any] = [given] if isinstance(given, str) else given
    if not is_list(entries):
        problems.expected("rules", "a list of rules", given)
        entries = []
    written: list[Any] = []
    for entry in entries:
        written += PRESETS.get(entry, [entry]) if isinstance(entry, str) else [entry]
    rungs: dict[str, int] = {}
    for place, rule in enumerate(written):
        if not is_mapping(rule) or not isinstance(rule.get("name"), str):
            problems.expected(f"rules[{place}]", "a rule {name, when, rung}", rule)
            continue
        rung = read_rung(rule.get("rung"), f"rules[{place}].rung", report.ladder, problems)
        rungs[rule["name"]] = rung
    if problems.lines:
        raise NoRules("; ".join(problems.lines))
    plain = tuple(msgspec.to_builtins(dict(rule)) for rule in written)
    return Rules(plain, rungs, len(report.ladder) - 1, report.match)


def rerouted(rows: Iterable[Row], rules: Rules, rungs: Mapping[str, int]) -> tuple[Row, ...]:
    """The rows as they would be with these rungs. One that goes elsewhere is answered by the model
    it goes to, at the cost of that answer: what a cascade would make of it is not known."""
    before, after = rules.with_rungs({}), rules.with_rungs(rungs)

    def moved(row: Row) -> Row:
        readings = _readings(recorded(row))
        was, choice = before.choose(readings), after.choose(readings)
        if row.decision == CASCADE:
            stays = was.name != DEFAULT or choice.name == DEFAULT  # it begins what nobody claims
        else:
            stays = not rules.has(row.decision) or was.rung != row.decided
        if stays:
            return row
        if choice.rung == row.decided:
            return structs.replace(row, decision=choice.name)
        cost = row.rungs[choice.rung].cost
        return structs.replace(
            row, decision=choice.name, rung=choice.rung, decided=choice.rung, cost=cost
        )

    return tuple(map(moved, rows))


def rung_of(policy: Policy, said: Said) -> int:
    """The rung of a row of which its rules said this."""
    return policy.choose(_readings(said)).rung


def _readings(said: Said) -> Readings:
    return {name: Reading(matched) for name, matched in said.items()}


def _saying(name: str) -> Condition:
    """What the rule of this name said."""

    def test(readings: Readings) -> bool | None:
        reading = readings.get(name)
        said: bool | None = False if reading is None else reading.value
        return said

    return Condition(test, lambda readings: f"what {name} said")


_YES = Condition(lambda readings: True, lambda readings: "always")
