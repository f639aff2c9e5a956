"""Training a verifier on pairs, and measuring it on others."""

import numpy as np
import pytest

from stepdown.caching.semantic.features import DIRECTIONS, NAMES
from stepdown.caching.semantic.fit import (
    TooFewPairs,
    auc,
    fit,
    held_out,
    most_served,
    rows_of,
)
from stepdown.caching.semantic.generate import LabelledPair, generate
from stepdown.caching.semantic.verifier import Verifier, shipped
from stepdown.embedding.static import static

EMBED = static().vectors
PAIRS = list(generate(1_200, seed=5))


def test_generated_pairs_are_the_same_for_a_seed() -> None:
    assert list(generate(1_200, seed=5)) == PAIRS
    assert list(generate(1_200, seed=6)) != PAIRS
    assert 0.35 < sum(pair.label for pair in PAIRS) / len(PAIRS) < 0.45
    assert not any("{" in pair.a + pair.b for pair in PAIRS)
    wrong = [pair for pair in PAIRS if not pair.label]
    assert not [pair for pair in wrong if pair.a.lower() == pair.b.lower()]


def test_what_is_learned_beats_the_similarity_on_pairs_not_seen() -> None:
    verifier, report = fit(PAIRS, EMBED, source="here")
    assert report.trained + report.held_out == len(PAIRS)
    assert report.auc > report.cosine_auc + 0.03
    assert verifier.about["source"] == "here"
    assert all(w * way >= 0 for w, way in zip(verifier.weights, DIRECTIONS, strict=True))


def test_the_shipped_one_is_near_what_few_pairs_teach() -> None:
    """Its file is what ``generate`` and ``fit`` make of more of the same sentences."""
    rows = rows_of(PAIRS, EMBED, lambda done: None)
    right = np.array([pair.label == 1 for pair in PAIRS])
    scores = np.array([shipped().log_odds(row) for row in rows.tolist()])
    assert auc(scores, right) == pytest.approx(float(shipped().about["auc"]), abs=0.03)


def test_trees() -> None:
    pytest.importorskip("lightgbm")
    verifier, report = fit(PAIRS, EMBED, kind="trees")
    assert report.auc > report.cosine_auc
    rows = rows_of(PAIRS[:50], EMBED, lambda done: None)
    again = Verifier("trees", list(NAMES), trees=verifier.trees)
    said = [verifier.log_odds(row) for row in rows.tolist()]
    assert said == [again.log_odds(row) for row in rows.tolist()]
    assert len(set(said)) > 10


def test_pairs_that_share_a_text_stay_together() -> None:
    chain = [LabelledPair(f"t{n}", f"t{n + 1}", n % 2) for n in range(40)]
    assert len(set(held_out(chain))) == 1
    apart = held_out([LabelledPair(f"a{n}", f"b{n}", 1) for n in range(2_000)])
    assert 0.16 < sum(apart) / len(apart) < 0.24


def test_too_few() -> None:
    with pytest.raises(TooFewPairs, match="at least 100 pairs with label 0, got 0"):
        fit([LabelledPair(f"a{n}", f"b{n}", 1) for n in range(300)], EMBED)


def test_auc() -> None:
    right = np.array([True, True, False, False])
    assert auc(np.array([4.0, 3.0, 2.0, 1.0]), right) == 1.0
    assert auc(np.array([1.0, 1.0, 1.0, 1.0]), right) == 0.5
    assert auc(np.array([4.0, 1.0, 3.0, 2.0]), right) == 0.5
    assert auc(np.array([1.0]), np.array([True])) == 0.5


def test_most_served() -> None:
    scores = np.array([9.0, 8.0, 7.0, 7.0, 6.0, 5.0])
    right = np.array([True, True, True, False, True, False])
    served = most_served(scores, right, 0.2, 0.95)
    assert served is not None
    assert (served.hits, served.wrong, served.threshold) == (5, 1, 6.0)
    assert served.at_most > 0.2
    none_wrong = most_served(scores, right, 0.0, 0.95)
    assert none_wrong is not None
    assert none_wrong.hits == 2
    assert most_served(np.array([1.0]), np.array([False]), 0.1, 0.95) is None
