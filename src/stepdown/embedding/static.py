"""``static``: a vector for each token, shipped with Stepdown; a text is their weighted sum.

The table is distilled from all-MiniLM-L6-v2 (Apache-2.0; Reimers and Gurevych) as `distil.py` says:
each token of its vocabulary went through the model once, and what a text needs at run time is a
look-up and a sum. It knows words, not their order: "A beats B" and "B beats A" are one text to it.
Sources: Tulkens and van Dongen 2024, github.com/MinishLab/model2vec; weights of Arora et al. 2017,
"A simple but tough-to-beat baseline for sentence embeddings" (SIF)
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepdown.embedding.embedder import LocalEmbedder, Vectors
from stepdown.embedding.wordpiece import WordPiece

NAME = "static-minilm-256-v1"
VOCABULARY = "vocabulary.txt"
DIRECTIONS = "directions.npy"
SCALES = "scales.npy"

FIRST_WORD = 999
"""The id of the first token that a text can hold; the special and unused ones have no vector."""

MOST_CHARACTERS = 16_384
"""Characters of a text that are read: what the most tokens take up in text of long words."""


class StaticTable(LocalEmbedder):
    """Sums of token vectors. 0.1 ms for 200 tokens; 9 MB of memory."""

    quick: bool = True
    most_tokens: int = 2_048

    def __init__(
        self, name: str, vocabulary: Sequence[str], directions: NDArray[np.int8], scales: Vectors
    ) -> None:
        """``directions``: shape ``(tokens, dimensions)``; ``scales``: ``(tokens,)``, by which a
        row is multiplied. The rows are those of the ``vocabulary`` from FIRST_WORD on."""
        super().__init__(name, directions.shape[1])
        expected = len(vocabulary) - FIRST_WORD
        if directions.shape[0] != expected or scales.shape != (expected,):
            raise ValueError(
                f"{name}: expected {expected} rows and scales for a vocabulary of "
                f"{len(vocabulary)} tokens, got {directions.shape[0]} and {scales.shape}"
            )
        self._tokenizer = WordPiece(vocabulary)
        self._directions = directions
        self._scales = scales

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """The texts' vectors, shape ``(texts, dimensions)``, each of length 1.

        Of a text the first MOST_CHARACTERS are read. One without a known word has zeros.
        """
        rows = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in zip(rows, texts, strict=True):
            tokens = self._tokenizer.ids(text[:MOST_CHARACTERS])[: self.most_tokens]
            ids = np.array(tokens, np.int64) - FIRST_WORD
            ids = ids[ids >= 0]
            # not the matrix product: its library's threads keep a busy machine waiting
            total = np.einsum("i,ij->j", self._scales[ids], self._directions[ids])
            length = math.sqrt(np.vecdot(total, total))
            if length > 0:
                np.divide(total, length, out=row)
        return rows


@lru_cache(1)
def static() -> StaticTable:
    """The shipped table, loaded once (15 ms)."""
    return StaticTable(NAME, vocabulary(), _array(DIRECTIONS), _array(SCALES))


def vocabulary() -> list[str]:
    """MiniLM's tokens by their ids, which are those of BERT's uncased models."""
    return _file(VOCABULARY).read_text("utf-8").split("\n")


def _file(name: str) -> Traversable:
    return files("stepdown.embedding") / "table" / name


def _array(name: str) -> NDArray[Any]:
    with _file(name).open("rb") as opened:
        array: NDArray[Any] = np.load(opened, allow_pickle=False)
    return array
