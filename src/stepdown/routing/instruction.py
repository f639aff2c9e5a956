"""Splits what a turn asks for (the instruction) from the document that was pasted with it.

A keyword counts only where the user speaks: an e-mail that says "please analyze" is no request to
analyze. Fences, tags, triple quotes, quoted lines, quotations, and what follows a lead such as
``Text:`` are documents. Of a long text only its head and its tail are read.
"""

import re

from msgspec import Struct

from stepdown.routing.leads import cut_leads, points_to_document
from stepdown.routing.wordlists import words

HEAD = 800
TAIL = 400
"""Characters read at either end of a text once its marked documents are cut out."""
NEAR = 8000
"""A mark is looked for in so many characters at either end; where it is, in all of the text."""
MOST_TAGS = 32

MARKS = ("```", "~~~", '"""', "'''")
QUOTATIONS = {
    # Each pattern begins with its quote, so that the search leaps from quote to quote.
    opening: re.compile(pattern)
    for opening, pattern in {
        '"': r'"[^"\n]{25,}"',
        "'": r"'(?<!\w')[^\n]{25,}?'(?!\w)",
        "“": r"“[^”\n]{25,}”",
        "„": r"„[^“”\n]{25,}[“”]",
        "«": r"«[^»\n]{25,}»",
        "「": r"「[^」\n]{12,}」",
    }.items()
}
QUOTED_LINES = re.compile(r"(?:^|(?<=\n))(?:>[^\n]*(?:\n|$))+")
TAG = re.compile(r"<([A-Za-z][\w-]{0,40})(?:\s[^<>]{0,200})?>")
SPEAKING_TAGS = words(
    "instruction instructions task question prompt query request command rules goal"
)

# Lower-case letters, digits and line breaks stay, capitals become small, the rest is a space.
_FLAT = {code: " " for code in range(128) if not chr(code).isalnum()}
_FLAT_BYTES = bytes(ord(_FLAT.get(code, chr(code))) if code < 128 else code for code in range(256))
_TYPOGRAPHIC = re.compile("[“”„‘’«»–—…•·¿¡。，、：；？！「」（）\xa0]")


class Instruction(Struct, frozen=True):
    """What a turn asks for, in lower case.

    ``flat`` is ``text`` with a space for each punctuation mark, one space longer at either end.
    Before ``head_end`` the user speaks; behind it, only what stands as a command counts.
    ``tail_start`` is where the last paragraph begins, if the user may speak again there.
    """

    text: str
    flat: str
    words: frozenset[str]
    head_end: int
    tail_start: int


def instruction(turn: str) -> Instruction:
    """The instruction in a turn's text. Linear in the text, and bounded for a long one."""
    spoken, documents = _without_documents(turn)
    text = spoken.strip().lower()
    flat = f" {_flatten(text)} "
    head_end, tail_start = (len(text), 0) if documents else _zones(text, flat)
    return Instruction(text, flat, frozenset(flat.split()), head_end, tail_start)


def phrase(words: str) -> str:
    """Words as they stand in ``Instruction.flat``: lower case, single spaces, no punctuation."""
    return " ".join(_flatten(words.lower()).split())


def _flatten(lower: str) -> str:
    if lower.isascii():
        return lower.translate(_FLAT)
    plain = lower.encode("utf-8", "replace").translate(_FLAT_BYTES).decode()
    return _TYPOGRAPHIC.sub(" ", plain)


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
    for mark in MARKS:
        if mark[0] in ends and mark in ends:  # one character is found several times faster
            text = "\n\n".join(text.split(mark)[::2])  # an open mark reaches to the end
    if "<" in ends and "</" in ends:
        text = _cut_tags(text)
    documents = len(text) < whole
    text = _within_bounds(text)
    if text.startswith(">") or "\n>" in text:
        text, documents = QUOTED_LINES.sub("\n\n", text), True
    for opening, quotation in QUOTATIONS.items():
        if opening in text:
            text = quotation.sub(" … ", text)
    if "：" in text:
        text = text.replace("：", ": ")
    if ":" in text:
        text, cut = cut_leads(text)
        documents = documents or cut
    return text, documents


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
