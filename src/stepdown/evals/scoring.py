"""Which scorers an item's answers go to: the row's own, the set's, the default ones, the judge."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from stepdown.errors import ConfigError
from stepdown.evals.items import BadRow, Item
from stepdown.ports import Judge, Scorer
from stepdown.quality.defaults import default_scorers
from stepdown.quality.registry import JUDGES, build_scorers
from stepdown.quality.settle import is_judge
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_mapping
from stepdown.types import Task

Scorers = tuple[Scorer | Judge, ...]


class Scoring:
    """The scorers of one run. ``judge`` is the configured one, None without.

    What a row names may not run code of its own, see ``quality.registry``.
    """

    def __init__(
        self,
        entries: Sequence[Any] = (),
        judge: tuple[str, Mapping[str, Any]] | None = None,
        *,
        asks: bool = True,
    ) -> None:
        """``entries`` are the set's scorers, as in the configuration; ``judge`` is a judge's name
        with its options. Unless models can be asked (``asks``), judges are left out.

        Raises ConfigError.
        """
        self.configured = judge
        self._asks = asks
        self._built: dict[tuple[bytes, bool], Scorers] = {}
        self._entries = entries
        self._set = self._build(entries)
        self._last: Scorers = () if judge is None else self._build([{judge[0]: judge[1]}])
        self.judge: Judge | None = next(filter(is_judge, self._last), None)

    def of(self, item: Item, task: Task) -> Scorers:
        """In the order in which they are asked. The judge is last, and asked by default only."""
        if item.scorer is not None:
            return self._own(item)
        if self._entries:
            return self._set
        return (*default_scorers(task), *self._last)

    def check(self, items: Iterable[Item]) -> tuple[list[Item], list[BadRow]]:
        """The items whose own scorer can be built, and what is wrong with the others."""
        good: list[Item] = []
        bad: list[BadRow] = []
        for item in items:
            try:
                self._own(item)
                good.append(item)
            except ConfigError as error:
                bad.append(BadRow(item.line, "; ".join(error.problems)))
        return good, bad

    def models(self, items: Iterable[Item]) -> list[str]:
        """Those that judges of these items may ask; an item that ``check`` refuses has none."""
        good, _ = self.check(items)
        may_ask = [scorer for item in good for scorer in self._own(item)]
        if any(item.scorer is None for item in good):
            may_ask += self._set if self._entries else self._last
        return list(dict.fromkeys(each.model for each in may_ask if is_judge(each)))

    def judges_alike(self, items: Iterable[Item]) -> bool:
        """Whether whatever names the configured judge means it with the configured options."""
        if self.configured is None:
            return True
        name, options = self.configured
        given = [*self._entries, *(item.scorer for item in items if item.scorer is not None)]
        meant = [self._filled(entry) for entry in given]
        return all(each[name] == options for each in meant if is_mapping(each) and name in each)

    # ── building ─────────────────────────────────────────────────────────────────────────────

    def _own(self, item: Item) -> Scorers:
        """The row's own scorer. Raises ConfigError."""
        return () if item.scorer is None else self._build([item.scorer], trusted=False)

    def _build(self, entries: Sequence[Any], *, trusted: bool = True) -> Scorers:
        """Built once for all rows that name the same. Raises ConfigError."""
        key = msgspec.json.encode(entries), trusted
        if key not in self._built:
            problems = Problems()
            filled = [
                self._filled(each) for each in entries if self._asks or not _names_judge(each)
            ]
            built = build_scorers(filled, "scorer", problems, trusted=trusted)
            problems.check()
            self._built[key] = tuple(each for each in built if self._asks or not is_judge(each))
        return self._built[key]

    def _filled(self, entry: Any) -> Any:
        """A judge that is named without a model is the configured one's."""
        name, options = _parted(entry)
        if self.configured is None or not _names_judge(entry):
            return entry
        if options is not None and not is_mapping(options):
            return entry  # whoever builds it says what is wrong
        configured = dict(self.configured[1])
        if name != self.configured[0]:
            configured = {"model": configured["model"]}
        return {name: {**configured, **(options or {})}}


def _names_judge(entry: Any) -> bool:
    name, _ = _parted(entry)
    return isinstance(name, str) and name in JUDGES


def _parted(entry: Any) -> tuple[Any, Any]:
    """An entry's name and its options, where it is one that can be read."""
    if is_mapping(entry) and len(entry) == 1:
        [(name, options)] = entry.items()
        return name, options
    return entry, None
