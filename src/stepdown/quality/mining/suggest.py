"""Suggests rules for a route: where the cheapest model would hardly be regretted."""

import math
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from stepdown.quality.correction import JudgeErrors, said_within
from stepdown.quality.intervals import each_of, error_of
from stepdown.quality.mining.held_out import Held, held, of_each, split
from stepdown.quality.mining.samples import Pool, Sample
from stepdown.quality.mining.search import Goal, Region, regions
from stepdown.quality.mining.terms import Term, Vocabulary, terms_of

NAME = "suggested"
_PLACES = Decimal(1).scaleb(-12)


class Suggestion(Struct, frozen=True):
    """A rule for the cheapest rung. ``when`` is its condition.

    ``share`` of the route's requests would be claimed by it, 0..1. ``saving`` is US dollars over
    the recorded time, and ``saved`` its share of what was spent. ``certified``: its regret is shown
    to be within the budget.
    """

    name: str
    when: Mapping[str, Any]
    share: float
    saving: Decimal
    saved: float | None
    held: Held
    certified: bool


class Suggestions(Struct, frozen=True):
    """``tried`` regions were asked about on ``held_out`` pairs, each with the confidence ``each``;
    those that regretted more than the budget there are not ``rules``.

    ``signals`` are those that the search could see. ``pairs`` of one weight, without any regret,
    are what it takes to certify a rule; None where too little is known of the judge for any number
    to be enough. ``judge``: by these errors of the judge's the regrets are corrected.
    """

    budget: float
    confidence: float
    each: float
    searched: int
    held_out: int
    tried: int
    pairs: int | None
    requests: int
    claimable: int
    unscored: int
    unpriced: int
    signals: tuple[str, ...]
    rules: tuple[Suggestion, ...]
    judge: JudgeErrors | None = None


def suggest(
    pool: Pool,
    *,
    budget: float,
    confidence: float = 0.95,
    most: int = 5,
    taken: Collection[str] = (),
    vocabulary: Vocabulary | None = None,
    judge: JudgeErrors | None = None,
) -> Suggestions:
    """At most so many rules, the one first that is worth the most.

    ``taken`` are the names of the route's own rules. ``judge``: how the judge errs, where that is
    known; what looks good by what it says is searched, and tested without its errors. Raises
    ValueError for a budget or a confidence out of bounds.
    """
    if not 0.0 < budget < 1.0:
        raise ValueError(f"budget: expected between 0 and 1, got {budget}")
    searched, kept = split(pool.samples)
    goal = _as_said(budget, judge), error_of(confidence)
    found = _found(searched, len(kept), goal, most, vocabulary or Vocabulary())
    each = of_each(confidence, len(found))
    rules: list[Suggestion] = []
    for region in found:
        seen = held(region, kept, each, judge)
        if seen.regret is not None and seen.regret <= budget:
            name = _name({*taken, *(rule.name for rule in rules)})
            rules.append(_suggestion(name, region, seen, pool, budget))
    signals = {name for sample in searched for name in sample.readings}
    return Suggestions(
        budget,
        confidence,
        each,
        len(searched),
        len(kept),
        len(found),
        _fewest(budget, each, judge),
        pool.requests,
        pool.claimable,
        pool.unscored,
        pool.unpriced,
        tuple(sorted(signals)),
        tuple(rules),
        judge,
    )


def _found(
    searched: Sequence[Sample],
    held_out: int,
    goal: tuple[float, float],
    most: int,
    vocabulary: Vocabulary,
) -> list[Region]:
    budget, error = goal
    if not searched or not held_out:
        return []
    sought = Goal(budget, error / most, held_out / len(searched))
    return regions(searched, terms_of(searched, vocabulary), sought, most)


def _suggestion(name: str, region: Region, seen: Held, pool: Pool, budget: float) -> Suggestion:
    requests = pool.claimable * seen.share
    saving = requests * seen.saved
    return Suggestion(
        name,
        when_of(region.terms),
        requests / pool.requests,
        Decimal(repr(saving)).quantize(_PLACES),
        saving / float(pool.cost) if pool.cost else None,
        seen,
        seen.high <= budget,
    )


def when_of(terms: Sequence[Term]) -> dict[str, Any]:
    """The condition as a rule has it; two comparisons of one signal stand together."""
    by_signal: dict[str, list[Term]] = {}
    for term in sorted(terms, key=lambda term: term.signal):
        by_signal.setdefault(term.signal, []).append(term)
    return {
        signal: same[0].written
        if len(same) == 1
        else {term.operator: term.operand for term in same}
        for signal, same in by_signal.items()
    }


def _as_said(budget: float, judge: JudgeErrors | None) -> float:
    """About the rate at which the judge says regret where the regret is the budget."""
    if judge is None or not (judge.negatives and judge.positives):
        return budget
    made_up = judge.false_positives / judge.negatives
    found = 1.0 - judge.false_negatives / judge.positives
    said = made_up + budget * (found - made_up)
    return said if 0.0 < said < 1.0 else budget


def _fewest(budget: float, confidence: float, judge: JudgeErrors | None) -> int | None:
    if judge is not None:
        confidence = each_of(confidence, 3)
        budget = said_within(budget, judge, confidence)
    if not 0.0 < budget < 1.0:
        return None
    return math.ceil(math.log(error_of(confidence)) / math.log1p(-budget))


def _name(taken: Collection[str]) -> str:
    number = 1
    while f"{NAME}-{number}" in taken:
        number += 1
    return f"{NAME}-{number}"
