"""``language``: the answer is written in one of some languages. Needs the extra ``language``.

    language: en
    language: [en, de]
    language: {languages: [en, de], within: 300}

Languages are ISO 639 codes. Code in fences and the names in a JSON answer are passed over; what is
left passes where it is too short to tell, under 20 letters. With ``within`` the first so many
characters decide, so that the answer can be dropped, or let through, before its end.
Source of the model: github.com/adbar/py3langid
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, Protocol

from stepdown.cascade.validators.base import Base
from stepdown.cascade.validators.json import only_calls_tools
from stepdown.cascade.validators.mapping import read_mapping
from stepdown.names import nearest
from stepdown.ports import Watch
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_list
from stepdown.types import Choice, Piece, Request

LETTERS = 20
READ = 4000
"""Characters of an answer that are read at most: 0.3 ms."""

LEAST = 0.1
"""The probability that the languages together need. A short text in the right one may lose to a
neighbour (Danish to Norwegian); one of 40 characters in another left at most 0.01 in the tests."""


RELATED: Mapping[str, tuple[str, ...]] = {"zh": ("yue", "wuu"), "no": ("nn",), "ar": ("arz", "ary")}
"""Languages that the model tells apart and whoever names the first does not."""


class Identifier(Protocol):
    """The part of py3langid's identifier that is used here."""

    @property
    def labels(self) -> list[str]: ...

    def rank(self, text: str) -> list[tuple[str, float]]: ...


@cache
def identifier() -> Identifier:
    """Loads the model: about 1 s, once. Raises ImportError without the extra."""
    library: Any = import_module("py3langid.langid")
    loaded: Identifier = library.LanguageIdentifier.from_model_file(
        library.MODEL_FILE, norm_probs=True
    )
    return loaded


class Language(Base):
    """Passes an answer in these languages. It cannot say whether the answer is right."""

    name = "language"
    vouches = False

    def __init__(
        self, languages: frozenset[str], identifier: Identifier, within: int | None = None
    ) -> None:
        self.settles = within is not None
        self._languages = languages
        self._expected = ", ".join(sorted(languages))
        self._identifier = identifier
        self._within = within

    def check(self, choice: Choice, request: Request) -> str | None:
        if only_calls_tools(choice):
            return None
        return self.problem(choice.text.lstrip()[: self._within or READ])

    def watch(self, request: Request) -> Watch | None:
        return None if self._within is None else LanguageWatch(self, self._within)

    def problem(self, text: str) -> str | None:
        prose = _prose(text)
        if sum(map(str.isalpha, prose)) < LETTERS:
            return None
        ranked = self._identifier.rank(prose)
        if sum(share for name, share in ranked if name in self._languages) >= LEAST:
            return None
        return f"expected {self._expected:.60}, got {ranked[0][0]}"


class LanguageWatch:
    """Implements ``ports.Watch``: decides once enough has come."""

    __slots__ = ("_head", "_language", "_size", "_within", "settled")

    def __init__(self, language: Language, within: int) -> None:
        self.settled = False
        self._language = language
        self._within = within
        self._head: list[str] = []
        self._size = 0

    def feed(self, piece: Piece) -> str | None:
        if self._size >= self._within:
            return None
        text = piece.text if self._head else piece.text.lstrip()
        if not text:
            return None
        self._head.append(text)
        self._size += len(text)
        if self._size < self._within:
            return None
        reason = self._language.problem("".join(self._head)[: self._within])
        self.settled = reason is None
        return reason


# ── What is prose in an answer ───────────────────────────────────────────────────────────────

# Neither runs on for want of an end: what is open at the text's end counts as closed there.
_FENCED = re.compile(r"(?ms)^[ \t]*```.*?(?:^[ \t]*```|\Z)")
_JSON_TEXT = re.compile(r'"((?:[^"\\]|\\.?)*+)(?:"(\s*+:)?|\Z)', re.DOTALL)


def _prose(text: str) -> str:
    """The text without code in fences; of one that begins as JSON does, the values in quotes."""
    if text[:1] in ("{", "[") and text[1:].lstrip()[:1] in ('"', "{", "["):
        found = _JSON_TEXT.finditer(text)
        return " ".join(match[1] for match in found if match[2] is None)
    return _FENCED.sub(" ", text)


# ── Options ──────────────────────────────────────────────────────────────────────────────────


def build(options: Any, path: str, problems: Problems) -> Language | None:
    """A validator from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    given: Mapping[str, Any] = {"languages": options}
    at = path
    if not isinstance(options, str) and not is_list(options):
        given = read_mapping(options or {}, ("languages", "within"), path, problems)
        at = f"{path}.languages"
    within = given.get("within")
    if "within" in given and not (type(within) is int and LETTERS <= within <= READ):
        problems.expected(f"{path}.within", f"characters from {LETTERS} to {READ}", within)
    try:
        model = identifier()
    except ImportError:
        problems.add(path, "needs `pip install 'stepdown[language]'`")
        return None
    languages = _read_languages(given.get("languages"), model.labels, at, problems)
    return Language(languages, model, within) if len(problems.lines) == known else None


def _read_languages(given: Any, known: list[str], path: str, problems: Problems) -> frozenset[str]:
    languages: list[Any] = [given] if isinstance(given, str) else []
    if is_list(given):
        languages = list(given)
    if not languages:
        problems.expected(path, "a language or a list of them, as ISO 639 codes", given)
    for index, language in enumerate(languages):
        at = path if isinstance(given, str) else f"{path}[{index}]"
        if language is False:
            problems.add(at, "expected a language's code, got False; quote 'no' in YAML")
        elif language not in known:
            hint = nearest(str(language)[:2], known)
            problems.add(at, f"there is no language {language!r:.40} to tell.{hint}")
    related = [name for language in languages for name in RELATED.get(str(language), ())]
    return frozenset([*map(str, languages), *related])
