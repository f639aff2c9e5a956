"""Splits what a turn asks for (the instruction) from the document that was pasted with it.

A keyword counts only where the user speaks: an e-mail that says "please analyze" is no request to
analyze. Fences, tags, triple quotes, quoted lines, quotations, and what follows a lead such as
``Text:`` are documents. Of a long text only its head and its tail are read.
"""

import re
from collections.abc import Sequence

from msgspec import Struct

from stepdown.routing.leads import cut_leads, points_to_document
from stepdown.routing.wordlists import words

HEAD = 800
TAIL = 400
"""Characters read at either end of a text once its marked documents are cut out."""
NEAR = 8000
"""A mark is looked for in so many characters at either end; where it is, in all of the text."""
MOST_TAGS = 32

# Each mark and each pattern has its first character beside it, which is looked for before.
MARKS = tuple((mark[0], mark) for mark in ("```", "~~~", '"""', "'''"))
QUOTATIONS = (
    ('"', re.compile(r'"[^"\n]{25,}"')),
    ("'", re.compile(r"'(?<!\w')[^\n]{25,}?'(?!\w)")),
)
ALL_QUOTATIONS = (
    *QUOTATIONS,
    ("“", re.compile(r"“[^”\n]{25,}”")),
    ("„", re.compile(r"„[^“”\n]{25,}[“”]")),
    ("«", re.compile(r"«[^»\n]{25,}»")),
    ("「", re.compile(r"「[^」\n]{12,}」")),
)
QUOTED_LINES = re.compile(r"(?:^|(?<=\n))(?:>[^\n]*(?:\n|$))+")
TAG = re.compile(r"<([A-Za-z][\w-]{0,40})(?:\s[^<>]{0,200})?>")
SPEAKING_TAGS = words(
    "instruction instructions task question prompt query request command rules goal"
)

# Letters and digits stay, and so do the bytes of what is not ASCII; the rest becomes a space.
_FLAT = bytes(code if code > 127 or chr(code).isalnum() else 0x20 for code in range(256))
_TYPOGRAPHIC = re.compile("[“”„‘’«»–—…•·¿¡。，、：；？！「」（）\xa0]")


class Instruction(Struct, frozen=True):
    """What a turn asks for, in lower case.

    ``flat`` is ``text`` with a space for each punctuation mark, one space longer at either end.
    Before ``head_end`` the user speaks; behind it, only what stands as a command counts.
    ``tail_start`` is where the last paragraph begins, if the user may speak again there.
    """

    text: str
    flat: str
    head_end: int
    tail_start: int

    @property
    def words(self) -> frozenset[str]:
        return frozenset(self.flat.split())


def instruction(turn: str) -> Instruction:
    """The instruction in a turn's text. Linear in the text, and bounded for a long one."""
    spoken, documents = _without_documents(turn)
    text = spoken.strip().lower()
    flat = f" {_flatten(text)} "
    head_end, tail_start = (len(text), 0) if documents else _zones(text, flat)
    return Instruction(text, flat, head_end, tail_start)


def phrase(words: str) -> str:
    """Words as they stand in ``Instruction.flat``: lower case, single spaces, no punctuation."""
    return " ".join(_flatten(words.lower()).split())


def _flatten(lower: str) -> str:
    plain = lower.encode("utf-8", "replace").translate(_FLAT).decode()
    return plain if plain.isascii() else _TYPOGRAPHIC.sub(" ", plain)


# ── Where the user speaks ────────────────────────────────────────────────────────────────────


def _zones(text: str, flat: str) -> tuple[int, int]:
    """Where the user stops speaking, and where the user may speak again.

    That is the first paragraph and the last, or the first line where it announces a document.
    """
    line = text.find("\n")
    if line < 0:
        return len(text), 0
    last = text.rfind("\n\n")
    if points_to_document(flat[: line + 1].split()):
        return line, len(text) if last <= line else last + 2
    paragraph = text.find("\n\n")
    if text[:line].rstrip().endswith(":"):
        paragraph = line
    return (len(text), 0) if paragraph < 0 else (paragraph, max(last, paragraph) + 2)


# ── Cutting documents out ────────────────────────────────────────────────────────────────────


def _without_documents(text: str) -> tuple[str, bool]:
    """The text between its documents, and whether a marked document was found."""
    whole = len(text)
    ends = text if whole <= 2 * NEAR else f"{text[:NEAR]}\n\n{text[-NEAR:]}"
    for first, mark in MARKS:  # one character is found several times faster than three
        if first in ends and mark in ends:
            text = "\n\n".join(text.split(mark)[::2])  # an open mark reaches to the end
    if "<" in ends and "</" in ends:
        text = _cut_tags(text)
    documents = len(text) < whole
    text = _within_bounds(text)
    if ">" in text and (text[0] == ">" or "\n>" in text):
        text, documents = QUOTED_LINES.sub("\n\n", text), True
    if text.isascii():
        text = _without_quotations(text, QUOTATIONS)
    else:
        text = _without_quotations(text, ALL_QUOTATIONS).replace("：", ": ")
    if ":" in text:
        text, cut = cut_leads(text)
        documents = documents or cut
    return text, documents


def _without_quotations(text: str, quotations: Sequence[tuple[str, re.Pattern[str]]]) -> str:
    for first, quotation in quotations:
        if first in text:
            text = quotation.sub(" … ", text)
    return text


def _within_bounds(text: str) -> str:
    if len(text) <= HEAD + TAIL:
        return text
    return f"{text[:HEAD]}\n\n{text[-TAIL:]}"


def _cut_tags(text: str) -> str:
    """Cut ``<name>…</name>``, except where the name says that it holds the instruction."""
    kept: list[str] = []
    position = 0
    for _ in range(MOST_TAGS):
        opened = TAG.search(text, position)
        if opened is None:
            break
        name = opened[1]
        closing = f"</{name}>"
        end = text.find(closing, opened.end())
        kept.append(text[position : opened.start()])
        position = opened.end()
        if end >= 0 and name.lower() not in SPEAKING_TAGS:
            position = end + len(closing)
            kept.append("\n\n")
    return "".join([*kept, text[position:]])
