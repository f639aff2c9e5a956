"""``history``: old turns and stale tool outputs cut down to their beginnings, the oldest first.

Every message keeps its place, its role and its calls of tools, so that any provider takes the
conversation. Code and quotations in it stay.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from stepdown.compression.draft import Draft, Text
from stepdown.compression.passages import Passage, joined, passages
from stepdown.compression.technique import read_options, read_whole
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_list

KEPT = 240
"""Characters of a stale text that stay: its first sentences."""
LONG_DATA = 400
"""Characters of JSON or of a table from which it goes whole; cut, it would be none."""
PINS = ("first", "last", "outputs", "containing")


class Pins(Struct, frozen=True):
    """What is never cut: the ``first`` user turns with their answers, the ``last``, the last
    ``outputs`` of tools, and turns that contain one of these texts."""

    first: int = 1
    last: int = 2
    outputs: int = 4
    containing: tuple[str, ...] = ()


class History:
    """Implements ``Technique``."""

    name = "history"
    lossless = False
    by_question = False

    def __init__(self, pins: Pins | None = None) -> None:
        self._pins = pins or Pins()

    def apply(self, draft: Draft) -> None:
        for text in self._stale(draft):
            if draft.target is not None and not draft.excess:
                return
            if len(text.value) > KEPT:
                draft.change(text, _beginning(text))

    def _stale(self, draft: Draft) -> list[Text]:
        """What may be cut: outputs of tools before what was said, the oldest first."""
        pins = self._pins
        turns = sum(message.role == "user" for message in draft.messages)
        pinned = _turns_with(draft, pins.containing)
        outputs = [text for text in draft.texts if text.role == "tool"]
        stale = outputs[: max(0, len(outputs) - pins.outputs)]
        said = [
            text
            for text in draft.texts
            if text.role != "tool" and pins.last <= text.turn < turns - pins.first
        ]
        return [text for text in (*stale, *said) if text.turn not in pinned]


def _turns_with(draft: Draft, phrases: Sequence[str]) -> set[int]:
    return {text.turn for text in draft.texts if any(phrase in text.value for phrase in phrases)}


def _beginning(text: Text) -> str:
    found = passages(text.value, text.pieces)
    return joined(text.value, found, [_stays(each) for each in found])


def _stays(passage: Passage) -> bool:
    if passage.is_data:
        return passage.end - passage.start < LONG_DATA
    return passage.kept or passage.end <= KEPT or passage.start == 0


def build(options: Any, path: str, problems: Problems) -> History:
    """``options`` are the pins."""
    given = read_options(options, PINS, path, problems)
    phrases: Any = given.get("containing", ())
    if not is_list(phrases) or not all(isinstance(each, str) and each for each in phrases):
        problems.expected(f"{path}.containing", "a list of texts", phrases)
        phrases = ()
    usual = Pins()
    return History(
        Pins(
            read_whole(given, "first", usual.first, path, problems),
            read_whole(given, "last", usual.last, path, problems, least=1),
            read_whole(given, "outputs", usual.outputs, path, problems),
            tuple(phrases),
        )
    )
