"""Finds labels in an answer, however they are written there."""

import re
from collections.abc import Sequence
from functools import lru_cache

READ = 100_000
"""Characters of an answer that are read."""

CACHED = 64
_EDGE = " \"'`´“”„‘’‚«»‹›*.,;:!?()[]{}<>…。、！？「」"
_JOINTS = re.compile(r"(?<=\w)[-‐‑‒–—]+(?=\w)")


def folded(text: str) -> str:
    """A label in the form in which labels are compared.

    Case does not count, nor do runs of space, and quotes, emphasis and punctuation around; a dash
    within, an underscore and space are the same.
    """
    spaced = _spaced(text).casefold()
    return spaced.strip(_EDGE) or spaced


def labels_in(text: str, labels: Sequence[str]) -> frozenset[str]:
    """The labels, folded, that a text is or holds as whole words.

    One within a longer one (``spam`` in ``not spam``) is not found there. Among other words, a
    label of one letter has to be in its own case: ``a`` is an article, ``A`` may be a choice.
    """
    whole = folded(text[:READ])
    search = _search(tuple(labels))
    if whole in search.known:
        return frozenset({whole})
    return frozenset(map(folded, search.pattern.findall(_spaced(text[:READ]))))


class _Search:
    """The labels, folded, and a pattern that finds any of them."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.known = {each for each in map(folded, labels) if each}
        spaced = {_spaced(each).strip(_EDGE) for each in labels}
        longest_first = sorted(spaced - {""}, key=lambda label: (-len(label), label))
        some = "|".join(map(_written, longest_first)) or "(?!)"
        self.pattern = re.compile(rf"(?<![\w-])(?:{some})(?![\w+#])")


_search = lru_cache(CACHED)(_Search)


def _written(label: str) -> str:
    escaped = re.escape(label)
    return escaped if len(label) == 1 else f"(?i:{escaped})"


def _spaced(text: str) -> str:
    return " ".join(_JOINTS.sub(" ", text.replace("_", " ")).split())
