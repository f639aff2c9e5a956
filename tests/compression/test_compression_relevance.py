"""Which passages have to do with a question."""

import pytest

from stepdown.compression.relevance import DECAY, LENT, relevance, smoothed, terms


def best(question: str, texts: list[str]) -> str:
    scores = relevance(question, texts)
    return texts[scores.index(max(scores))]


TEXTS = [
    "The museum opens at nine in the morning and closes at six.",
    "Tickets are sold at the desk; children pay half of the price.",
    "The restaurant on the first floor serves soup, bread and wine.",
    "In 1931 the keeper of plan B-7 was paid 4,120 crowns.",
]


@pytest.mark.parametrize(
    ("question", "place"),
    [
        ("When does the museum close?", 0),
        ("What do children's tickets cost?", 1),
        ("Which drinks does the restaurant serve?", 2),
        ("What was plan B-7?", 3),
        ("Who earned 4,120?", 3),
    ],
)
def test_words_in_common_decide_in_whatever_form(question: str, place: int) -> None:
    assert best(question, TEXTS) == TEXTS[place]


def test_rare_words_count_more_than_common_ones() -> None:
    texts = [f"the price of the {fruit} is the price" for fruit in ("pear", "plum", "fig")]
    assert best("the price of the fig", texts) == texts[2]


def test_nothing_in_common_is_nothing() -> None:
    assert relevance("zebra", TEXTS) == [0.0] * 4
    assert relevance("", TEXTS) == [0.0] * 4
    assert relevance("zebra", []) == []


def test_scores_are_scaled_to_the_best() -> None:
    assert max(relevance("museum tickets", TEXTS)) == 1.0


def test_a_paragraph_lends_its_best_score_to_the_others() -> None:
    lent = smoothed([0.0, 1.0, 0.5, 0.0, 0.0], [0, 0, 0, 0, 1])
    expected = [LENT * DECAY, 1.0 + LENT * DECAY * 0.5, 0.5 + LENT * DECAY, LENT * DECAY**2, 0.0]
    assert lent == pytest.approx(expected)
    assert smoothed([], []) == []


def test_terms_keep_digits_and_lose_endings() -> None:
    assert terms("Closed the Bridges, 1962 (B-7)!") == ["clos", "bridg", "1962", "b", "7"]
