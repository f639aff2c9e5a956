"""``extract``: of long documents, the passages that have to do with the question.

Passages of all documents and tool outputs compete for the tokens that the target leaves them. What
stays keeps its order, and gaps are marked. Code, quotations and JSON stay, with the sentence around
them.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from msgspec import Struct

from stepdown.compression.draft import Draft, Text
from stepdown.compression.passages import Passage, joined, passages
from stepdown.compression.relevance import Vectors, relevance, smoothed, terms
from stepdown.compression.technique import read_options
from stepdown.routing.problems import Problems

LEAST_TOKENS = 200
"""Tokens of documents below which nothing is left out."""
FLOOR = 0.2
"""Of the documents' tokens at least this share stays, whatever the target."""
MOST_PASSAGES = 20_000
_TRIES = 8
_ROLES = ("user", "tool")


class _Candidate(Struct, gc=False):
    """A passage of one of the texts, by its place among them."""

    text: int
    passage: Passage
    tokens: int


class Extract:
    """Implements ``Technique``. ``vectors`` add meanings to the words in common."""

    name = "extract"
    lossless = False
    by_question = True

    def __init__(self, vectors: Vectors | None = None) -> None:
        self._vectors = vectors

    def apply(self, draft: Draft) -> None:
        if not draft.excess or not terms(draft.question):
            return
        texts = [text for text in draft.texts if text.role in _ROLES]
        found = [passages(text.value, text.pieces) for text in texts]
        candidates = _candidates(draft, texts, found)
        free = sum(each.tokens for each in candidates)
        if free < LEAST_TOKENS or len(candidates) > MOST_PASSAGES:
            return
        scores = self._scores(draft.question, texts, found)
        ranked = sorted(candidates, key=lambda each: -scores[each.text, each.passage.start])
        _leave_out(draft, texts, found, ranked, free)

    def _scores(
        self, question: str, texts: Sequence[Text], found: Sequence[Sequence[Passage]]
    ) -> dict[tuple[int, int], float]:
        """By text and start; passages that stay anyway lend their score to those around them."""
        shown = [
            (at, each, texts[at].value[each.start : each.end])
            for at, own in enumerate(found)
            for each in own
            if not each.asked
        ]
        scores = relevance(question, [text for _, _, text in shown], self._vectors)
        ends = [(at, _ends_paragraph(text)) for at, _, text in shown]
        starts = [0, *(old[1] or old[0] != new[0] for old, new in pairwise(ends))][: len(ends)]
        near = smoothed(scores, list(accumulate(starts)))
        return {(at, each.start): score for (at, each, _), score in zip(shown, near, strict=True)}


def _ends_paragraph(text: str) -> bool:
    return text.count("\n", len(text.rstrip())) > 1


def _candidates(
    draft: Draft, texts: Sequence[Text], found: Sequence[Sequence[Passage]]
) -> list[_Candidate]:
    return [
        _Candidate(at, each, draft.count(texts[at].value[each.start : each.end]))
        for at, own in enumerate(found)
        for each in own
        if not each.kept and not each.is_data
    ]


def _leave_out(
    draft: Draft,
    texts: Sequence[Text],
    found: Sequence[Sequence[Passage]],
    ranked: Sequence[_Candidate],
    free: int,
) -> None:
    """Keep the best passages that fit; the marks of the gaps take tokens too, so try again."""
    wanted, least = draft.tokens - draft.excess, FLOOR * free
    room = max(free - draft.excess, least)
    values: dict[int, str] = {}
    for _ in range(_TRIES):
        values = {
            at: joined(texts[at].value, found[at], [each.start not in starts for each in found[at]])
            for at, starts in _surplus(ranked, room).items()
        }
        sizes = [(texts[at].tokens(draft.count), draft.count(new)) for at, new in values.items()]
        over = draft.tokens - sum(old - new for old, new in sizes) - wanted
        if over <= 0 or room <= least:
            break
        room = max(least, room - over)
    for at, value in values.items():
        draft.change(texts[at], value)


def _surplus(ranked: Sequence[_Candidate], room: float) -> dict[int, set[int]]:
    """What does not fit: the starts of the passages to leave out, by text."""
    out: dict[int, set[int]] = {}
    for each in ranked:
        if each.tokens <= room:
            room -= each.tokens
        else:
            out.setdefault(each.text, set()).add(each.passage.start)
    return out


def build(options: Any, path: str, problems: Problems) -> Extract:
    given = read_options(options, ("vectors",), path, problems)
    kind = given.get("vectors", "static")
    if kind not in ("static", "none"):
        problems.expected(f"{path}.vectors", "static or none", kind)
    if kind != "static":
        return Extract()
    try:
        from stepdown.embedding.static import static
    except ImportError as error:
        needed = f"'static', the usual, needs the extra 'semantic' ({error}); or say none"
        problems.add(f"{path}.vectors", needed)
        return Extract()
    return Extract(static().vectors)
