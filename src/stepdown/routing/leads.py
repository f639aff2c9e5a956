"""Finds where a lead such as ``Text:`` or ``the date in this e-mail:`` opens a document."""

import re
from collections.abc import Iterator, Sequence

from stepdown.routing.wordlists import words

DOCUMENT_NOUNS = words(
    """
    abstract article body chat code comment comments complaint content contract conversation data
    description dialogue document email emails e-mail entry excerpt feedback file input invoice
    item letter list log logs mail message messages note notes paragraph passage post posting quote
    record records reply report resume review reviews schema sentence snippet source statement
    story string subject table text texts ticket tickets title transcript tweet
    """
)
POINTERS = words("this these that those following below above attached given here's hereafter next")
POINTERS_AHEAD = frozenset({"below", "following", "attached"})
ARTICLES = frozenset({"this", "these", "the", "my", "our", "a", "an"})
NOUNS_OF_TEXTS = DOCUMENT_NOUNS - {"list", "code", "schema", "source", "data", "letter", "input"}
COMMANDS_ON_DOCUMENTS = words(
    """
    summarize summarise condense classify categorize categorise label tag extract parse format
    reformat convert translate proofread paraphrase
    """
)
SPEAKS_ON = words("then also question questions task tasks do steps step tell plan")
"""Behind a colon after one of these the user goes on speaking."""

INSTRUCTION_LEAD = re.compile(
    r"\n[ \t#*]*(?:question|task|instructions?|request|query|answer|output|response|format|labels?"
    r"|category|categories|summary|your (?:task|job))\b[^\n:]{0,20}:",
    re.IGNORECASE,
)
OPENINGS = frozenset(["", *" \t\r\n\"'“«„「[{("])
"""What stands behind a colon that opens something."""
CLAUSE_BREAKS = "\n.!?;"
WORD = re.compile(r"[\w'-]+")
MOST_COLONS = 16
LONGEST_CLAUSE = 160


def points_to_document(words: Sequence[str]) -> bool:
    """Whether a line points to a text that follows: "the text below", "this e-mail"."""
    if not POINTERS_AHEAD.isdisjoint(words):
        return True
    return not NOUNS_OF_TEXTS.isdisjoint(words) and not ARTICLES.isdisjoint(words)


def cut_leads(text: str) -> tuple[str, bool]:
    """Cut what follows a lead, up to the paragraph or the lead with which the user speaks again.

    What follows a command without a lead (``Extract the date: …``) may be either: it becomes a
    paragraph of its own, in which only commands count. Returns the text that is left, and whether
    a document was cut out.
    """
    kept: list[str] = []
    found = False
    position = 0
    for colon in _colons(text):
        if colon < position:
            continue
        clause = WORD.findall(_clause_before(text, colon))
        if _names_document(clause):
            found, end = True, _document_end(text, colon + 1)
        elif _commands(clause):
            end = colon + 1
        else:
            continue
        kept += [text[position : colon + 1], "\n\n"]
        position = end
    return "".join([*kept, text[position:]]), found


def _colons(text: str) -> Iterator[int]:
    """Where a colon ends a word; not those of times and addresses."""
    colon = text.find(":")
    for _ in range(MOST_COLONS):
        if colon < 0:
            return
        if text[colon + 1 : colon + 2] in OPENINGS:
            yield colon
        colon = text.find(":", colon + 1)


def _clause_before(text: str, end: int) -> str:
    low = max(0, end - LONGEST_CLAUSE)
    start = max([text.rfind(mark, low, end) for mark in CLAUSE_BREAKS])
    return text[max(low, start + 1) : end].lower()


def _names_document(words: list[str]) -> bool:
    return (
        bool(words)
        and words[-1] in DOCUMENT_NOUNS
        and (len(words) <= 3 or not POINTERS.isdisjoint(words))
        and SPEAKS_ON.isdisjoint(words)
    )


def _commands(words: list[str]) -> bool:
    return len(words) > 1 and not COMMANDS_ON_DOCUMENTS.isdisjoint(words)


def _document_end(text: str, start: int) -> int:
    """Where the user speaks again: at a lead such as ``Question:``, or the last paragraph."""
    while start < len(text) and text[start].isspace():
        start += 1
    lead = INSTRUCTION_LEAD.search(text, start)
    if lead is not None:
        return lead.start()
    last_paragraph = text.rfind("\n\n", start)
    return len(text) if last_paragraph < 0 else last_paragraph
