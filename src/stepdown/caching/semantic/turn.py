"""What the verifier reads from one turn: its words, and those on which the answer hangs."""

import re
from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct

from stepdown.caching.semantic.lexicon import (
    AUXILIARIES,
    HOW_MUCH,
    MONTHS,
    NEGATIONS,
    NUMBER_WORDS,
    QUESTION_WORDS,
    STOP_WORDS,
    UNITS,
    WEEKDAYS,
)
from stepdown.embedding.embedder import Vectors

Embed = Callable[[Sequence[str]], Vectors]
"""Gives each text its vector, a row of length 1: the static table's ``vectors``."""

MOST_ALIGNED = 48
"""Content words that are compared one by one."""
MOST_WORDS = 20_000
"""Words whose vectors are remembered, then forgotten all at once: 20 MB."""

_TOKEN = re.compile(
    r"[A-Za-z_$][\w$]*(?:[.:/\\-]{1,2}[\w$]+)*(?:\(\))?|\d+(?:[.,:/-]\d+)*%?|[^\W\d_]+|[+#*/=<>&|^%-]+"
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_CODE = re.compile(r"\w*[_$\\]\w*|\w+\(\)|[a-z]+[A-Z]\w*|\w+(?:::|\.|/)\w[\w./:]*|--?\w[\w-]*")
_NOT = re.compile(r"n['’]t\b")
_FENCED = re.compile(r"`([^`]+)`")
_QUOTED = re.compile(r"[\"“”«]([^\"“”»]{1,200})[\"“”»]")
_SENTENCE_END = frozenset(".?!:\n")
_WORD = re.compile(r"[^\W\d_]")


class Turn(Struct, frozen=True, eq=False):
    """One turn, read. ``content`` are the stems of the words that say something, each once.

    ``vector`` is the whole turn's, ``vectors`` those of ``content``, a row each.
    """

    text: str
    words: tuple[str, ...]
    content: tuple[str, ...]
    numbers: frozenset[str]
    units: frozenset[str]
    dates: frozenset[str]
    entities: frozenset[str]
    code: frozenset[str]
    quoted: frozenset[str]
    negations: int
    question: str
    trigrams: frozenset[str]
    vector: Vectors
    vectors: Vectors


class Reader:
    """Reads turns. ``embed`` is asked for whole turns and for single words, which it remembers."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._known: dict[str, Vectors] = {}

    def read(self, text: str) -> Turn:
        found = [(match.group(), match.start()) for match in _TOKEN.finditer(text)]
        words = tuple(token.lower().replace("'", "") for token, _ in found)
        stems = tuple(dict.fromkeys(stem(word) for word in words if _is_content(word)))
        content = stems[:MOST_ALIGNED]
        return Turn(
            text=text,
            words=words,
            content=content,
            numbers=_numbers(words),
            units=frozenset(words) & UNITS,
            dates=frozenset(words) & (MONTHS | WEEKDAYS),
            entities=_entities(text, found),
            code=_code(text, [token for token, _ in found]),
            quoted=frozenset(part.strip().lower() for part in _QUOTED.findall(text)),
            negations=sum(word in NEGATIONS for word in words) + len(_NOT.findall(text)),
            question=_question(words),
            trigrams=_trigrams(words),
            vector=self._embed((text,))[0],
            vectors=self._vectors(content),
        )

    def _vectors(self, words: Sequence[str]) -> Vectors:
        """A row each."""
        known = self._known
        if len(known) > MOST_WORDS:
            known.clear()
        if not words:
            return np.zeros((0, 1), np.float32)
        found = {word: known.get(word) for word in words}  # another thread may forget them all
        unknown = [word for word, vector in found.items() if vector is None]
        if unknown:
            embedded = dict(zip(unknown, self._embed(unknown), strict=True))
            known.update(embedded)
            found.update(embedded)
        return np.stack([vector for vector in found.values() if vector is not None])


def stem(word: str) -> str:
    """The word without the commonest endings, enough to make "studies" and "study" one."""
    if len(word) <= 4 or not word.isalpha():
        return word
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", "e")):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + instead
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _is_content(word: str) -> bool:
    return word not in STOP_WORDS and any(character.isalnum() for character in word)


def _numbers(words: Sequence[str]) -> frozenset[str]:
    """Their digits; those in words up to twelve as digits."""
    found = [number.replace(",", "") for word in words for number in _NUMBER.findall(word)]
    return frozenset(found + [NUMBER_WORDS[word] for word in words if word in NUMBER_WORDS])


def _entities(text: str, found: Sequence[tuple[str, int]]) -> frozenset[str]:
    """Words with a capital that does not come from the beginning of a sentence."""
    entities: list[str] = []
    for token, start in found:
        if not _WORD.match(token) or token.lower() in STOP_WORDS:
            continue
        inner = token[1:] != token[1:].lower()
        before = text[:start].rstrip()
        begins = not before or before[-1] in _SENTENCE_END
        if inner or (token[0].isupper() and not begins):
            entities.append(stem(token.lower()))
    return frozenset(entities)


def _code(text: str, tokens: Sequence[str]) -> frozenset[str]:
    fenced = [part.strip() for part in _FENCED.findall(text)]
    return frozenset(fenced + [token for token in tokens if _CODE.fullmatch(token)])


def _question(words: Sequence[str]) -> str:
    """What is asked for: by the first question word, else yes or no, else an order."""
    for place, word in enumerate(words):
        kind = QUESTION_WORDS.get(word)
        if kind == "how" and place + 1 < len(words) and words[place + 1] in HOW_MUCH:
            return "how_" + words[place + 1]
        if kind is not None:
            return kind
        if place == 0 and word in AUXILIARIES:
            return "yes_no"
    return ""


def _trigrams(words: Sequence[str]) -> frozenset[str]:
    text = " ".join(words)
    return frozenset(text[place : place + 3] for place in range(max(1, len(text) - 2)))
