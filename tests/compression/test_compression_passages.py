"""How texts are cut into passages, and put together again without some."""

from hypothesis import given
from hypothesis import strategies as st

from stepdown.compression.passages import GAP, joined, passages
from stepdown.compression.spans import spans
from support.prompts_to_shrink import FREE, PROTECTED, document, sentence


def cut(text: str) -> list[str]:
    return [text[each.start : each.end] for each in passages(text, spans(text))]


def kept(text: str) -> list[str]:
    return [text[each.start : each.end] for each in passages(text, spans(text)) if each.kept]


@given(st.lists(FREE | st.sampled_from(PROTECTED), max_size=6).map("\n\n".join), st.data())
def test_passages_are_the_text_and_what_is_kept_stays(text: str, data: st.DataObject) -> None:
    found = passages(text, spans(text))
    assert "".join(text[each.start : each.end] for each in found) == text
    keep = [each.kept or data.draw(st.booleans()) for each in found]
    shorter = joined(text, found, keep)
    at = 0
    for each, stays in zip(found, keep, strict=True):
        if stays:
            place = shorter.find(text[each.start : each.end], at)
            assert place >= 0
            at = place + each.end - each.start
    if all(keep):
        assert shorter == text


def test_sentences_are_passages() -> None:
    text = f"{sentence(1)} {sentence(2)}\n{sentence(3)}"
    assert cut(text) == [f"{sentence(1)} ", f"{sentence(2)}\n", sentence(3)]


def test_abbreviations_and_numbers_end_no_sentence() -> None:
    text = "It cost 3.50 francs, i.e. nothing, as Dr. e. Berg of the U.S. office said in 1962."
    assert cut(text) == [text]


def test_a_heading_belongs_to_what_follows() -> None:
    text = f"Repairs\n{sentence(1)}\n\n1.\n{sentence(2)}"
    assert cut(text) == [f"Repairs\n{sentence(1)}\n\n", f"1.\n{sentence(2)}"]


def test_sentences_of_scripts_without_spaces_end_too() -> None:
    one, two = "橋は春に閉鎖された。" * 3, "修理は秋まで続いた。" * 3
    assert "".join(cut(one + two)) == one + two
    assert len(cut(one + two)) > 1


def test_a_sentence_with_a_quotation_is_kept_whole() -> None:
    text = f'{sentence(1)} The mayor said "never   again" to the press today. {sentence(2)}'
    assert kept(text) == ['The mayor said "never   again" to the press today. ']


def test_each_gap_is_marked_once() -> None:
    text = document(6)
    found = passages(text, spans(text))
    keep = [True, False, False, True, False, False]
    first, second = cut(text)[0], cut(text)[3]
    assert joined(text, found, keep) == f"{first}{GAP} {second}{GAP}"


def test_a_gap_ends_its_line_where_a_line_ended() -> None:
    text = "\n".join(sentence(number) for number in range(3))
    found = passages(text, spans(text))
    assert joined(text, found, [True, False, True]) == f"{sentence(0)}\n{GAP}\n{sentence(2)}"
