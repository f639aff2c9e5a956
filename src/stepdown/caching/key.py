"""The exact cache's key: one and the same for all requests that ask the same, however spelt."""

import math
from collections.abc import Collection, Sequence
from hashlib import sha256
from typing import Any

from msgspec import MsgspecError, Struct, json

from stepdown.routing.signals.tags import normal_intent
from stepdown.types import Request

VERSION = 1
"""Of what goes into a key. Another version's entries are never found."""

LEFT_OUT = frozenset(
    {
        "model",  # the target stands for it, which a header may name
        "stream",
        "stream_options",  # an answer is given in either form
        "user",
        "safety_identifier",  # who asked, for the provider's watch on abuse
        "metadata",  # labels; those that rules read vary the key, see ``varies``
        "store",  # only false comes so far: who leaves an answer at the provider is not cached
        "service_tier",  # how soon, and at which price
        "prompt_cache_key",
        "prompt_cache_retention",  # where the provider looks for a prefix that it has seen
    }
)
"""Fields that change how, where or for whom an answer is made, and not what was asked.

Everything else is part of the key, what this version has never heard of included.
Source: platform.openai.com/docs/api-reference/chat/create.
"""

_EXACT = 2**53
"""Up to here a float of a whole value is one integer and no other."""
_ID = 16


class Unkeyable(ValueError):
    """What the request says cannot be brought into one spelling."""


class Key(Struct, frozen=True):
    """``digest`` is a SHA-256; ``id``, by which a store files the entry, the first 16 in hex."""

    digest: bytes

    @property
    def id(self) -> str:
        return self.digest[:_ID].hex()


def _number(text: str) -> int | float:
    """1.0 and 1e0 are 1; what no float can hold is not taken for another number."""
    number = float(text)
    if number.is_integer() and abs(number) <= _EXACT:
        return int(number)
    if not math.isfinite(number):
        raise Unkeyable("A number is too large for any float.")
    return number


_encode = json.Encoder().encode
_encode_in_order = json.Encoder(order="deterministic").encode
_decode = json.Decoder(float_hook=_number).decode


def key_of(
    request: Request,
    *,
    policy: str = "",
    held: Collection[str] = (),
    varies: Sequence[str] = (),
) -> Key:
    """The key of what is asked, of whom (tenant, and route or model), and by which policy.

    ``varies`` are signals that a route's rules read beside the question, ``header.NAME`` and
    ``metadata.NAME``: they choose the rung, so that an answer for one value is none for another.
    The intent always counts as one. ``policy`` is whatever else answers hang on, such as the hash
    of a route's rules; ``held`` are the rules that the guard keeps from applying. Raises Unkeyable.
    """
    fields = {name: raw for name, raw in request.fields.items() if name not in LEFT_OUT}
    intent = normal_intent(request.intent) if request.intent else None
    varied = [_varied(request, name) for name in varies]
    by = [policy, sorted(held)]
    asked = [VERSION, request.tenant, request.target, by, intent, varied, fields]
    try:
        canonical = _encode_in_order(_decode(_encode(asked)))
    except (MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
        raise Unkeyable(str(error)) from error
    return Key(sha256(canonical).digest())


def _varied(request: Request, name: str) -> Any:
    kind, _, rest = name.partition(".")
    if kind == "header":
        return request.headers.get(rest.lower())
    return (request.prompt.metadata or {}).get(rest)
