"""How the table of `static.py` is made from MiniLM: this is the recipe, and it can be run again.

1. Each token of the vocabulary goes through the model alone, between its marks of beginning and
   end, and the mean of the three outputs is the token's vector. One at a time: the model is
   quantised with a scale for each batch, so that company would change a vector.
2. The mean of all is taken off, and the 256 directions of most variance are kept (PCA).
3. A vector is weighted by a / (a + p) with a = 1e-4 (SIF). p is the token's frequency; the
   vocabulary is ordered by it, so that Zipf's law gives p from the rank.
4. A row is stored as int8, with one scale a row.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from stepdown.embedding.embedder import Vectors
from stepdown.embedding.static import DIRECTIONS, FIRST_WORD, SCALES, VOCABULARY
from stepdown.embedding.transformer import Transformer

DIMENSIONS = 256
SIF = 1e-4
BEGIN, END = "[CLS]", "[SEP]"
STEP = 127
"""The largest int8 of a row."""

Told = Callable[[int, int], None]
"""Is given the tokens done and all tokens."""


class Table(Struct, frozen=True):
    """``directions``: int8, ``(words, 256)``; ``scales``: float32, ``(words,)``."""

    vocabulary: list[str]
    directions: NDArray[np.int8]
    scales: Vectors

    def write(self, directory: Path) -> None:
        """The three files that `static.py` reads."""
        directory.mkdir(parents=True, exist_ok=True)
        text = "\n".join(self.vocabulary)
        (directory / VOCABULARY).write_bytes(text.encode())
        np.save(directory / DIRECTIONS, self.directions, allow_pickle=False)
        np.save(directory / SCALES, self.scales, allow_pickle=False)


def distil(model: Path, vocabulary: Path, told: Told) -> Table:
    """The table, from MiniLM's ONNX file and its vocabulary, a token a line. Takes a minute.

    On one machine it is the same to the byte each time. Elsewhere another processor's arithmetic
    may round the quantised model's outputs otherwise, and the texts' similarities by a little.
    Raises ImportError without onnxruntime.
    """
    tokens = vocabulary.read_text("utf-8").removesuffix("\n").split("\n")
    meanings = _meanings(model, tokens, told)
    weighted = _reduced(meanings) * _weights(len(meanings))[:, None]
    largest = np.abs(weighted).max(axis=1, keepdims=True)
    directions = np.rint(weighted / largest * STEP).astype(np.int8)
    return Table(tokens, directions, (largest[:, 0] / STEP).astype(np.float32))


def _meanings(model: Path, tokens: list[str], told: Told) -> NDArray[np.float64]:
    """The model's vector of each word, shape ``(words, 384)``."""
    transformer = Transformer(model.read_bytes())
    begin, end = tokens.index(BEGIN), tokens.index(END)
    rows: list[NDArray[np.float64]] = []
    for token in range(FIRST_WORD, len(tokens)):
        outputs = transformer.run((begin, token, end))
        rows.append(outputs.astype(np.float64).mean(axis=0))
        told(len(rows), len(tokens) - FIRST_WORD)
    return np.stack(rows)


def _reduced(meanings: NDArray[np.float64]) -> NDArray[np.float64]:
    """The vectors along the directions of most variance, each direction with a sign that is fixed:
    its largest part is positive."""
    centred = meanings - meanings.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    kept = vectors[:, ::-1][:, :DIMENSIONS]
    largest = kept[np.abs(kept).argmax(axis=0), np.arange(DIMENSIONS)]
    reduced: NDArray[np.float64] = centred @ (kept * np.sign(largest))
    return reduced


def _weights(words: int) -> NDArray[np.float64]:
    """SIF's weight of each word, from its rank."""
    share = 1 / np.arange(2, words + 2, dtype=np.float64)
    weights: NDArray[np.float64] = SIF / (SIF + share / share.sum())
    return weights
