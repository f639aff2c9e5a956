"""``bleu``: how many of the answer's runs of words stand in the expected text.

    bleu
    bleu: {tokenize: zh, lowercase: true}

BLEU of one sentence, smoothed, of up to four words in a row; several expected texts are references
of one another. ``tokenize`` parts words: ``13a`` (the standard of translation), ``intl``, ``zh``,
``char`` or ``none``. Needs the extra ``overlap``.
Source: Papineni et al. 2002, aclanthology.org/P02-1040; Post 2018, aclanthology.org/W18-6319
"""

from typing import Any

from stepdown.cascade.validators.mapping import read_mapping
from stepdown.quality.scorers.overlap import Overlap, metrics
from stepdown.quality.scorers.switches import read_switch, read_word
from stepdown.routing.problems import Problems

TOKENIZERS = ("13a", "intl", "zh", "char", "none")
"""Those that need no download."""


class Bleu(Overlap):
    name = "bleu"


def build(options: Any, path: str, problems: Problems) -> Bleu | None:
    """A scorer from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    given = read_mapping(options, ("tokenize", "lowercase"), path, problems)
    tokenize = read_word(given, "tokenize", TOKENIZERS, path, problems)
    lowercase = read_switch(given, "lowercase", path, problems)
    library = metrics(path, problems)
    if library is None or len(problems.lines) > known:
        return None
    return Bleu(library.BLEU(tokenize=tokenize, lowercase=lowercase, effective_order=True))
