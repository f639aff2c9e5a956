"""``chrf``: how much of the expected text's runs of characters the answer has, and the reverse.

    chrf
    chrf: {words: 2}

The F measure over runs of up to six characters, recall counting twice as much. It needs no words,
so it suits every language; ``words: 2`` adds runs of words, as chrF++ does. Of several expected
texts the nearest counts. Needs the extra ``overlap``.
Source: Popović 2015, aclanthology.org/W15-3049; Popović 2017, aclanthology.org/W17-4770
"""

from typing import Any

from stepdown.cascade.validators.mapping import read_mapping
from stepdown.quality.scorers.overlap import Overlap, metrics
from stepdown.routing.problems import Problems

MOST_WORDS = 4


class Chrf(Overlap):
    name = "chrf"


def build(options: Any, path: str, problems: Problems) -> Chrf | None:
    """A scorer from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    words = read_mapping(options, ("words",), path, problems).get("words", 0)
    if not (type(words) is int and 0 <= words <= MOST_WORDS):
        problems.expected(f"{path}.words", f"a whole number from 0 to {MOST_WORDS}", words)
    library = metrics(path, problems)
    if library is None or len(problems.lines) > known:
        return None
    return Chrf(library.CHRF(word_order=words))
