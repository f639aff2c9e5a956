"""Text for a database: whatever a model wrote, both kinds take it and give it back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.storage.address import parse
from stepdown.storage.session import Session
from stepdown.storage.text import to_text

surrogates = st.characters(categories=["Cs"])
usual = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(usual)
def test_text_stays_as_it_is(text: str) -> None:
    assert to_text(text) == text


@given(st.text(st.characters() | surrogates | st.just("\0")))
def test_any_text_can_be_stored(text: str) -> None:
    stored = to_text(text)
    assert b"\0" not in stored.encode()
    assert len(stored) <= len(text)
    assert to_text(stored) == stored


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("a\0b", "a\ufffdb"),
        ("cut \ud83d", "cut \ufffd"),
        ("\udc80cut", "\ufffdcut"),
        ("\ud83d\ude00", "\N{GRINNING FACE}"),
    ],
)
def test_what_is_replaced(text: str, stored: str) -> None:
    assert to_text(text) == stored


def test_a_database_takes_it(database_url: str) -> None:
    class Echo(Session):
        def echo(self, text: str) -> str:
            cast = self._marked("SELECT CAST(? AS TEXT)")
            with self._transaction(writes=False) as cursor:
                cursor.execute(cast, (text,))
                return str(cursor.fetchone()[0])

    echo = Echo(parse(database_url))
    for text in ("a\0b\ud83d", "plain \N{GRINNING FACE}"):
        assert echo.echo(to_text(text)) == to_text(text)
    echo.close()
