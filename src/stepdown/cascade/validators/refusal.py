"""``refusal``: the answer does not open as one does that declines.

    refusal
    refusal: ["that is outside of what I do"]

Recognised, in English, by form: an apology with an inability, "as an AI …", a policy that forbids.
More phrases may be given; they are looked for, in any case, within the opening. The choice's
``refusal`` field and the finish reason ``content_filter`` count as well.
Source of the field: platform.openai.com/docs/guides/structured-outputs#refusals
"""

from collections.abc import Sequence
from typing import Any

from stepdown.cascade.validators.base import Base
from stepdown.cascade.validators.mapping import read_mapping
from stepdown.ports import Watch
from stepdown.routing.problems import Problems
from stepdown.routing.safe_regex import safe_pattern
from stepdown.routing.shapes import is_list
from stepdown.types import Choice, Piece, Request

WINDOW = 200
"""Characters of an answer's opening; what is not declined there is not declined."""

IN_FIELD = "the model refused in the refusal field"
FILTERED = "the upstream's filter withheld the answer"
IN_TEXT = "the answer opens as a refusal does"

# ── Forms of declining ───────────────────────────────────────────────────────────────────────
# No form looks at the end of the text, nor at what must not follow: so one that is found in a
# beginning stays found, whatever comes after it.


def _any(*forms: str) -> str:
    return f"(?:{'|'.join(forms)})"


_ADVERB = r"(?: (?:really|simply|just|currently|unfortunately|still|personally|also|therefore))?"
_ME = _any("i", "we")
_CANNOT = _any(
    rf"{_ME}{_ADVERB} (?:can't|cannot|can not|couldn't|could not|won't|will not)",
    rf"{_ME}(?:'m|'re| am| are){_ADVERB} (?:unable|not able|not allowed|not permitted) to",
    rf"{_ME}(?:'m|'re| am| are){_ADVERB} not (?:authorized|designed|programmed|equipped) to",
    rf"{_ME}(?:'m|'re| am| are){_ADVERB} not (?:going|willing|in a position) to",
    rf"{_ME}(?:'d| would) (?:rather not|prefer not to)",
    rf"{_ME}{_ADVERB} (?:must|have to|need to|'ll have to)(?: \w+ly)? (?:decline|refuse) to",
    rf"{_ME}(?: \w+ly)? (?:decline|refuse) to",
)
_HELP = _any(
    r"help (?:you|with|to|in|by|create|write|answer)\b",
    r"help[.,;!]",
    r"(?:assist|comply|participate|engage|proceed)\b",
    r"(?:fulfill?|facilitate|accommodate|satisfy|honou?r) (?:this|that|your|the|such|any)\b",
    r"(?:provide|share|offer|generate|produce|supply)\b",
    r"give (?:you|out|any|advice|medical|legal|financial|instructions)\b",
    r"(?:answer|discuss|write|create|complete|process|support|continue|do|respond to|translate)"
    r" (?:this|that|your|such|any|about|with|so|it|code|content|anything)\b",
    r"(?:tell|teach|show|advise) you\b",
    r"(?:explain|describe) how\b",
    r"be (?:of (?:help|assistance)|used|part of)\b",
    r"(?:access|browse|retrieve|view|open) (?:the|that|this|any|your|external|real|files?)\b",
    r"(?:talk|speak) about (?:this|that|such)\b",
)
_AFTER_APOLOGY = _any(
    _HELP,
    r"(?:answer|discuss|write|create|complete|translate|summari[sz]e|access|browse|see|view)\b",
    r"(?:find|locate|identify|verify|determine|predict) (?:any|the|that|this|your|a|an|what|who)\b",
    r"do (?:this|that|so|it)\b",
)
_FILLER = r"[^.!?]{0,60}?[ ,.;:—–-]+"
_APOLOGY = _any(
    rf"(?:i'm|i am|we're|we are)(?: \w+)? (?:sorry|afraid){_FILLER}",
    rf"(?:sorry|apologies|my apologies|unfortunately|regrettably){_FILLER}",
    rf"(?:i|we)(?: \w+)? (?:apologi[sz]e|regret){_FILLER}",
)
_PRELUDE = _any(
    r"(?:no|nope|hmm|well|oh|absolutely not|thank you|thanks|hello|hi)[,.!]? ",
    r"(?:thank you|thanks) for [^.!?]{0,80}[,.!] ?(?:but |however, )?",
    r"i (?:understand|appreciate|see|realize|know) [^.!?]{0,100}[,.;] ?(?:but |however, )?",
    r"while i (?:understand|appreciate|see|realize|know) [^.!?]{0,100}, ",
)
_AN_AI = (
    r"(?:an ai|an artificial intelligence|a (?:large )?language model|an llm|an assistant"
    r"|a chatbot|a virtual assistant)"
    r"(?: language)?(?: model| assistant| system| chatbot)?"
    r"(?: (?:developed|created|trained|made|built) by \w+(?: \w+)?)?"
)
_LACK = _any(
    r"can't|cannot|can not|won't|will not|don't|do not|must not|shouldn't|should not",
    r"am not|'m not|am unable|'m unable|must decline|lack|have no",
)
_RULES = r"(?:guidelines|policy|policies|programming|principles|rules|values|terms|instructions)"

FORMS = (
    rf"{_CANNOT} {_HELP}",
    rf"{_APOLOGY}(?:but |that |as )?{_CANNOT} {_AFTER_APOLOGY}",
    rf"{_APOLOGY}(?:but )?(?:that|this|it)(?:'s| is) not something i\b",
    rf"as {_AN_AI},? {_ME}(?: \w+\b){{0,2}} ?{_LACK}\b",
    rf"{_ME}(?:'m| am)(?: just| only| merely)? {_AN_AI}(?:,| and| so)[^.!?]{{0,40}} {_LACK}\b",
    rf"{_ME}(?: do not|don't| don't)(?: feel| have)(?: comfortable| the ability| the capability"
    r"| access to| real-time| personal (?:opinions|beliefs|feelings|experiences))\b",
    rf"{_ME}(?:'m| am) not comfortable (?:\w+ing|with)\b",
    rf"{_ME} (?:must|have to|will have to|'ll have to)(?: \w+ly)? (?:decline|refuse)"
    r"(?:[.,]| (?:this|that|your) (?:request|question))",
    r"(?:that|this|it|(?:your|this|that|the) (?:request|content))(?: would)? "
    r"(?:(?:go|goes|is|be) against|conflicts? with|violates?|falls? outside(?: of)?) "
    rf"(?:my|our|openai's|(?:the )?(?:usage|content|safety))(?: \w+\b){{0,2}} ?{_RULES}\b",
    rf"my (?:\w+ )?{_RULES} (?:don't|do not|prevent|prohibit|forbid|won't)\b",
    rf"that(?:'s| is) not something {_ME}(?: can| will|(?:'m| am|'re| are) (?:able|willing))\b",
    r"(?:this|that|your) (?:request|question|content|prompt) (?:violates|goes against|is against"
    r"|conflicts with|falls outside)\b",
)

CUES = (
    *("not", "n't", "unable", "decline", "refuse", "prefer", "against", "violate", "conflict"),
    *("fall", "prevent", "prohibit", "forbid", "lack", "have no"),
)
"""Each form holds one of these: looking for them is quicker than trying the forms."""

_OPENING_MARKS = " \t\r\n\"'“”‘’*_>#`"


class Refusal(Base):
    """Passes an answer that does not decline. It cannot say whether the answer is right.

    Its watch settles at the opening's end: a refusal that the upstream tells after it, beside a
    text that does not decline, is found in the whole answer only.
    """

    name = "refusal"
    vouches = False
    settles = True

    def __init__(self, phrases: Sequence[str] = ()) -> None:
        self._phrases = [_levelled(phrase.strip()).lower() for phrase in phrases]

    def check(self, choice: Choice, request: Request) -> str | None:
        if choice.refusal:
            return IN_FIELD
        if choice.finish_reason == "content_filter":
            return FILTERED
        opening = choice.text.lstrip(_OPENING_MARKS)[:WINDOW]
        return self.problem(opening, ended=len(opening) < WINDOW)

    def watch(self, request: Request) -> Watch | None:
        return RefusalWatch(self)

    def problem(self, opening: str, *, ended: bool) -> str | None:
        """Why an opening is a refusal. Where more may come, its last word is not yet known."""
        text = _levelled(opening)
        if not ended:
            text = _whole_words(text)
        lowered = text.lower()
        if any(phrase in lowered for phrase in self._phrases):
            return IN_TEXT
        if any(cue in lowered for cue in CUES) and _DECLINING.search(text):
            return IN_TEXT
        return None


class RefusalWatch:
    """Implements ``ports.Watch``: drops an answer at a refusal's opening."""

    __slots__ = ("_opening", "_refusal", "settled")

    def __init__(self, refusal: Refusal) -> None:
        self.settled = False
        self._refusal = refusal
        self._opening = ""

    def feed(self, piece: Piece) -> str | None:
        if piece.refusal:
            return IN_FIELD
        if piece.finish_reason == "content_filter":
            return FILTERED
        if self.settled or not piece.text:
            return None
        self._opening = (self._opening + piece.text).lstrip(_OPENING_MARKS)[:WINDOW]
        reason = self._refusal.problem(self._opening, ended=False)
        self.settled = reason is None and len(self._opening) == WINDOW
        return reason


def _levelled(text: str) -> str:
    """One form of apostrophe, and one space for any run of it."""
    spaced = " ".join(text.replace("’", "'").replace("ʼ", "'").split())
    return f"{spaced} " if text[-1:].isspace() else spaced


def _whole_words(text: str) -> str:
    """The text without its last word, where that may go on."""
    end = len(text)
    while end and (text[end - 1].isalnum() or text[end - 1] in "_'"):
        end -= 1
    return text[:end]


_DECLINING = safe_pattern(rf"(?i)^{_PRELUDE}{{0,2}}{_any(*FORMS)}")


def build(options: Any, path: str, problems: Problems) -> Refusal | None:
    """A validator from its options; what is wrong with them goes to ``problems``."""
    if options is None:
        return Refusal()
    known = len(problems.lines)
    phrases: Any = options
    if not is_list(options):
        phrases = read_mapping(options, ("phrases",), path, problems).get("phrases")
        path = f"{path}.phrases"
    if len(problems.lines) > known:
        return None
    if not is_list(phrases) or not phrases:
        problems.expected(path, "a list of phrases", phrases)
        return None
    for index, phrase in enumerate(phrases):
        if not isinstance(phrase, str) or not phrase.strip():
            problems.expected(f"{path}[{index}]", "a phrase", phrase)
        elif len(phrase) > WINDOW:
            problems.add(f"{path}[{index}]", f"a phrase has at most {WINDOW} characters")
    return Refusal([str(p) for p in phrases]) if len(problems.lines) == known else None
