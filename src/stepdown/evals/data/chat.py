"""Makes a row's chat request, and checks that the gateway can read it."""

from typing import Any

from msgspec import DecodeError, EncodeError, json

from stepdown.evals.data.faults import BadField, expected
from stepdown.names import nearest
from stepdown.routing.shapes import is_mapping
from stepdown.types import Message, Prompt

ROLES = ("system", "developer", "user", "assistant", "tool", "function")

NOT_ASKED = {
    "model": "each model of the ladder is asked",
    "stream": "answers are read whole",
    "stream_options": "answers are read whole",
}
"""Fields of a chat request that no row decides, and why."""

_prompts = json.Decoder(Prompt)


def asks(text: str) -> dict[str, Any]:
    """One user turn."""
    return {"messages": [{"role": "user", "content": text}]}


def checked(body: dict[str, Any], field: str = "messages") -> dict[str, Any]:
    """The same chat request. Raises BadField where the gateway could not read it.

    ``field`` is where the messages came from.
    """
    try:
        prompt = _prompts.decode(json.encode({**body, "model": ""}))
    except (DecodeError, EncodeError, TypeError, ValueError, OverflowError) as error:
        raise BadField(_place(error, field), _fault(error)) from None
    for number, message in enumerate(prompt.messages):
        if message.role not in ROLES:
            hint = nearest(message.role, ROLES)
            raise BadField(
                f"{field}[{number}].role", f"there is no role {message.role!r:.40}.{hint}"
            )
    if not any(map(_says_something, prompt.messages)):
        raise BadField(field, "expected something to ask, got only empty texts")
    return body


def chat_request(given: Any, field: str) -> dict[str, Any]:
    """Fields of a chat request that a row or a stored request states. Raises BadField."""
    if not is_mapping(given):
        raise expected(field, "an object of chat fields", given)
    return {key: value for key, value in given.items() if key not in NOT_ASKED}


def _says_something(message: Message) -> bool:
    if message.text.strip():
        return True
    return isinstance(message.content, list) and any(p.type != "text" for p in message.content)


def _place(error: Exception, field: str) -> str:
    """``messages[0].role`` out of ``Expected `str`, got `int` - at `$.messages[0].role```."""
    _, _, path = str(error).partition(" - at `$.")
    path = path.removesuffix("`")
    return path.replace("messages", field, 1) if path else field


def _fault(error: Exception) -> str:
    said, _, _ = str(error).partition(" - at `$")
    return said[:1].lower() + said[1:].replace("`", "")
