"""JSON bodies: what is wrong with one is said in its sender's words."""

import pytest
from msgspec import Struct, json

from stepdown.errors import InvalidField, InvalidJSON
from stepdown.server import json_bodies


class Inner(Struct):
    seconds: int


class Wanted(Struct):
    name: str
    inner: Inner | None = None


decode = json.Decoder(Wanted).decode


def test_a_body_that_fits() -> None:
    body = b'{"name": "a", "inner": {"seconds": 3}, "other": 1}'
    assert json_bodies.read(body, decode) == Wanted("a", Inner(3))


@pytest.mark.parametrize(
    ("body", "param", "says"),
    [
        (b"{}", "name", "name: this field is required and missing."),
        (b'{"nmae": "a"}', "name", "Was it meant by 'nmae'?"),
        (b'{"name": 5}', "name", "name: expected str, got int."),
        (
            b'{"name": "a", "inner": {"seconds": "3"}}',
            "inner.seconds",
            "inner.seconds: expected int, got str.",
        ),
        (b'{"name": "a", "inner": {}}', "inner.seconds", "required and missing"),
    ],
)
def test_a_field_that_is_wrong_is_named(body: bytes, param: str, says: str) -> None:
    with pytest.raises(InvalidField) as caught:
        json_bodies.read(body, decode)
    assert caught.value.param == param
    assert says in caught.value.message


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_no_body(body: bytes) -> None:
    with pytest.raises(InvalidJSON) as caught:
        json_bodies.read(body, decode)
    assert "JSON" in caught.value.message
