"""``duplicates``: leaves out passages that the prompt has already, word for word.

Retrieved chunks overlap, and the same file is read twice: the first copy stays, later ones become
a gap.
"""

from collections.abc import Sequence
from typing import Any

from stepdown.compression.draft import Draft, Text
from stepdown.compression.passages import Passage, joined, passages
from stepdown.compression.technique import read_options
from stepdown.routing.problems import Problems

LEAST = 40
"""Characters; a shorter passage may be said twice on purpose ("Yes, please.")."""
_RESTATED = ("user", "tool")


class Duplicates:
    """Implements ``Technique``."""

    name = "duplicates"
    lossless = False
    by_question = False

    def apply(self, draft: Draft) -> None:
        seen: set[str] = set()
        for text in draft.texts:
            if text.role in _RESTATED and len(text.value) >= LEAST:
                found = passages(text.value, text.pieces)
                keep = _fresh(text, found, seen)
                if not all(keep):
                    draft.change(text, joined(text.value, found, keep))


def _fresh(text: Text, found: Sequence[Passage], seen: set[str]) -> list[bool]:
    """Whether each passage is said for the first time, or has to stay; adds what is new."""
    keep: list[bool] = []
    for passage in found:
        said = " ".join(text.value[passage.start : passage.end].split())
        repeated = len(said) >= LEAST and said in seen
        keep.append(passage.kept or not repeated)
        seen.add(said)
    return keep


def build(options: Any, path: str, problems: Problems) -> Duplicates:
    read_options(options, (), path, problems)
    return Duplicates()
