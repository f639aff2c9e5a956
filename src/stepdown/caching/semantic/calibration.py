"""Learns from verified pairs how likely a hit is right here: a ridge logistic regression in numpy.

The verifier was trained on other texts. What its score, the similarity and the runner-up's distance
mean differs between embedders and between kinds of traffic, so they are weighed anew by the first
pairs of the deployment itself. Source: Hoerl & Kennard 1970 (ridge); Cox 1958 (logistic
regression), fitted by Newton's method.
"""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Rows = NDArray[np.float64]
Labels = NDArray[np.bool_]

PENALTY = 5.0
FEATURE_PENALTY = 60.0
"""On the squares of the weights of standardised columns, about as strong as so many pairs: of the
first LEADING ones, which sum a pair up, and of the features themselves, which are many."""
LEADING = 5
_STEPS = 25
_ENOUGH = 1e-6
_FLAT = 1e-9


class Calibration(Struct, frozen=True):
    """The score of a row x is weights · x + bias: the log odds that the hit is right."""

    weights: list[float]
    bias: float

    def score(self, row: Rows) -> float:
        return float(np.dot(self.weights, row)) + self.bias

    def scores(self, rows: Rows) -> Rows:
        """One for each row of a matrix."""
        scored: Rows = rows @ np.asarray(self.weights) + self.bias
        return scored


def fit_logistic(
    rows: Rows,
    right: Labels,
    penalty: float = PENALTY,
    feature_penalty: float = FEATURE_PENALTY,
) -> Calibration:
    """``rows``: (pairs, columns). One right and one wrong pair are taken as seen before any."""
    centre, spread = rows.mean(axis=0), rows.std(axis=0)
    spread = np.where(spread > _FLAT, spread, np.inf)
    design = np.column_stack([(rows - centre) / spread, np.ones(len(rows))])
    strength = np.full(design.shape[1], feature_penalty)
    strength[:LEADING] = penalty
    strength[-1] = _FLAT
    target = (right + 1.0 / max(1, len(right))) / (1.0 + 2.0 / max(1, len(right)))
    weights = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(design @ weights, -30.0, 30.0)))
        slope = design.T @ (target - chance) - strength * weights
        curve = (design * (chance * (1.0 - chance))[:, None]).T @ design + np.diag(strength)
        step = np.linalg.solve(curve, slope)
        weights += step
        if float(np.abs(step).max()) < _ENOUGH:
            break
    scaled = weights[:-1] / spread
    return Calibration([float(each) for each in scaled], float(weights[-1] - scaled @ centre))
