"""What makes two calls the same: the key under which an answer is kept."""

from hashlib import sha256

from msgspec import DecodeError, Raw, json

from stepdown.types import Request

VERSION = 1
"""Of keys, and of what is stored under them: another one knows no earlier answer."""
_BESIDE = frozenset({"model", "stream", "stream_options", "metadata", "user"})
"""Members of a body that do not bear on the answer."""


def call_key(
    request: Request, identity: str, *, salt: str = "", sample: int | None = None
) -> bytes:
    """The SHA-256 of what is asked of whom.

    ``identity`` names the upstream. Calls under another ``salt`` are other calls, and so are the
    numbered samples of one request.
    """
    body = {name: _canonical(raw) for name, raw in request.fields.items() if name not in _BESIDE}
    whole = [VERSION, salt, identity, sample, body]
    return sha256(json.encode(whole, order="sorted")).digest()


def _canonical(raw: Raw) -> Raw:
    """The value with its objects' members in order, without spaces."""
    try:
        return Raw(json.encode(json.decode(raw), order="sorted"))
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return raw  # a number beyond all floats, say: it passes through, and only equals itself
