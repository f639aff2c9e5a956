"""Groups: the deployments that serve one model name, or every name that fits a pattern."""

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from stepdown.ports import Price
from stepdown.providers.member import Member
from stepdown.types import Usage


class Group(Struct, frozen=True):
    """The members behind one model name. ``name`` may hold ``*``.

    ``smallest_window`` is the least input tokens that a member is known to take, None where no
    member's window is known. ``ordered``: some members are to be asked before others.
    """

    name: str
    members: tuple[Member, ...]
    smallest_window: int | None
    ordered: bool
    price: Price | None


class Served(Struct, frozen=True):
    """A model name as it was asked for: its group, and what the stars of its pattern matched."""

    name: str
    group: Group
    matched: tuple[str, ...] | None = None


class Catalogue:
    """Finds the group that serves a name: an exact one first, then the longest pattern."""

    def __init__(self, groups: Sequence[Group], aliases: Mapping[str, str]) -> None:
        self._aliases = aliases
        self._exact = {g.name: Served(g.name, g) for g in groups if "*" not in g.name}
        patterns = [group for group in groups if "*" in group.name]
        patterns.sort(key=lambda group: len(group.name), reverse=True)
        self._patterns = [(_expression(group.name), group) for group in patterns]
        self.names = list(dict.fromkeys([*(group.name for group in groups), *aliases]))

    def find(self, name: str) -> Served | None:
        """What serves a name, an alias or a name that fits a pattern; None when nothing does."""
        name = self._aliases.get(name, name)
        return self._exact.get(name) or self._match(name)

    def _match(self, name: str) -> Served | None:
        for expression, group in self._patterns:
            match = expression.fullmatch(name)
            if match is not None:
                return Served(name, group, match.groups())
        return None


def build_group(name: str, members: Sequence[Member]) -> Group:
    windows = [m.deployment.max_input_tokens for m in members]
    return Group(
        name=name,
        members=tuple(members),
        smallest_window=min((w for w in windows if w is not None), default=None),
        ordered=len({member.order for member in members}) > 1,
        price=_price(members),
    )


def _price(members: Sequence[Member]) -> Price | None:
    """The cheapest of the members' prices: as a reference it never overstates a saving."""
    known = [m.deployment.price for m in members if m.deployment.price is not None]
    usage = Usage(input=1000, output=1000)
    return min(known, key=lambda price: price.cost(usage), default=None)


def _expression(pattern: str) -> re.Pattern[str]:
    """Stars match anything; every other character stands for itself.

    Backtracking stays polynomial of the stars' number, which the configuration's author writes.
    """
    return re.compile("(.*)".join(map(re.escape, pattern.split("*"))), re.DOTALL)
