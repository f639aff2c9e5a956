"""What two turns have in common, and what not: the numbers that the verifier weighs.

Each is the same whichever turn comes first. Words are compared as they stand, and by the vectors of
those that only one of the turns has: the worst covered word is what a near miss hangs on.
"""

from collections.abc import Set
from itertools import combinations, pairwise

import numpy as np

from stepdown.caching.semantic.lexicon import OPPOSITES
from stepdown.caching.semantic.turn import Turn

MOST = 8.0
"""Counts end here."""
_PREFIXES = ("un", "in", "im", "il", "ir", "dis", "non", "de", "anti", "mis")

CLOSER = 1
APART = -1
NEITHER = 0

_FEATURES = (
    ("similarity", CLOSER),
    ("words_shared", CLOSER),
    ("content_shared", CLOSER),
    ("content_covered_least", CLOSER),
    ("content_covered_most", CLOSER),
    ("trigrams_shared", CLOSER),
    ("bigrams_shared", CLOSER),
    ("order_kept", CLOSER),
    ("left_over_least", APART),
    ("left_over_most", APART),
    ("aligned_mean_least", CLOSER),
    ("aligned_mean_most", CLOSER),
    ("aligned_worst_least", CLOSER),
    ("aligned_worst_most", CLOSER),
    ("numbers_differ", APART),
    ("numbers_agree", NEITHER),
    ("units_differ", APART),
    ("dates_differ", APART),
    ("entities_swapped", APART),
    ("entities_added", APART),
    ("entities_agree", NEITHER),
    ("code_differs", APART),
    ("quoted_differs", APART),
    ("negation_differs", APART),
    ("opposites", APART),
    ("question_differs", APART),
    ("question_agrees", CLOSER),
    ("length_ratio", NEITHER),
    ("length_least", NEITHER),
    ("same_content", CLOSER),
)
"""Of each, whether more of it can only make a hit likelier (CLOSER) or less likely (APART)."""

NAMES = tuple(name for name, _ in _FEATURES)
DIRECTIONS = tuple(direction for _, direction in _FEATURES)
"""In the order of NAMES."""


def features(one: Turn, other: Turn) -> list[float]:
    """The features of two turns, in the order of NAMES."""
    ours, theirs = frozenset(one.content), frozenset(other.content)
    ourselves, yourselves = frozenset(one.words), frozenset(other.words)
    shared = len(ours & theirs)
    mine, yours = ours - theirs, theirs - ours
    covered = sorted((_part(shared, len(ours)), _part(shared, len(theirs))))
    lengths = sorted((len(one.words), len(other.words)))
    swapped, added = _differ(one.entities, other.entities)
    return [
        float(one.vector @ other.vector),
        _jaccard(ourselves, yourselves),
        _jaccard(ours, theirs),
        covered[0],
        covered[1],
        _jaccard(one.trigrams, other.trigrams),
        _jaccard(frozenset(pairwise(one.words)), frozenset(pairwise(other.words))),
        _order_kept(one, other),
        min(MOST, len(mine), len(yours)),
        min(MOST, max(len(mine), len(yours))),
        *_aligned(one, other),
        _any_differ(one.numbers, other.numbers),
        min(MOST, len(one.numbers & other.numbers)),
        _any_differ(one.units, other.units),
        _any_differ(one.dates, other.dates),
        swapped,
        added,
        min(MOST, len(one.entities & other.entities)),
        _any_differ(one.code, other.code),
        _any_differ(one.quoted, other.quoted),
        float(one.negations % 2 != other.negations % 2),
        _opposites(mine | ourselves, yours | yourselves),
        float(one.question != other.question),
        float(one.question == other.question != ""),
        _part(lengths[0], lengths[1]),
        min(40.0, lengths[0]),
        float(ours == theirs),
    ]


MOST_ALIGNED = 96
"""Words of each turn that are held against those of the other."""


def _part(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _jaccard(one: Set[object], other: Set[object]) -> float:
    shared = len(one & other)
    return _part(shared, len(one) + len(other) - shared)


def _any_differ(one: Set[str], other: Set[str]) -> float:
    """How many only one of them has; half as much where the other has none to differ from."""
    swapped, added = _differ(one, other)
    return min(MOST, swapped + added / 2.0)


def _differ(one: Set[str], other: Set[str]) -> tuple[float, float]:
    """How many stand in the place of others, and how many are more on one side."""
    mine, yours = len(one - other), len(other - one)
    swapped = min(mine, yours)
    return min(MOST, swapped), min(MOST, max(mine, yours) - swapped)


def _order_kept(one: Turn, other: Turn) -> float:
    """The part of the pairs of shared words that stand in one order: not so "A to B", "B to A"."""
    places = {word: place for place, word in enumerate(other.content)}
    shared = [places[word] for word in one.content if word in places]
    pairs = len(shared) * (len(shared) - 1) // 2
    if not pairs:
        return 1.0
    return sum(a < b for a, b in combinations(shared, 2)) / pairs


def _aligned(one: Turn, other: Turn) -> tuple[float, float, float, float]:
    """How well the words of each turn are covered by the nearest of the other's: on average, and
    the worst of them; each for the worse and for the better covered turn."""
    if not one.content or not other.content:
        alike = float(one.content == other.content)
        return alike, alike, alike, alike
    # No matrix product: its threads wait for cores that requests have (docs/embeddings.md).
    mine_vectors, yours_vectors = one.vectors[:MOST_ALIGNED], other.vectors[:MOST_ALIGNED]
    cosines = np.vecdot(mine_vectors[:, None], yours_vectors[None])
    mine, yours = cosines.max(axis=1).tolist(), cosines.max(axis=0).tolist()
    means = sum(mine) / len(mine), sum(yours) / len(yours)
    worst = min(mine), min(yours)
    return min(means), max(means), min(worst), max(worst)


def _opposites(mine: Set[str], yours: Set[str]) -> float:
    """How many words of one stand against a word of the other."""
    only_mine, only_yours = mine - yours, yours - mine
    against = sum(
        not only_yours.isdisjoint(OPPOSITES.get(word, ()))
        or any(prefix + word in only_yours for prefix in _PREFIXES)
        for word in only_mine
    )
    against += sum(any(prefix + word in only_mine for prefix in _PREFIXES) for word in only_yours)
    return min(MOST, float(against))
