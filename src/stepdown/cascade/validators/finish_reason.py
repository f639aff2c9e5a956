"""``finish_reason``: the answer came to its end by itself.

    finish_reason
    finish_reason: [stop, tool_calls]

As a bare name it rejects answers that were cut off at the token limit (``length``) or by the
upstream's filter (``content_filter``); with a list, whatever is not on it.
Source: platform.openai.com/docs/api-reference/chat/object
"""

from typing import Any

from stepdown.cascade.validators.base import Base
from stepdown.cascade.validators.mapping import read_mapping
from stepdown.names import nearest
from stepdown.ports import Watch
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_list
from stepdown.types import Choice, Piece, Request

REJECTED = {
    "length": "the answer was cut off at the token limit",
    "content_filter": "the upstream's filter cut the answer off",
}
KNOWN = ("stop", "tool_calls", "function_call", *REJECTED)


class FinishReason(Base):
    """Passes an answer by why it ended. ``allowed`` None: all but those that cut it off."""

    name = "finish_reason"
    vouches = False

    def __init__(self, allowed: frozenset[str] | None = None) -> None:
        self._allowed = allowed

    def check(self, choice: Choice, request: Request) -> str | None:
        reason = choice.finish_reason
        if reason is None:
            return None if self._allowed is None else "the upstream told no finish reason"
        return self.problem(reason)

    def watch(self, request: Request) -> Watch | None:
        return FinishReasonWatch(self)

    def problem(self, reason: str) -> str | None:
        if self._allowed is None:
            return REJECTED.get(reason)
        if reason in self._allowed:
            return None
        return REJECTED.get(reason, f"the finish reason {reason!r:.40} is not allowed")


class FinishReasonWatch:
    """Implements ``ports.Watch``: the reason comes with the last piece, before the usage."""

    __slots__ = ("_validator",)
    settled = False

    def __init__(self, validator: FinishReason) -> None:
        self._validator = validator

    def feed(self, piece: Piece) -> str | None:
        reason = piece.finish_reason
        return None if reason is None else self._validator.problem(reason)


def build(options: Any, path: str, problems: Problems) -> FinishReason | None:
    """A validator from its options; what is wrong with them goes to ``problems``."""
    if options is None:
        return FinishReason()
    known = len(problems.lines)
    allowed: Any = options
    if not is_list(options):
        allowed = read_mapping(options, ("allowed",), path, problems).get("allowed")
        path = f"{path}.allowed"
    if len(problems.lines) > known:
        return None
    if not is_list(allowed) or not allowed:
        problems.expected(path, "a list of finish reasons", allowed)
        return None
    for index, reason in enumerate(allowed):
        if reason not in KNOWN:
            hint = nearest(str(reason), KNOWN)
            text = f"expected one of {', '.join(KNOWN)}, got {reason!r:.40}.{hint}"
            problems.add(f"{path}[{index}]", text)
    return FinishReason(frozenset(allowed)) if len(problems.lines) == known else None
