"""An entry as a store keeps it: a version, an integrity tag, and the answer in MessagePack.

    version (1 byte) | BLAKE2b of version, key and payload (16 bytes) | payload

What was cut short, changed, moved to another key, or written by another version is no entry. With
a secret, neither is what somebody else wrote who can reach the store.
"""

import hmac
from hashlib import blake2b

from msgspec import MsgspecError, Struct, msgpack

from stepdown.caching.key import Key
from stepdown.types import Usage

FORMAT = b"\x01"
_TAG = 16
_HEAD = len(FORMAT) + _TAG


class Entry(Struct, frozen=True, array_like=True):
    """``body`` is the chat completion as one object, ``model`` the one that gave it, ``usage`` what
    its call used, ``stored`` the time in seconds since 1970."""

    body: bytes
    model: str
    usage: Usage | None
    stored: float


_pack = msgpack.Encoder().encode
_unpack = msgpack.Decoder(Entry).decode


class Seal:
    """Closes entries, and opens those that are whole. ``secret`` may have any length."""

    def __init__(self, secret: bytes = b"") -> None:
        self._key = blake2b(secret).digest() if secret else b""

    def close(self, key: Key, entry: Entry) -> bytes:
        payload = _pack(entry)
        return b"".join((FORMAT, self._tag(key, payload), payload))

    def open(self, key: Key, value: bytes) -> Entry | None:
        """The entry that was closed under this key, or None where this is not it."""
        payload = value[_HEAD:]
        tag = value[len(FORMAT) : _HEAD]
        if not value.startswith(FORMAT) or not hmac.compare_digest(tag, self._tag(key, payload)):
            return None
        try:
            return _unpack(payload)
        except (MsgspecError, ValueError):  # whole, and yet no entry: another program's
            return None

    def _tag(self, key: Key, payload: bytes) -> bytes:
        tag = blake2b(FORMAT, digest_size=_TAG, key=self._key)
        tag.update(key.digest)
        tag.update(payload)
        return tag.digest()
