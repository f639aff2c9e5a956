"""What in a text is code, a quotation, an example or data; and that nothing else counts as such."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.compression.spans import MOST_TRIES, Kind, Span, overlaid, refine, spans
from support.prompts_to_shrink import PROTECTED, document


def of_kind(text: str, kind: str) -> list[str]:
    return [text[span.start : span.end] for span in spans(text) if span.kind == kind]


@given(st.text(st.sampled_from("ab \n\"'`~{}[]:,1<>/=.;|\t“”«»é漢"), max_size=300))
def test_the_spans_are_the_text_without_gaps(text: str) -> None:
    found = spans(text)
    assert "".join(text[span.start : span.end] for span in found) == text
    assert all(span.start < span.end for span in found)


@pytest.mark.parametrize("protected", PROTECTED)
def test_what_is_to_stay_is_found_between_prose(protected: str) -> None:
    text = f"{document(3)}\n\n{protected}\n\n{document(3, 10)}"
    kept = [text[span.start : span.end] for span in spans(text) if span.is_kept]
    assert protected in "\n".join(kept) or protected in "".join(kept)


def test_a_fence_that_is_open_reaches_to_the_end() -> None:
    assert of_kind("Look:\n```\nx = 1\n\nmore prose", "code") == ["```\nx = 1\n\nmore prose"]


def test_json_is_data_and_its_strings_are_no_quotations() -> None:
    value = '{\n  "name": "Ann \\"A\\" Smith",\n  "tags": ["a", "b"]\n}'
    text = f"The record:\n{value}\nends here."
    assert of_kind(text, "data") == [value]
    assert of_kind(text, "quote") == []


def test_json_may_stand_behind_a_lead() -> None:
    text = 'Result: [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}] as asked'
    assert of_kind(text, "data") == ['[{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}]']


@pytest.mark.parametrize(
    "text",
    [
        "As shown [1, 2] and by others [3].",
        "Take {the red one} or [the blue one], please.",
        '{"broken": [1, 2, and then it stops',
    ],
)
def test_brackets_in_prose_are_no_data(text: str) -> None:
    assert of_kind(text, "data") == []


@pytest.mark.parametrize(
    "text",
    [
        '\'{"a": [1, 2, 3],\n "name": "in a string"}\'',
        '"""\n{"a": [1, 2, 3],\n "name": "in a string"}\n"""',
        '`{"a": [1, 2, 3], "name": "in code"}`',
        '```json\n{"a": [1, 2, 3], "name": "fenced"}\n```',
    ],
)
def test_json_in_quotes_or_code_is_not_touched(text: str) -> None:
    assert of_kind(f"See: {text} ok", "data") == []


def test_deep_json_is_text() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    assert of_kind(deep, "data") == []


def test_only_so_many_places_are_tried_for_json() -> None:
    text = "\n".join('{"a": nothing that ends' for _ in range(5 * MOST_TRIES))
    text += '\n{"id": 1, "name": "Ann", "x": 2}'
    assert of_kind(text, "data") == []


def test_apostrophes_are_no_quotations() -> None:
    assert of_kind("The dogs' owner didn't know the cat's name, and that's it.", "quote") == []


@pytest.mark.parametrize(
    "code",
    [
        "def run(x):\n    y = x + 1\n    return y",
        "const a = 1;\nlet b = () => a;\nconsole.log(b());",
        "SELECT name, age\nFROM people\nWHERE age > 3",
        "server:\n  port: 80\n  hosts: [a, b]\n  tls: true",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "#include <stdio.h>\nint main() {\n  return 0;\n}",
    ],
)
def test_what_looks_like_code_is_code(code: str) -> None:
    text = f"{document(2)}\n\n{code}\n\n{document(2, 5)}"
    assert code in "".join(of_kind(text, "code"))


@pytest.mark.parametrize(
    "prose",
    [
        document(4),
        "Dear Ann,\nthanks for the offer (see below): we take it.\nBest regards,\nBob",
        "Context:\nThe bridge, which is old, was closed in 1962. It opened again in 1964.",
        "- first point\n- second point: it matters\n- third point",
    ],
)
def test_prose_is_no_code(prose: str) -> None:
    assert of_kind(prose, "code") == []


def test_a_table_of_values_is_data() -> None:
    table = "id,name,age\n1,Ann,31\n2,Bob,42\n3,Cem,53"
    assert of_kind(f"{document(2)}\n\n{table}\n\n{document(2)}", "data") == [table]


def test_examples_are_found_by_their_leads() -> None:
    text = "Classify.\n\nInput: good food\nOutput: positive\n\nInput: cold soup\nOutput: negative"
    assert of_kind(text + "\n\nInput: nice view\nOutput:", "example") == [
        "Input: good food\nOutput: positive",
        "Input: cold soup\nOutput: negative",
    ]


def test_an_answer_that_is_asked_for_makes_no_example() -> None:
    assert of_kind(f"Text: {document(5)}\n\nQuestion: what broke?\nAnswer:", "example") == []


def test_refining_takes_stretches_out_of_text_alone() -> None:
    pieces = [Span("text", 0, 10), Span("code", 10, 20), Span("text", 20, 30)]
    assert refine(pieces, [Span("request", 5, 25)]) == [
        Span("text", 0, 5),
        Span("request", 5, 10),
        Span("code", 10, 20),
        Span("request", 20, 25),
        Span("text", 25, 30),
    ]


def test_overlaying_covers_whatever_was_there() -> None:
    pieces = [Span("text", 0, 10), Span("quote", 10, 20), Span("text", 20, 30)]
    assert overlaid(pieces, [Span("data", 5, 15), Span("data", 25, 30)]) == [
        Span("text", 0, 5),
        Span("data", 5, 15),
        Span("quote", 15, 20),
        Span("text", 20, 25),
        Span("data", 25, 30),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "x = 1;\nconst" + " " * 20_000 + ".",
        "x = 1;\ndef " + "a" * 1_000_000 + ".",
        "x = 1;\nreturn" + " a" * 500_000 + ".",
        "x = 1;\n" + "a" * 500_000 + " " * 500_000 + ".",
        "Input: x\nOutput" + " " * 1_000_000 + ".",
        "Input: x\nInput" + " " * 1_000_000 + "1" + " " * 1_000_000 + ".",
    ],
)
def test_long_lines_do_not_take_longer_than_reading_them(text: str) -> None:
    """Ways to match a line that grow with its square or cube would take hours, holding the lock."""
    assert spans(text)[-1].end == len(text)


@pytest.mark.parametrize("line", ["const x = 1", "let  a, b;", "static List<int> x = {", "var x;"])
def test_declarations_are_code(line: str) -> None:
    assert of_kind(line, "code") == [line]


@given(st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40)))
def test_refining_is_done_place_by_place(cuts: set[int], marks: set[int]) -> None:
    edges = [0, *sorted(cuts - {0}), 41]
    kinds: list[Kind] = ["text", "quote", "text", "data"]
    pieces = [Span(kinds[at % 4], *each) for at, each in enumerate(pairwise(edges))]
    places = sorted(marks)
    kept = [Span("request", *each) for each in zip(places[::2], places[1::2], strict=False)]

    def kind(found: list[Span], at: int) -> str:
        return next((each.kind for each in found if each.start <= at < each.end), "")

    refined = refine(pieces, kept)
    assert [at for each in refined for at in range(each.start, each.end)] == list(range(41))
    for at in range(41):
        whole = kind(pieces, at)
        assert kind(refined, at) == (whole if whole != "text" else kind(kept, at) or "text")


def test_many_questions_among_many_quotations_are_gone_through_once() -> None:
    count = 20_000
    pieces = [Span("quote" if at % 2 else "text", at, at + 1) for at in range(2 * count)]
    kept = [Span("request", at, at + 1) for at in range(0, 2 * count, 2)]
    assert len(refine(pieces, kept)) == 2 * count


def test_an_output_belongs_to_the_first_input_before_it_that_is_not_too_far() -> None:
    inputs = ["Input: a", *["more"] * 200, "Question: b", "Output: c"]
    assert of_kind("\n".join(inputs), "example") == ["Question: b\nOutput: c"]
    assert of_kind("\n".join(inputs[:200] + inputs[-1:]), "example") != []
    assert of_kind("Input: a\nOutput:\n\nOutput: c", "example") == []
