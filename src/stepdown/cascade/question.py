"""What a judge is asked: instructions, and the few verdicts that it may give."""

from collections.abc import Sequence
from typing import Any

from msgspec import DecodeError, Raw, defstruct, json

from stepdown.cascade.answers import unfenced
from stepdown.cascade.requests import derive
from stepdown.types import Choice, Message, Prompt, Request, ResponseFormat


class Question:
    """Put to one model about one text after another; the verdict is a member of a JSON object.

    The upstream is asked for a JSON schema that allows the verdicts only, at temperature 0. Source:
    platform.openai.com/docs/guides/structured-outputs. ``max_tokens`` bounds a reply; None leaves
    it to the upstream, since a model that reasons spends tokens before its verdict.
    """

    def __init__(
        self,
        model: str,
        instructions: str,
        member: str,
        verdicts: Sequence[str],
        max_tokens: int | None = None,
    ) -> None:
        self.model = model
        """A ``model_name`` of the configuration."""
        self._instructions = instructions
        self._member = member
        self._verdicts = frozenset(verdicts)
        self._format = _format(member, verdicts)
        self._max_tokens = max_tokens
        self._fixed = {
            "temperature": Raw(b"0"),
            "response_format": Raw(
                json.encode({"type": "json_schema", "json_schema": self._format})
            ),
        }
        if max_tokens is not None:
            self._fixed["max_tokens"] = Raw(json.encode(max_tokens))
        self._decode = json.Decoder(defstruct("Reply", [(member, str | int)])).decode

    def about(self, text: str, request: Request) -> Request:
        """The request that asks about this text, in the name of the client's request."""
        messages = [Message("system", self._instructions), Message("user", text)]
        prompt = Prompt(
            self.model,
            messages,
            max_tokens=self._max_tokens,
            response_format=ResponseFormat("json_schema", self._format),
        )
        plain = [{"role": each.role, "content": each.content} for each in messages]
        fields = {
            "model": Raw(json.encode(self.model)),
            "messages": Raw(json.encode(plain)),
            **self._fixed,
        }
        return derive(request, prompt, fields)

    def verdict(self, reply: Choice) -> str | None:
        """The verdict of a reply, or None where it holds none."""
        try:
            said = str(getattr(self._decode(unfenced(reply.text)), self._member))
        except (DecodeError, RecursionError):
            return None
        return said if said in self._verdicts else None


def _format(member: str, verdicts: Sequence[str]) -> dict[str, Any]:
    return {
        "name": member,
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {member: {"type": "string", "enum": list(verdicts)}},
            "required": [member],
            "additionalProperties": False,
        },
    }
