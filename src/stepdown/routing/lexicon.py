"""Words that tell what is asked for: tasks and kinds of output, found as whole phrases.

The scan costs one set intersection: each phrase is looked for only when its rarest word is in the
text. Routes extend the phrases: ``signals: {task: {classify: ["sort into"]}}``.
"""

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

from stepdown.routing.instruction import Instruction, phrase
from stepdown.routing.vocabulary import COMMON

NO_SPACES = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
MOST_PLACES = 8
"""A phrase is looked at in so many places of one instruction."""


class Place(Struct, frozen=True, gc=False):
    """A phrase that was found, and where in ``Instruction.text``."""

    label: str
    phrase: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.phrase)


class _Phrase(Struct, frozen=True):
    label: str
    text: str
    padded: str
    words: frozenset[str]
    others: frozenset[str] = frozenset()
    """The phrase's words besides the one that it is looked up by."""


class Lexicon:
    """Phrases by label. Built once; ``find`` is called for every request."""

    def __init__(self, phrases: Mapping[str, Iterable[str]]) -> None:
        self.phrases = {
            label: tuple(flat for text in given if (flat := phrase(text)))
            for label, given in phrases.items()
        }
        self._by_word: dict[str, list[_Phrase]] = {}
        self._unspaced: list[_Phrase] = []
        for label, texts in self.phrases.items():
            for text in texts:
                self._add(label, text)
        self._words = frozenset(self._by_word)

    def _add(self, label: str, text: str) -> None:
        if NO_SPACES.search(text):
            self._unspaced.append(_Phrase(label, text, text, frozenset()))
            return
        rarest = max(text.split(), key=lambda word: (word not in COMMON, len(word)))
        others = frozenset(text.split()) - {rarest}
        self._by_word.setdefault(rarest, []).append(_Phrase(label, text, f" {text} ", others))

    def find(self, asked: Instruction) -> list[Place]:
        """Every place of every phrase, in no order."""
        found: list[Place] = []
        flat, words = asked.flat, asked.words
        for word in self._words & words:
            for entry in self._by_word[word]:
                if not entry.words <= words:  # far quicker to see than that the text lacks it
                    continue
                start = flat.find(entry.padded)
                if start >= 0:
                    _add_places(found, entry, flat, start)
        for entry in self._unspaced:
            start = flat.find(entry.padded)
            if start >= 0:
                _add_places(found, entry, flat, start)
        return found


def _add_places(found: list[Place], entry: _Phrase, flat: str, start: int) -> None:
    # ``flat`` begins with a space that the text does not have; a padded phrase begins with one too.
    label, text, padded = entry.label, entry.text, entry.padded
    shift = 0 if padded[0] == " " else 1
    for _ in range(MOST_PLACES):
        found.append(Place(label, text, start - shift))
        start = flat.find(padded, start + 1)
        if start < 0:
            return


def extended(
    phrases: Mapping[str, Iterable[str]], more: Mapping[str, Iterable[str]]
) -> dict[str, list[str]]:
    """The built-in phrases with a route's own added; a new label is a new task."""
    merged = {label: list(texts) for label, texts in phrases.items()}
    for label, texts in more.items():
        merged.setdefault(label, []).extend(texts)
    return merged


def widest_places(places: list[Place]) -> list[Place]:
    """Without those inside a longer phrase: "write a summary" is not "write a"."""
    wide = [place for place in places if " " in place.phrase]
    if not wide or len(places) == 1:
        return places
    return [place for place in places if not _is_inside(place, wide)]


def _is_inside(place: Place, wide: list[Place]) -> bool:
    start, size = place.start, len(place.phrase)
    for other in wide:
        longer = len(other.phrase) - size
        if longer > 0 and other.start <= start <= other.start + longer:
            return True
    return False
