"""Questions whose answer changes with time."""

import pytest

from stepdown.caching.semantic.freshness import FRESH, Freshness


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What is the latest version?", "latest"),
        ("What happened TODAY?", "TODAY"),
        ("What's today’s menu?", "todays"),
        ("Is it up-to-date?", "up-to-date"),
        ("Who won last   night?", "last   night"),
        ("What is a nowhere man?", None),
        ("What is the time difference to Lima?", None),
        ("Which currents flow there?", None),
        ("", None),
    ],
)
def test_words(text: str, found: str | None) -> None:
    assert Freshness().found(text) == found


@pytest.mark.parametrize("word", FRESH)
def test_each_of_them_is_found(word: str) -> None:
    assert Freshness().found(f"Tell me: {word.upper()}?") == word.upper()


def test_own_words_are_texts_and_no_patterns() -> None:
    fresh = Freshness(["c++ (beta)", " ", "Heute"])
    assert fresh.found("What of C++ (BETA)?") == "C++ (BETA)"
    assert fresh.found("Was gibt es heute?") == "heute"
    assert fresh.found("What of cccc beta?") is None
