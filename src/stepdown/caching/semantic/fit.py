"""Trains a verifier on labelled pairs, and measures it on pairs that it has not seen.

Whatever shares a text is on one side: no text of the held-out pairs was trained on.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from importlib import import_module
from typing import Any, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from stepdown.caching.semantic.features import DIRECTIONS, NAMES, features
from stepdown.caching.semantic.generate import LabelledPair
from stepdown.caching.semantic.turn import Embed, Reader, Turn
from stepdown.caching.semantic.verifier import Tree, Verifier
from stepdown.quality.intervals import upper

Kind = Literal["logistic", "trees"]
Matrix = NDArray[np.float64]
Labels = NDArray[np.bool_]

HELD_OUT = 0.2
FEWEST = 100
"""Pairs that there must be of either label, held-out ones included."""
PENALTY = 1 / 80
"""On the squares of the weights of standardised features, a pair: with less, what was learned of
our own sentences carries over to real questions less well (``benchmarks/semantic_cache.py``)."""
TREES = 150
LEAVES = 15
RATE = 0.07
FEWEST_IN_LEAF = 50
_STEPS = 4_000
_ENOUGH = 1e-7
_DIGITS = 6


class TooFewPairs(ValueError):
    """There is too little to learn from."""


class Served(Struct, frozen=True):
    """What a threshold on the log odds would serve of the held-out pairs.

    ``at_most`` is what the wrong share is at most, at the confidence asked for.
    """

    threshold: float
    hits: int
    wrong: int
    at_most: float


class Report(Struct, frozen=True):
    """How a verifier did. ``auc`` is the chance that a right pair scores above a wrong one, and
    ``cosine_auc`` that of the similarity alone. ``bounded`` is the most that a threshold serves
    whose wrong share is at most ``max_error``; ``cosine`` the same for the similarity alone."""

    trained: int
    held_out: int
    right: int
    auc: float
    cosine_auc: float
    bounded: Served | None
    cosine: Served | None


def fit(
    pairs: Sequence[LabelledPair],
    embed: Embed,
    *,
    kind: Kind = "logistic",
    max_error: float = 0.01,
    confidence: float = 0.95,
    source: str = "",
    advance: Callable[[int], None] = lambda done: None,
) -> tuple[Verifier, Report]:
    """Trained on four fifths of the pairs, measured on the rest. ``advance`` is told of pairs read.

    Raises TooFewPairs; ImportError where ``trees`` are asked for without LightGBM.
    """
    right = np.array([pair.label == 1 for pair in pairs], bool)
    _check(right)
    kept = np.array(held_out(pairs), bool)
    rows = rows_of(pairs, embed, advance)
    train = _logistic if kind == "logistic" else _trees
    verifier = train(rows[~kept], right[~kept])
    scores = np.array([verifier.log_odds(row) for row in rows[kept].tolist()])
    cosines, labels = rows[kept][:, 0], right[kept]
    report = Report(
        trained=int((~kept).sum()),
        held_out=int(kept.sum()),
        right=int(labels.sum()),
        auc=auc(scores, labels),
        cosine_auc=auc(cosines, labels),
        bounded=most_served(scores, labels, max_error, confidence),
        cosine=most_served(cosines, labels, max_error, confidence),
    )
    about: dict[str, str | float | int] = {
        "source": source,
        "trained": report.trained,
        "held_out": report.held_out,
        "auc": round(report.auc, 4),
        "cosine_auc": round(report.cosine_auc, 4),
    }
    return Verifier(
        verifier.kind, verifier.features, verifier.bias, verifier.weights, verifier.trees, about
    ), report


def rows_of(pairs: Sequence[LabelledPair], embed: Embed, advance: Callable[[int], None]) -> Matrix:
    """The features of each pair, shape (pairs, features)."""
    reader, turns = Reader(embed), dict[str, Turn]()

    def turn(text: str) -> Turn:
        found = turns.get(text)
        if found is None:
            if len(turns) >= 10_000:
                turns.clear()
            found = turns[text] = reader.read(text)
        return found

    rows = np.empty((len(pairs), len(NAMES)))
    for place, pair in enumerate(pairs):
        rows[place] = features(turn(pair.a), turn(pair.b))
        advance(place + 1)
    return rows


def held_out(pairs: Sequence[LabelledPair]) -> list[bool]:
    """Which pairs are kept back: a fifth, and always all that hang together by their texts."""
    parent: dict[str, str] = {}

    def root(text: str) -> str:
        while (above := parent.setdefault(text, text)) != text:
            parent[text] = parent[above]
            text = above
        return text

    for pair in pairs:
        parent[root(pair.a)] = root(pair.b)
    return [_hashed(root(pair.a)) < HELD_OUT for pair in pairs]


def auc(scores: Matrix, right: Labels) -> float:
    """By ranks, ties counted half; 0.5 where there is one label only."""
    ones = int(right.sum())
    others = len(right) - ones
    if not ones or not others:
        return 0.5
    _, where, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[where]
    return float((ranks[right].sum() - ones * (ones + 1) / 2.0) / (ones * others))


def most_served(
    scores: Matrix, right: Labels, max_error: float, confidence: float
) -> Served | None:
    """The threshold that serves most with a wrong share of at most ``max_error`` among these.

    None where there is none. It was chosen on the pairs it is measured on: ``at_most`` is for the
    threshold as if it had been chosen before.
    """
    order = np.argsort(-scores, kind="stable")
    wrong = np.cumsum(~right[order])
    hits = np.arange(1, len(order) + 1)
    ranked = scores[order]
    last = np.append(ranked[:-1] > ranked[1:], True)
    fine = np.flatnonzero((wrong <= max_error * hits) & last)
    if not len(fine):
        return None
    place = int(fine[-1])
    number, errors = place + 1, int(wrong[place])
    return Served(float(ranked[place]), number, errors, upper(errors, number, confidence))


def _check(right: Labels) -> None:
    for label, number in ((1, int(right.sum())), (0, int((~right).sum()))):
        if number < FEWEST:
            raise TooFewPairs(f"expected at least {FEWEST} pairs with label {label}, got {number}")


def _hashed(text: str) -> float:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2.0**64


def _logistic(rows: Matrix, right: Labels) -> Verifier:
    """A logistic regression whose weights keep to the features' directions.

    That is what carries over to other texts. Without directions, a model learns that the made
    sentences of a wrong pair share many words. Nesterov's gradient steps, projected.
    """
    centre, spread = rows.mean(axis=0), rows.std(axis=0)
    spread = np.where(spread > 1e-9, spread, np.inf)
    design = np.column_stack([(rows - centre) / spread, np.ones(len(rows))])
    low = np.array([0.0 if each >= 0 else -np.inf for each in DIRECTIONS] + [-np.inf])
    high = np.array([0.0 if each <= 0 else np.inf for each in DIRECTIONS] + [np.inf])
    penalty = PENALTY * len(rows)
    strength = np.append(np.full(len(NAMES), penalty), 0.0)
    step = 1.0 / (0.25 * float(np.linalg.eigvalsh(design.T @ design)[-1]) + penalty)
    weights = ahead = np.zeros(design.shape[1])
    speed = 1.0
    for _ in range(_STEPS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(design @ ahead, -30.0, 30.0)))
        slope = design.T @ (chance - right) + strength * ahead
        moved = np.clip(ahead - step * slope, low, high)
        faster = (1.0 + (1.0 + 4.0 * speed * speed) ** 0.5) / 2.0
        ahead = moved + (speed - 1.0) / faster * (moved - weights)
        change, weights, speed = float(np.abs(moved - weights).max()), moved, faster
        if change < _ENOUGH:
            break
    scaled = weights[:-1] / spread
    return Verifier(
        "logistic",
        list(NAMES),
        round(float(weights[-1] - scaled @ np.where(np.isfinite(spread), centre, 0.0)), _DIGITS),
        [round(float(each), _DIGITS) for each in scaled],
    )


def _trees(rows: Matrix, right: Labels) -> Verifier:
    """Boosted trees that keep to the directions, by LightGBM (the extra ``fit``)."""
    lightgbm: Any = import_module("lightgbm")
    settings = {
        "objective": "binary",
        "num_leaves": LEAVES,
        "learning_rate": RATE,
        "min_data_in_leaf": FEWEST_IN_LEAF,
        "monotone_constraints": list(DIRECTIONS),
        "boost_from_average": True,
        "num_threads": 1,
        "deterministic": True,
        "verbose": -1,
    }
    data = lightgbm.Dataset(rows, right.astype(float), feature_name=list(NAMES))
    booster = lightgbm.train(settings, data, TREES)
    dumped = booster.dump_model()["tree_info"]
    return Verifier("trees", list(NAMES), trees=[_tree(each["tree_structure"]) for each in dumped])


def _tree(root: dict[str, Any]) -> Tree:
    tree = Tree([], [], [], [])

    def add(node: dict[str, Any]) -> int:
        place = len(tree.feature)
        leaf = "leaf_value" in node
        tree.feature.append(-1 if leaf else node["split_feature"])
        tree.values.append(node["leaf_value" if leaf else "threshold"])
        tree.left.append(0)
        tree.right.append(0)
        if not leaf:
            tree.left[place] = add(node["left_child"])
            tree.right[place] = add(node["right_child"])
        return place

    add(root)
    return tree
