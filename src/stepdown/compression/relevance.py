"""How much each passage has to do with a question: TF-IDF, and meanings where there are vectors.

Source of the weights: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25
and Beyond" (the idf and the saturation of counts), as a cosine's stand-in for short passages.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from stepdown.routing.wordlists import words

Vectors = Callable[[Sequence[str]], Any]
"""Texts into rows of length 1, as a numpy array: ``stepdown.embedding``'s ``vectors``."""

SATURATION = 1.2
LENGTH_SHARE = 0.5
"""BM25's k1 and b: passages are sentences, whose lengths say little."""
MEANING_SHARE = 0.3
"""The vectors' share of a score, where there are vectors."""
LENT = 0.7
DECAY = 0.9
"""What a passage lends to those around it in its paragraph: an answer often stands beside the words
asked for ("It was opened in 1931."). The share falls by DECAY with each passage between."""

LITTLE_WORDS = words(
    """
    a about after all also an and any are as at be been before but by can could did do does for from
    had has have he her his how i if in into is it its may me more most my no not of on one or our
    over please she should so some such than that the their them then there these they this those
    to was we were what when where which while who whom whose why will with would you your
    """
)
"""English words that say nothing of a subject; where texts are in another language, idf does it."""
_WORD = re.compile(r"[^\W_]+")
_ENDINGS = ("ingly", "edly", "ing", "ies", "ed", "es", "ly", "s")
_STEM = 4


def relevance(question: str, texts: Sequence[str], vectors: Vectors | None = None) -> list[float]:
    """A score for each text, 0 (nothing in common) or above; not yet smoothed."""
    lexical = _scaled(_lexical(question, texts))
    if vectors is None:
        return lexical
    rows = vectors([question, *texts])
    meaning = _scaled([max(0.0, float(each)) for each in rows[1:] @ rows[0]])
    return [
        (1 - MEANING_SHARE) * word + MEANING_SHARE * near
        for word, near in zip(lexical, meaning, strict=True)
    ]


def smoothed(scores: Sequence[float], paragraphs: Sequence[int]) -> list[float]:
    """Each score with what the best of its paragraph lends; ``paragraphs`` are their numbers."""
    lent = [0.0] * len(scores)
    for order in (range(len(scores)), range(len(scores) - 1, -1, -1)):
        passed, paragraph = 0.0, None
        for at in order:
            if paragraphs[at] != paragraph:
                passed, paragraph = 0.0, paragraphs[at]
            lent[at] = max(lent[at], passed)
            passed = DECAY * max(passed, scores[at])
    return [own + LENT * near for own, near in zip(scores, lent, strict=True)]


def terms(text: str) -> list[str]:
    """Words in lower case without their endings, the little ones left out; digits as they stand."""
    return [_stem(word) for word in _WORD.findall(text.lower()) if word not in LITTLE_WORDS]


@lru_cache(8192)
def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _STEM:
            return word[: -len(ending)]
    return word


def _lexical(question: str, texts: Sequence[str]) -> list[float]:
    counted = [Counter(terms(text)) for text in texts]
    sizes = [max(1, sum(each.values())) for each in counted]
    usual = sum(sizes) / max(1, len(sizes))
    wanted = Counter(terms(question))
    weights = {
        term: math.log(1 + (len(texts) - held + 0.5) / (held + 0.5))
        for term in wanted
        if (held := sum(term in each for each in counted))
    }
    return [
        sum(
            weight * each[term] * (SATURATION + 1) / (each[term] + _damping(size / usual))
            for term, weight in weights.items()
            if term in each
        )
        for each, size in zip(counted, sizes, strict=True)
    ]


def _damping(length: float) -> float:
    return SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * length)


def _scaled(scores: Sequence[float]) -> list[float]:
    """The best at 1."""
    best = max(scores, default=0.0)
    return [score / best for score in scores] if best > 0 else [0.0] * len(scores)
