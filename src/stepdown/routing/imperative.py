"""Tells a command ("Summarize the text") from a mention ("she can summarize")."""

import re

from stepdown.routing.instruction import Instruction
from stepdown.routing.lexicon import Place
from stepdown.routing.wordlists import words

REACH = 60
"""Characters looked at before a phrase."""

SENTENCE_START = re.compile(
    r"(?:^|[.!?:;\n]|[。！？：；])[\s*_#>\"'“(…-]*"
    r"(?:(?:\d{1,2}[.)]|[-*•])\s*)*"  # the first sentence of a list's item
    r"(?:(?:and|then|next|first|second|finally|also|now|so|just|kindly|hi|hello|hey|ok|okay)"
    r"[\s,]+){0,2}$"
)
ASKING = re.compile(
    r"(?:\bplease|\bkindly|\b(?:can|could|would|will) you(?: please| kindly)?"
    r"|\byou (?:must|are to)|\byou to|\b(?:task|job|goal|role) is to"
    r"|\blet'?s|\bhelp me(?: to)?|\btry to|\bgo ahead and"
    r"|\b(?:read|see|take|use|look at|consider|check|review|translate)\b[^.!?\n]{0,50}"
    r" (?:and|then|to)"
    r"|(?:^|[.!?\n]\s*)(?:given|for|from|using|based on|in|after|with|as)\b[^.!?\n]{0,58},)"
    r"[\s*_\"'“]*$"
)
WISHING = re.compile(r"\b(?:(?:want|need|like|have|trying|going) to|i'?d like to)\s*$")
DEICTIC = words("this these that those the following below my it all each")
NOT_AN_OBJECT = words("of is was are were has had does matters means printers and or vs")
"""After one of these the word before it was a noun: "Format matters", "Extract of vanilla"."""

SYSTEM_ASKING = re.compile(
    r"(?:\b(?:please|kindly|you must|you should|you will|you shall|you are to)"
    r"|\b(?:task|job|goal|role|purpose) is to)\s*$"
)


# The patterns below are sure but slow. Most phrases are settled by what stands right before them.
SURELY_ASKING = ("\n", ". ", "! ", "? ", " please ", " kindly ")
MAY_ASK = words(
    """
    also and finally first have hello hey hi just kindly let's lets me must next now ok okay please
    second so then to you
    """
)
LAST_WORD = re.compile(r"[\w']+\Z")


def _may_ask(before: str) -> bool:
    """Whether one of the patterns can match: each ends in punctuation or in one of few words."""
    last = LAST_WORD.search(before.rstrip(" \t")[-12:])  # a line break begins a sentence
    return last is None or last[0] in MAY_ASK


def is_command(asked: Instruction, place: Place) -> bool:
    """Whether the user wants done what the phrase at this place names."""
    if _is_noun(asked, place):
        return False
    start = place.start
    if start == 0:
        return True
    before = _before(asked, start)
    if before.endswith(SURELY_ASKING):
        return True
    if not _may_ask(before):
        return False
    if SENTENCE_START.search(before) or ASKING.search(before):
        return True
    return WISHING.search(before) is not None and _next_word(asked, place.end) in DEICTIC


def is_standing_order(asked: Instruction, place: Place) -> bool:
    """The same for a system prompt, where "to classify" may only tell what the assistant can do."""
    if _is_noun(asked, place):
        return False
    start = place.start
    if start == 0:
        return True
    before = _before(asked, start)
    return bool(SENTENCE_START.search(before) or SYSTEM_ASKING.search(before))


def opens_line(asked: Instruction, start: int) -> bool:
    """Whether a line, or a list's item, begins with the phrase."""
    return LINE_START.search(_before(asked, start)) is not None


LINE_START = re.compile(r"(?:^|\n)\s*(?:[-*•]|\d{1,2}[.)])\s+$")


def _before(asked: Instruction, start: int) -> str:
    if start <= REACH:
        return asked.text[:start]
    return "x" + asked.text[start - REACH : start]  # so that "^" is the text's beginning only


def _is_noun(asked: Instruction, place: Place) -> bool:
    return " " not in place.phrase and _next_word(asked, place.end) in NOT_AN_OBJECT


def _next_word(asked: Instruction, end: int) -> str:
    following = asked.flat[end + 1 : end + 25].split(maxsplit=1)
    return following[0] if following else ""
