"""Keys: what makes two calls the same, and what does not."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw, json

from stepdown.evals.keys import call_key
from stepdown.requests import request_of
from stepdown.types import Request

BODY: dict[str, Any] = {
    "model": "auto",
    "messages": [{"role": "user", "content": "Is this spam?"}],
    "temperature": 0.5,
    "response_format": {"type": "json_schema", "json_schema": {"b": 1, "a": [1, 2]}},
}


def key(
    identity: str = "m @ here", salt: str = "", sample: int | None = None, **body: Any
) -> bytes:
    return call_key(request_of({**BODY, **body}), identity, salt=salt, sample=sample)


def test_what_does_not_bear_on_the_answer_does_not_count() -> None:
    beside: dict[str, Any] = {
        "model": "other",
        "stream": True,
        "stream_options": {"include_usage": True},
        "metadata": {"intent": "spam"},
        "user": "u1",
    }
    assert key(**beside) == key()
    assert len(key()) == 32


def test_everything_else_does() -> None:
    keys = [
        key(),
        key(identity="m @ there"),
        key(salt="run 1"),
        key(sample=0),
        key(sample=1),
        key(temperature=0.6),
        key(seed=1),
        key(messages=[{"role": "user", "content": "Is this spam!"}]),
        key(response_format={"type": "json_schema", "json_schema": {"b": 1, "a": [2, 1]}}),
        key(unheard_of=None),
    ]
    assert len(set(keys)) == len(keys)


def test_spaces_and_the_order_of_members_do_not_count() -> None:
    written = json.format(json.encode(dict(reversed(BODY.items()))), indent=3)
    written = written.replace(b'"b"', b'"\\u0062"')
    assert call_key(request_of(written), "m @ here") == key()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text('aé🙂\n"'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=8,
)


def _turned(value: Any) -> Any:
    """The same value, every object's members in the opposite order."""
    if isinstance(value, dict):
        return {name: _turned(each) for name, each in reversed(value.items())}
    return [_turned(each) for each in value] if isinstance(value, list) else value


@given(JSON)
def test_any_value_in_any_order_has_one_key(value: Any) -> None:
    assert key(x=value) == key(x=_turned(value))


def _odd(raw: bytes) -> Request:
    made = request_of(BODY)
    made.fields["x"] = Raw(raw)
    return made


def test_what_cannot_be_read_equals_itself_only() -> None:
    one, again, other = (call_key(_odd(raw), "m") for raw in (b"1e400", b"1e400", b"1E400"))
    assert one == again != other
