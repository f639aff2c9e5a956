"""An entry opens under its own key and seal as it was closed, and in no other way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack

from stepdown.caching.exact.entry import FORMAT, Entry, Seal
from stepdown.caching.key import Key
from stepdown.types import Usage

KEY = Key(b"k" * 32)
ENTRY = Entry(
    b'{"choices":[]}', "gpt-4o", Usage(input=3, output=4, cached_input=1), 1_800_000_000.5
)
entries = st.builds(
    Entry,
    st.binary(max_size=200),
    st.text(max_size=20),
    st.none() | st.builds(Usage, st.integers(0, 10**9), st.integers(0, 10**9)),
    st.floats(0, 4e9),
)


@given(entries, st.binary(max_size=100), st.binary(min_size=32, max_size=32))
def test_it_comes_back_as_it_was(entry: Entry, secret: bytes, digest: bytes) -> None:
    seal, key = Seal(secret), Key(digest)
    assert seal.open(key, seal.close(key, entry)) == entry


@given(entries, st.data())
def test_no_byte_can_be_changed_or_missing(entry: Entry, data: st.DataObject) -> None:
    seal = Seal()
    whole = seal.close(KEY, entry)
    place = data.draw(st.integers(0, len(whole) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    assert seal.open(KEY, whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :]) is None
    assert seal.open(KEY, whole[:place]) is None
    assert seal.open(KEY, whole + b"\x00") is None


@given(st.binary(max_size=100))
def test_nothing_else_is_an_entry(value: bytes) -> None:
    assert Seal().open(KEY, value) is None
    assert Seal().open(KEY, FORMAT + value) is None


def test_it_opens_under_its_own_key_only() -> None:
    assert Seal().open(Key(b"K" * 32), Seal().close(KEY, ENTRY)) is None
    half = Key(KEY.digest[:16] + b"x" * 16)
    assert half.id == KEY.id  # filed at the same place, and not the same
    assert Seal().open(half, Seal().close(KEY, ENTRY)) is None


@pytest.mark.parametrize("other", [b"", b"another", b"secret\x00"])
def test_it_opens_with_its_own_secret_only(other: bytes) -> None:
    assert Seal(other).open(KEY, Seal(b"secret").close(KEY, ENTRY)) is None
    assert Seal(b"secret").open(KEY, Seal(other).close(KEY, ENTRY)) is None


@pytest.mark.parametrize("payload", [b"", b"\xc1", msgpack.encode(["body", "m"]), b"\x93"])
def test_a_whole_payload_that_is_no_entry_is_none(payload: bytes) -> None:
    seal = Seal()
    tag = seal._tag(KEY, payload)
    assert seal.open(KEY, FORMAT + tag + payload) is None
