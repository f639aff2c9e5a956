"""What the log cannot tell: requests that a policy sends down where none like them was sampled.

Whether a request is sampled follows from who it is of and from what was decided: the rule, and
whether the guard held it. Where no pair came of all that was decided alike, there is none to learn
from. Within these groups, a tenant or a tag may be excluded: one without any pair is taken to be
where chance alone would hardly have left it without.
"""

import math
from collections import defaultdict
from collections.abc import Iterable

from msgspec import Struct

from stepdown.quality.offline.paired_log import ModelOf, PairedLog
from stepdown.quality.offline.tally import Cell, Tally

HARDLY = 1e-4
"""The chance, split over all tenants and tags, at which one without a pair counts as excluded."""


class Support(Struct, frozen=True):
    """The cells that a policy sends down: ``known`` ones, and ``bare`` ones, of which nothing is.
    ``barred`` are the tenants and tags that are never sampled."""

    known: frozenset[Cell]
    bare: frozenset[Cell]
    barred: frozenset[str]


class Unshadowed(Struct, frozen=True):
    """Requests that a rule of the new route sends to ``model``, with nothing known of its answers.

    ``decided`` are the decisions that they had; ``audiences`` the tenants and tags that are never
    sampled, none where it is everybody. ``share`` is of all requests, 0..1.
    """

    rule: str
    model: str
    requests: int
    share: float
    decided: tuple[str, ...]
    audiences: tuple[str, ...]


class Unread(Struct, frozen=True):
    """Requests whose decision hangs on signals that were not recorded, and the rules that name
    them. ``share`` is of all requests, 0..1."""

    signals: tuple[str, ...]
    rules: tuple[str, ...]
    requests: int
    share: float


def support(log: PairedLog, model_of: ModelOf) -> Support:
    """What is known of the requests that ``model_of`` sends below the last rung."""
    down = {cell for cell in log.tally.cells if model_of(cell) != log.reference}
    seen = {cell for cell in down if log.sampling(cell, model_of(cell)).pairs}
    barred = _barred(log, seen, model_of)
    known = frozenset(cell for cell in seen if barred.isdisjoint(cell.audience.marks))
    return Support(known, frozenset(down) - known, barred)


def unshadowed(tally: Tally, found: Support) -> list[Unshadowed]:
    """By rule of the new route, the most requests first."""
    alike: dict[tuple[str, str, bool], list[Cell]] = defaultdict(list)
    for cell in found.bare:
        excluded = not found.barred.isdisjoint(cell.audience.marks)
        alike[cell.rule, cell.model, excluded].append(cell)
    listed: list[Unshadowed] = []
    for (rule, model, excluded), cells in alike.items():
        requests = sum(tally.cells[cell].requests for cell in cells)
        marks = {mark for cell in cells for mark in cell.audience.marks} & found.barred
        listed.append(
            Unshadowed(
                rule,
                model,
                requests,
                requests / tally.requests,
                tuple(sorted({cell.decided for cell in cells})),
                tuple(sorted(marks)) if excluded else (),
            )
        )
    return sorted(listed, key=lambda each: (-each.requests, each.rule, each.model))


def unread(tally: Tally) -> list[Unread]:
    """The most requests first."""
    return [
        Unread(hanging.signals, hanging.rules, requests, requests / tally.requests)
        for hanging, requests in tally.undecided.most_common()
    ]


def _barred(log: PairedLog, seen: Iterable[Cell], model_of: ModelOf) -> frozenset[str]:
    expected: dict[str, float] = defaultdict(float)
    sampled: set[str] = set()
    for cell in seen:
        model = model_of(cell)
        pairs = log.sampling(cell, model).rate * log.requests(cell)
        for mark in cell.audience.marks:
            expected[mark] += pairs
        if log.told(cell, model):
            sampled.update(cell.audience.marks)
    enough = math.log(max(1, len(expected)) / HARDLY)
    return frozenset(
        mark for mark, pairs in expected.items() if pairs > enough and mark not in sampled
    )
