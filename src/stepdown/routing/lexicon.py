"""Words that tell what is asked for: tasks and kinds of output, found as whole phrases.

All phrases are looked for in one pass over the text. Routes extend them:
``signals: {task: {classify: ["sort into"]}}``.
"""

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

from stepdown.routing.instruction import Instruction, phrase
from stepdown.routing.safe_regex import literals

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


class Lexicon:
    """Phrases by label, each as it stands in ``Instruction.flat``."""

    def __init__(self, phrases: Mapping[str, Iterable[str]]) -> None:
        self.phrases = {
            label: tuple(flat for text in given if (flat := phrase(text)))
            for label, given in phrases.items()
        }


class _Entry(Struct, frozen=True):
    label: str
    text: str
    padded: str
    is_task: bool


class Phrasebook:
    """Looks for the phrases of tasks and of outputs at once. Built once for all requests."""

    def __init__(self, tasks: Lexicon, outputs: Lexicon) -> None:
        self._entries = [
            _Entry(label, text, text if NO_SPACES.search(text) else f" {text} ", lexicon is tasks)
            for lexicon in (tasks, outputs)
            for label, texts in lexicon.phrases.items()
            for text in texts
        ]
        self._present = literals(tuple([entry.padded for entry in self._entries]))

    def find(self, asked: Instruction) -> tuple[list[Place], list[Place]]:
        """Every place of every phrase, in the phrases' order: of the tasks, and of the outputs."""
        tasks: list[Place] = []
        outputs: list[Place] = []
        flat = asked.flat
        for index in sorted(self._present(flat) or ()):
            entry = self._entries[index]
            _add_places(tasks if entry.is_task else outputs, entry, flat)
        return tasks, outputs


def _add_places(found: list[Place], entry: _Entry, flat: str) -> None:
    # ``flat`` begins with a space that the text does not have; a padded phrase begins with one too.
    label, text, padded = entry.label, entry.text, entry.padded
    shift = 0 if padded[0] == " " else 1
    start = flat.find(padded)
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
