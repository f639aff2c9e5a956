r"""Reads the number that an answer comes down to, as models write it at the end of a calculation.

    #### 1,234          \boxed{\frac{3}{4}}          The answer is **$18.50**.          = −2.5e3

The number stands, in this order of preference, in the last ``\boxed{…}``, alone on the last line
that begins with ``####`` (source: github.com/openai/grade-school-math), right after the last
"answer is" or "answer:", or last in the text. Words for numbers and units are not read.
"""

import re
import unicodedata
from collections.abc import Iterator
from fractions import Fraction

from msgspec import Struct

READ = 20_000
"""Characters that are read, from the end: what an answer comes down to stands there."""

MOST_DIGITS = 400
"""Digits, and the largest power of ten, of what counts as a number: a float has no more."""


class Number(Struct, frozen=True):
    """An exact number. ``percent``: it was written as one, and is not divided by 100."""

    value: Fraction
    percent: bool = False


def final_number(text: str, *, decimal_comma: bool = False) -> Number | None:
    """The number that a text comes down to, or None where it holds none.

    ``decimal_comma``: decimals follow a comma, and points part thousands, as in German.
    """
    text = _plain(text[-READ:], decimal_comma)
    for part in _telling(text):
        found = _result(part)
        if found is not None:
            return found
    return next(iter(list(_numbers(text))[-1:]), None)


def lone_number(text: str) -> bool:
    """Whether a text is a number and nothing else."""
    if len(text) > MOST_DIGITS:
        return False
    match = _NUMBER.fullmatch(_plain(text, decimal_comma=False).strip())
    return match is not None and _value(match) is not None


# ── Where the number stands ──────────────────────────────────────────────────────────────────

_BOX = re.compile(r"\\f?boxed\s*\{")
_HASHES = re.compile(r"^####([^\n]*)$", re.MULTILINE)
_ANSWER = re.compile(
    r"\banswer\b[^\n.:=?!]{0,60}?(?:\bis\b|\bbe\b|[:=])[\s*_:(\[\\]*", re.IGNORECASE
)
_GOES_ON = re.compile(r"\s*(?:[-+/×·÷=^]|\*(?!\*))")
"""What makes a number the beginning of a calculation."""


def _telling(text: str) -> Iterator[str]:
    """The parts of a text that say by their form that they hold its result."""
    for match in list(_BOX.finditer(text))[-1:]:
        yield _to_closing_brace(text, match.end())
    lines = [match[1].lstrip().rstrip(" \t\r.") for match in _HASHES.finditer(text)]
    yield from [line for line in lines if _NUMBER.fullmatch(line)][-1:]
    for match in list(_ANSWER.finditer(text))[-1:]:
        number = _NUMBER.match(text, match.end())
        if number is not None and _GOES_ON.match(text, number.end()):
            yield text[number.start() :].partition("\n")[0]
        elif number is not None:
            yield number[0]


def _to_closing_brace(text: str, start: int) -> str:
    depth = 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[start:place]
    return text[start:]


def _result(part: str) -> Number | None:
    """The first number after the last equals sign of a part, or else the first of it."""
    return next(_numbers(part.rpartition("=")[2]), None) or next(_numbers(part), None)


# ── How a number is written ──────────────────────────────────────────────────────────────────

_SIGNS = dict.fromkeys(map(ord, "−–﹣－"), "-") | dict.fromkeys(map(ord, "⁄∕"), "/")
_SWAPPED = str.maketrans(",.", ".,")
_LATEX_GAP = re.compile(r"\\[,;: ]|~")
_LATEX_FRACTION = re.compile(
    r"(\d)?\\[dt]?frac\s*(?:\{\s*(-?\d+)\s*\}|(\d))\s*(?:\{\s*(\d+)\s*\}|(\d))"
)
_VULGAR = re.compile(r"(\d)?([¼-¾⅐-⅞])")

_NUMBER = re.compile(
    r"""
    (?<![\w.^]) (?<!\^\{) (?<![0-9]/)           # not within a word, an exponent or a date
    (?P<sign> (?<![\w)\]}%]) [-+] )?
    (?: [$€£¥₹₩] [ ]? (?P<sign_within> [-+] )? )?
    (?:
        10 [ ]? (?: \^ | \*\* ) [ ]? \{? (?P<ten> [-+]?[0-9]{1,4} ) \}?
      | (?:
            (?P<grouped> [0-9]{1,3} (?: [ ,'’_\u00a0\u2009\u202f] [0-9]{3} )++ (?![0-9]) )
          | (?P<plain> [0-9]++ )
          | (?= \.[0-9] )
        )
        (?P<decimals> \.[0-9]++ )?
        (?:
            [eE] (?P<exponent> [-+]?[0-9]{1,4} ) (?!\w)
          | [ ]? (?: [×x*·] | \\times | \\cdot ) [ ]?
            10 [ ]? (?: \^ | \*\* ) [ ]? \{? (?P<power> [-+]?[0-9]{1,4} ) \}?
        )?
        (?:
            [ ] (?P<over> [0-9]++ ) / (?P<under> [0-9]++ ) (?! [/.]?[0-9] )
          | [ ]? / [ ]? (?P<divisor> [0-9]++ ) (?! [/.]?[0-9] )
        )?
    )
    (?P<percent> [ \u00a0\u2009\u202f]? (?: % | per[ ]?cent\b ) )?
    """,
    re.VERBOSE,
)


def _plain(text: str, decimal_comma: bool) -> str:
    """The text with one spelling of minus, of fractions and of what LaTeX marks."""
    text = text.translate(_SIGNS).replace("{,}", ",").replace(r"\!", "")
    text = text.replace(r"\$", "$").replace(r"\%", "%")
    text = _LATEX_FRACTION.sub(
        lambda found: f"{_apart(found[1])}{found[2] or found[3]}/{found[4] or found[5]}", text
    )
    text = _VULGAR.sub(lambda found: _apart(found[1]) + _vulgar(found[2]), text)
    text = _LATEX_GAP.sub("\u2009", text)
    return text.translate(_SWAPPED) if decimal_comma else text


def _apart(digit: str | None) -> str:
    """A whole number's last digit before a fraction."""
    return f"{digit} " if digit else ""


def _vulgar(character: str) -> str:
    return unicodedata.normalize("NFKC", character).replace("⁄", "/")


def _numbers(text: str) -> Iterator[Number]:
    for match in _NUMBER.finditer(text):
        number = _value(match)
        if number is not None:
            yield number


def _value(match: re.Match[str]) -> Number | None:
    """What was written, or None where it is too large, or divided by zero."""
    digits = re.sub("[^0-9]", "", match["grouped"] or match["plain"] or "")
    decimals = match["decimals"] or ""
    power = int(match["ten"] or match["exponent"] or match["power"] or 0)
    below = match["under"] or match["divisor"] or "1"
    longest = max(len(digits), len(decimals), len(match["over"] or ""), len(below), abs(power))
    if longest > MOST_DIGITS or int(below) == 0:
        return None
    value = Fraction("1" if match["ten"] else f"{digits or 0}{decimals}") * Fraction(10) ** power
    if match["divisor"]:
        value /= int(below)
    if match["over"]:
        value += Fraction(int(match["over"]), int(below))
    if (match["sign"] == "-") != (match["sign_within"] == "-"):
        value = -value
    return Number(value, percent=match["percent"] is not None)
