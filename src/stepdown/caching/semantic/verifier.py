"""Says how likely two turns ask the same: a trained model that needs no library to run.

A verifier is a small JSON file: the names of its features, and either the weights of a logistic
regression or the trees of a boosted model. The shipped one is a logistic regression that was
trained on the project's own sentences (``generate``); ``stepdown cache fit`` makes others.
"""

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from stepdown.caching.semantic.features import NAMES
from stepdown.errors import ConfigError
from stepdown.names import nearest

SHIPPED = "verifier.json"
MOST_BYTES = 8_000_000
MOST_TREES = 2_000


class Tree(Struct, frozen=True, array_like=True):
    """A node's ``feature`` is a place among the verifier's features, -1 at a leaf.

    Where the value is at most the node's, go to ``left``, else to ``right``: places of nodes, which
    come after the node itself. ``values`` are thresholds, and at leaves log odds to be added.
    """

    feature: list[int]
    left: list[int]
    right: list[int]
    values: list[float]

    def value(self, row: list[float]) -> float:
        node = 0
        while (feature := self.feature[node]) >= 0:
            node = self.left[node] if row[feature] <= self.values[node] else self.right[node]
        return self.values[node]


class Verifier(Struct, frozen=True):
    """``kind`` says which of ``weights`` and ``trees`` counts; ``bias`` is added to either.

    ``about`` says what it was trained on, and how it did on pairs that were kept back.
    """

    kind: Literal["logistic", "trees"]
    features: list[str]
    bias: float = 0.0
    weights: list[float] = []
    trees: list[Tree] = []
    about: dict[str, str | float | int] = {}

    def log_odds(self, row: list[float]) -> float:
        """That two turns with these features (in the order of ``features.NAMES``) ask the same."""
        if self.kind == "logistic":
            return self.bias + sum(
                weight * value for weight, value in zip(self.weights, row, strict=True)
            )
        return self.bias + sum(tree.value(row) for tree in self.trees)


def read_verifier(path: Path) -> Verifier:
    """The verifier in this file. Raises ConfigError."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError([f"{path}: a verifier has at most {MOST_BYTES:,} bytes"])
        return _checked(path.read_bytes(), str(path))
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror or error}"]) from error


@lru_cache(1)
def shipped() -> Verifier:
    """The verifier that is part of the package."""
    return _checked((files("stepdown.caching.semantic") / SHIPPED).read_bytes(), SHIPPED)


def _checked(data: bytes, where: str) -> Verifier:
    try:
        verifier = msgspec.json.decode(data, type=Verifier)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError([f"{where}: not a verifier: {error}"]) from error
    fault = _fault(verifier)
    if fault is not None:
        raise ConfigError([f"{where}: {fault}"])
    return verifier


def _fault(verifier: Verifier) -> str | None:
    if verifier.features != list(NAMES):
        unknown = [name for name in verifier.features if name not in NAMES]
        hint = f", not {unknown[0]!r}.{nearest(unknown[0], NAMES)}" if unknown else ""
        return f"features: expected those of this version, in their order{hint}; fit it again"
    if verifier.kind == "logistic" and len(verifier.weights) != len(NAMES):
        return f"weights: expected {len(NAMES)} numbers, got {len(verifier.weights)}"
    if len(verifier.trees) > MOST_TREES:
        return f"trees: expected at most {MOST_TREES}, got {len(verifier.trees)}"
    for number, tree in enumerate(verifier.trees):
        if not _is_tree(tree):
            return f"trees[{number}]: not a tree"
    return None


def _is_tree(tree: Tree) -> bool:
    """Whether each walk ends at a leaf: children come after their node, and exist."""
    nodes = len(tree.feature)
    if not nodes or not nodes == len(tree.left) == len(tree.right) == len(tree.values):
        return False
    return all(
        feature < 0
        or (
            feature < len(NAMES)
            and place < tree.left[place] < nodes
            and place < tree.right[place] < nodes
        )
        for place, feature in enumerate(tree.feature)
    )
