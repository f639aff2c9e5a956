"""The prompts that the demo asks: the bundled ones, or a file of the user's own."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import msgspec

from stepdown.demo.errors import PromptsError
from stepdown.names import nearest

MOST_PROMPTS = 2_000
MOST_BYTES = 20_000_000
MOST_PROBLEMS = 20  # lines listed; the rest is counted
MAX_TOKENS = 300  # for prompts in plain text, which cannot say how long their answer may be
ROLES = ("system", "developer", "user", "assistant", "tool")
NOT_TAKEN = {
    "model": "the route is always 'auto'",
    "stream": "the demo does not stream",
    "stream_options": "the demo does not stream",
}


class DemoPrompt(msgspec.Struct, frozen=True):
    """One request. ``options`` are further fields of the chat request, sent as they are."""

    messages: list[dict[str, Any]]
    kind: str = ""
    intent: str | None = None
    options: dict[str, Any] = {}

    @property
    def shown(self) -> str:
        """The last user turn on one line."""
        for message in reversed(self.messages):
            if message["role"] == "user":
                return re.sub(r"\s+", " ", _text(message.get("content"))).strip()
        return ""


class _Turn(msgspec.Struct):
    role: str
    content: str | list[dict[str, Any]] | None = None


class _Line(msgspec.Struct):
    """The fields of a line that the demo itself reads."""

    prompt: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    messages: list[_Turn] | None = None
    kind: str = ""
    intent: str | None = None


def bundled() -> list[DemoPrompt]:
    """The prompts that come with Stepdown."""
    return parse((files("stepdown.demo") / "prompts.jsonl").read_text("utf-8"))


def read(path: Path) -> list[DemoPrompt]:
    """The prompts of a file: JSON lines, or plain text with a prompt on each line.

    A file whose first line begins with ``{`` holds JSON lines. Raises PromptsError.
    """
    if (size := path.stat().st_size) > MOST_BYTES:
        raise PromptsError([f"{path}: expected at most {MOST_BYTES:,} bytes, got {size:,}."])
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise PromptsError([f"{path}: expected UTF-8; byte {error.start:,} is not."]) from None
    return parse(text)


def parse(text: str) -> list[DemoPrompt]:
    """The prompts in this text; empty lines count for nothing. Raises PromptsError."""
    lines = [(n, line.strip()) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise PromptsError(["expected at least one prompt, got none."])
    if len(lines) > MOST_PROMPTS:
        raise PromptsError([f"expected at most {MOST_PROMPTS:,} prompts, got {len(lines):,}."])
    if not lines[0][1].startswith("{"):
        return [_plain(line) for _, line in lines]
    prompts: list[DemoPrompt] = []
    problems: list[str] = []
    for number, line in lines:
        try:
            prompts.append(_from_json(line))
        except (msgspec.MsgspecError, ValueError) as error:
            problems.append(f"line {number}: {error}")
    if problems:
        more = len(problems) - MOST_PROBLEMS
        raise PromptsError(problems[:MOST_PROBLEMS] + ([f"and {more} more."] if more > 0 else []))
    return prompts


def _plain(line: str) -> DemoPrompt:
    return DemoPrompt([{"role": "user", "content": line}], options={"max_tokens": MAX_TOKENS})


def _from_json(line: str) -> DemoPrompt:
    known = msgspec.json.decode(line, type=_Line)
    fields = msgspec.json.decode(line, type=dict[str, Any])
    for name, why in NOT_TAKEN.items():
        if name in fields:
            raise ValueError(f"{name} cannot be set here: {why}")
    if (known.prompt is None) == (known.messages is None):
        hint = nearest(next(iter(fields), ""), ("prompt", "messages"))
        raise ValueError(f"expected either 'prompt' or 'messages'.{hint}")
    if known.messages is None:
        messages = [{"role": "user", "content": known.prompt}]
    else:
        _check_roles(known.messages)
        messages = fields["messages"]
    options = {name: fields[name] for name in fields if name not in _Line.__struct_fields__}
    return DemoPrompt(messages, known.kind, known.intent, options)


def _check_roles(messages: list[_Turn]) -> None:
    if not messages:
        raise ValueError("messages: expected at least one message, got none")
    for index, message in enumerate(messages):
        if message.role not in ROLES:
            raise ValueError(
                f"messages[{index}].role: expected one of {', '.join(ROLES)}, "
                f"got {message.role!r}.{nearest(message.role, ROLES)}"
            )


def _text(content: str | list[dict[str, Any]] | None) -> str:
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content)
    return content or ""
