"""Markup is escaped by construction."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.evals.page.markup import Html, el, inline, page


class Read(HTMLParser):
    """The texts and attributes of a page, as a browser would see them."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, str | None] = {}
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= dict(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_elements() -> None:
    assert el("p", "a ", el("b", "c"), None, class_="x", data_rule="r") == (
        '<p class="x" data-rule="r">a <b>c</b></p>'
    )
    assert el("ul", [el("li", "1"), "2", None]) == "<ul><li>1</li>2</ul>"
    assert el("circle", cx=1.23456789, r=4) == '<circle cx="1.23457" r="4"/>'
    assert el("form", hidden=True, open=False, id=None) == "<form hidden></form>"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_any_text_stays_text(text: str) -> None:
    read = Read(el("p", text, title=text))
    assert read.tags == ["p"]
    assert (read.text, read.attributes) == (text, {"title": text})


def test_what_a_file_or_a_page_cannot_hold_is_replaced() -> None:
    made = el("p", "a\ud800b\0c", title="\udc00\0")
    assert made.encode() == '<p title="?\ufffd">a?b\ufffdc</p>'.encode()


def test_text_that_looks_like_markup_is_not() -> None:
    assert el("p", "<b>", Html("<i></i>")) == "<p>&lt;b&gt;<i></i></p>"


@pytest.mark.parametrize("source", ["a</script>b", "a</SCRIPT >"])
def test_a_source_cannot_end_its_element(source: str) -> None:
    with pytest.raises(ValueError, match="expected no end of the element"):
        inline("script", source)
    assert inline("style", "a > b {}") == "<style>a > b {}</style>"


def test_a_page() -> None:
    assert page(el("head"), el("body")).startswith('<!doctype html>\n<html lang="en"><head>')
