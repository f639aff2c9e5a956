"""Answers and requests as a cascade's checks are given them."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from stepdown.types import Choice, Prompt, Request, Token


def asking(text: str = "Is this spam?", **fields: Any) -> Request:
    """A request as the server makes it from a client's body."""
    body = {"model": "auto", "messages": [{"role": "user", "content": text}], **fields}
    raw = json.dumps(body).encode()
    prompt = msgspec.json.decode(raw, type=Prompt)
    fields_ = msgspec.json.decode(raw, type=dict[str, Raw])
    return Request("r-1", prompt, fields_, len(raw), route="auto", tenant="t-1")


def said(*tokens: tuple[str, float] | tuple[str, float, float | None]) -> Choice:
    """An answer of tokens: (text, logprob) or (text, logprob, the runner-up's)."""
    made = tuple(Token(*token) for token in tokens)
    return Choice("".join(token.text for token in made), tokens=made)


def evenly(texts: Sequence[str], logprob: float = -0.1, **special: float) -> Choice:
    """An answer whose tokens have one log probability, save those whose text is named."""
    return said(*((text, special.get(text, logprob)) for text in texts))
