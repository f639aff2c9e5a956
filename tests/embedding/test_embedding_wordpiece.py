"""WordPiece, against the library that the models' makers use."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordPiece as TheirWordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from stepdown.embedding import wordpiece
from stepdown.embedding.static import vocabulary
from stepdown.embedding.wordpiece import LONGEST_WORD, WordPiece

OURS = WordPiece(vocabulary())
THEIRS = Tokenizer(
    TheirWordPiece(
        {token: at for at, token in enumerate(vocabulary())},
        unk_token="[UNK]",
        max_input_chars_per_word=LONGEST_WORD,
    )
)
THEIRS.normalizer = BertNormalizer(lowercase=True)
THEIRS.pre_tokenizer = BertPreTokenizer()


def known(text: str) -> bool:
    """Whether every character is in the oldest Unicode tables at hand: later ones differ."""
    return all(unicodedata.ucd_3_2_0.category(character) != "Cn" for character in text)


def theirs(text: str) -> list[int]:
    ids: list[int] = THEIRS.encode(text, add_special_tokens=False).ids
    return ids


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=60).filter(known)
WORDS = st.lists(st.sampled_from([token.removeprefix("##") for token in vocabulary()]))


@given(TEXTS)
def test_any_text_gives_the_same_tokens(text: str) -> None:
    assert OURS.ids(text) == theirs(text)


@given(WORDS, st.sampled_from([" ", "", "-", "\n", "\u3000", "'"]))
def test_words_of_the_vocabulary_in_any_company(words: list[str], between: str) -> None:
    text = between.join(words)
    assert OURS.ids(text) == theirs(text)


@pytest.mark.parametrize(
    "text",
    [
        "How do I re-enable 2FA? (error 403, v2.0.1)",
        "naïve Café ÅNGSTRÖM ŞİŞLİ straße ΑΘΗΝΑΣ",
        "東京タワーはどこ？ 서울 시청",
        "emoji 🙂👍🏽 and a\u200bzero width",
        "snake_case, camelCase, $PATH=/usr/bin; x<=3 && y!=4",
        "[CLS] and [SEP] are words",
        "a" * LONGEST_WORD + " " + "a" * (LONGEST_WORD + 1),
        "tab\tnew\nline\rvertical\x0bform\x0cnull\x00bell\x07\ufffd",
        "",
    ],
)
def test_texts_of_many_kinds(text: str) -> None:
    assert OURS.ids(text) == theirs(text)


def test_the_words_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordpiece, "WORDS_KEPT", 3)
    tokenizer = WordPiece(["[UNK]", *"abcdef"])
    for _ in range(2):
        assert tokenizer.ids("a b c d e f a z") == [1, 2, 3, 4, 5, 6, 1, 0]
        assert len(tokenizer._pieces) <= 3


def test_the_characters_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordpiece, "CHARACTERS_KEPT", 3)
    tokenizer = WordPiece(["[UNK]", *"abcde"])
    for _ in range(2):
        assert tokenizer.ids("à ḃ ć ḋ é à") == [1, 2, 3, 4, 5, 1]
        assert len(tokenizer._characters) <= 3
