"""What was sent lately, by the prompt's beginnings: those the provider may have in its cache.

A conversation's next request begins with what its last one said. Where that was sent shortened, it
is sent in the same form again, byte for byte, or the provider would read all of it afresh.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence, Set
from hashlib import blake2b

import msgspec
from msgspec import Raw, Struct

from stepdown.compression.draft import Form
from stepdown.routing.sessions import CACHE_LIFETIME
from stepdown.types import Request

MOST = 20_000
"""Messages remembered."""
MOST_BYTES = 32_000_000
"""Bytes of those that were changed."""
_KEY_BYTES = 16

_messages = msgspec.json.Decoder(list[Raw]).decode


class _Entry(Struct, gc=False):
    at: float
    form: Form | None
    lossy: bool


class Sent:
    """Which messages were sent in which form. Not shared: the beginnings that another process sent
    are not known here, and count as not cached."""

    def __init__(
        self,
        *,
        most: int = MOST,
        most_bytes: int = MOST_BYTES,
        lifetime: float = CACHE_LIFETIME,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._lifetime = lifetime
        self._clock = clock
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self.size = 0
        """Bytes of the forms that are kept."""

    def __len__(self) -> int:
        return len(self._entries)

    def beginning(self, keys: Sequence[bytes], *, lossy: bool) -> list[Form | None]:
        """The forms in which the first messages were sent, None for one as it came; stops at the
        first that was not, or whose form is not to be used: ``lossy`` says whether lossy ones are.
        """
        since = self._clock() - self._lifetime
        found: list[Form | None] = []
        for key in keys:
            entry = self._entries.get(key)
            if entry is None or entry.at < since or (entry.lossy and not lossy):
                break
            found.append(entry.form)
        return found

    def remember(
        self, keys: Sequence[bytes], forms: Mapping[int, Form], lossy: Set[str], asking: Set[str]
    ) -> None:
        """Note how a request was sent: the forms of its messages, and the names of techniques that
        are ``lossy``, and of those ``asking`` for the question: what one of these made is sent
        otherwise next time, and so is all that follows it."""
        now = self._clock()
        for index, key in enumerate(keys):
            form = forms.get(index)
            if form is not None and not asking.isdisjoint(form.removed):
                break
            self._forget(key)
            lost = form is not None and not lossy.isdisjoint(form.removed)
            self._entries[key] = _Entry(now, form, lost)
            self.size += _size(form)
        self._make_room(now - self._lifetime)

    def _make_room(self, since: float) -> None:
        """Drop what providers have forgotten, and the oldest of what is too much."""
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            too_much = len(self._entries) > self._most or self.size > self._most_bytes
            if entry.at >= since and not too_much:
                return
            self._forget(key)

    def _forget(self, key: bytes) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.size -= _size(entry.form)


def _size(form: Form | None) -> int:
    return 0 if form is None else 2 * len(form.raw)


def keys_of(request: Request, model: str) -> list[bytes]:
    """A key for each beginning of the prompt, of one tenant's and for one model: after the first
    message, after the second, …"""
    named = (request.tenant, model, request.target)
    digest = blake2b(msgspec.json.encode(named), digest_size=_KEY_BYTES)
    if "tools" in request.fields:
        digest.update(request.fields["tools"])
    keys: list[bytes] = []
    for raw in _messages(request.fields["messages"]):
        digest.update(b"%d:" % len(raw))
        digest.update(raw)
        keys.append(digest.digest())
    return keys
