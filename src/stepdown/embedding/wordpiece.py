"""WordPiece: the tokens of BERT's uncased models, without the library that brings a hub's client.

Text is cleaned, stripped of accents and lowered, cut at spaces and punctuation, and each word into
the longest pieces that the vocabulary holds. A test compares it with the `tokenizers` library.
Unlike there, "[SEP]" within a text is text: nobody writes a special token into a prompt.
Source: Devlin et al. 2019, arxiv.org/abs/1810.04805; Wu et al. 2016, arxiv.org/abs/1609.08144
"""

import re
import unicodedata
from collections.abc import Sequence
from itertools import chain

LONGEST_WORD = 100
"""Characters of a word that is taken apart; a longer one is one unknown token, as in BERT."""

WORDS_KEPT = 30_000
"""Words whose pieces are remembered, then forgotten all at once (5 MB)."""

CHARACTERS_KEPT = 50_000
"""The same of characters outside of ASCII (7 MB); there are a million."""

UNKNOWN = "[UNK]"

_SIGNS = r"!-/:-@\[-`{-~"
_WORD = re.compile(rf"[^\s{_SIGNS}]+|[{_SIGNS}]")
_SPECIAL = re.compile(r"[^\t\n\r -~]+")
_REPLACEMENT = "\ufffd"
_CONTROL = frozenset(("Cc", "Cf", "Co", "Cs"))
_IDEOGRAPHS = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)


class WordPiece:
    """Texts into token ids. Safe to share among threads."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        """``vocabulary``: the tokens by their ids; pieces within a word begin with ``##``."""
        ids = {token: number for number, token in enumerate(vocabulary)}
        self._pieces = _Pieces(ids)
        self._characters = _Characters()

    def ids(self, text: str) -> list[int]:
        """The text's tokens, without the model's marks of beginning and end."""
        words = _WORD.findall(self._plain(text))
        return list(chain.from_iterable(map(self._pieces.__getitem__, words)))

    def _plain(self, text: str) -> str:
        """Lower case, no accents, no control characters."""
        return _SPECIAL.sub(self._plainly, text).lower()

    def _plainly(self, special: re.Match[str]) -> str:
        return special[0].translate(self._characters)


class _Pieces(dict[str, tuple[int, ...]]):
    """The ids of each word's pieces, found when first asked for."""

    def __init__(self, ids: dict[str, int]) -> None:
        super().__init__()
        self._ids = ids
        self._unknown = (ids[UNKNOWN],)

    def __missing__(self, word: str) -> tuple[int, ...]:
        if len(word) > LONGEST_WORD:
            return self._unknown
        if len(self) >= WORDS_KEPT:
            self.clear()
        found = self[word] = self._cut(word)
        return found

    def _cut(self, word: str) -> tuple[int, ...]:
        """The longest known piece, again and again; with an unknown rest the word is unknown."""
        pieces: list[int] = []
        start = 0
        while start < len(word):
            mark = "##" if start else ""
            for end in range(len(word), start, -1):
                piece = self._ids.get(mark + word[start:end])
                if piece is not None:
                    break
            else:
                return self._unknown
            pieces.append(piece)
            start = end
        return tuple(pieces)


class _Characters(dict[int, str]):
    """What stands for each character outside of printable ASCII, for ``str.translate``."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if character == _REPLACEMENT or unicodedata.category(character) in _CONTROL:
            plain = ""
        elif character.isspace():
            plain = " "
        elif any(low <= code <= high for low, high in _IDEOGRAPHS):
            plain = f" {character} "
        else:
            plain = "".join(map(_bare, unicodedata.normalize("NFD", character)))
        if len(self) >= CHARACTERS_KEPT:
            self.clear()
        self[code] = plain
        return plain


def _bare(character: str) -> str:
    """Lower case; a mark of an accent is nothing, and a punctuation mark stands alone."""
    category = unicodedata.category(character)
    if category == "Mn":
        return ""
    if category.startswith("P"):
        return f" {character} "
    return character.lower()
