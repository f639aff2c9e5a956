"""Both models' replies to the tasks, as they streamed in, kept in one JSON file."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw, Struct

from checkable.figures import Case
from checkable.tasks import FILE, Task, is_right
from stepdown.pricing.price import TokenPrice
from stepdown.types import Choice, Piece, Prompt, Request, Token, Usage

SAMPLING = {"temperature": 0}


class Event(Struct, frozen=True):
    """One streamed event, ``at`` seconds after the request was sent.

    ``tokens`` are text, log probability and, where it was told, the best alternative's.
    """

    at: float
    text: str = ""
    tokens: list[tuple[str, float, float | None]] = []
    finish_reason: str | None = None


class Reply(Struct, frozen=True):
    """A whole answer. ``seconds`` is from sending to the last byte."""

    events: list[Event]
    input_tokens: int
    output_tokens: int
    seconds: float

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events)

    @property
    def pieces(self) -> list[Piece]:
        """The answer as a cascade sees it stream in."""
        return [
            Piece(
                text=event.text,
                tokens=tuple(Token(*token) for token in event.tokens),
                finish_reason=event.finish_reason,
            )
            for event in self.events
        ]

    @property
    def choice(self) -> Choice:
        """The answer as a cascade sees it at its end."""
        tokens = tuple(Token(*token) for event in self.events for token in event.tokens)
        reasons = [event.finish_reason for event in self.events if event.finish_reason]
        return Choice(self.text, finish_reason=reasons[-1] if reasons else None, tokens=tokens)

    @property
    def mean_logprob(self) -> float:
        """Over all the answer's tokens; an answer without any is as unsure as can be."""
        logprobs = [logprob for event in self.events for _, logprob, _ in event.tokens]
        return sum(logprobs) / len(logprobs) if logprobs else -100.0

    def usage(self, events: int | None = None) -> Usage:
        """The tokens of the call, or of its first ``events`` events."""
        share = 1.0 if events is None else min(1.0, events / max(1, len(self.events)))
        return Usage(input=self.input_tokens, output=round(self.output_tokens * share))


class Answers(Struct, frozen=True):
    """What both models said to one task."""

    weak: Reply
    strong: Reply


class Recording(Struct, frozen=True):
    """One run. ``constrained``: extractions carried their schema as ``response_format``."""

    constrained: bool
    models: dict[str, str]
    machine: str
    prompts_sha256: str
    answers: dict[str, Answers]

    def save(self, path: Path) -> None:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")


class StaleRecording(Exception):
    """The recording's prompts are not the ones that are there now."""


def read(path: Path) -> Recording:
    """A recording. Raises StaleRecording or msgspec.MsgspecError."""
    recording = msgspec.json.decode(path.read_bytes(), type=Recording)
    if recording.prompts_sha256 != prompts_sha256():
        raise StaleRecording(f"{path} was recorded with other prompts than those of {FILE.name}.")
    return recording


def prompts_sha256() -> str:
    return hashlib.sha256(FILE.read_bytes()).hexdigest()


def body(task: Task, *, constrained: bool) -> dict[str, Any]:
    """The chat request's fields, without a model."""
    fields: dict[str, Any] = {
        "messages": task.messages,
        "max_tokens": task.max_tokens,
        **SAMPLING,
    }
    if constrained and task.schema is not None:
        fields["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": task.family, "strict": True, "schema": task.schema},
        }
    return fields


def request(task: Task, *, constrained: bool) -> Request:
    """The request as a route would see it."""
    data = msgspec.json.encode({"model": "auto", **body(task, constrained=constrained)})
    fields = msgspec.json.decode(data, type=dict[str, Raw])
    return Request(task.id, msgspec.json.decode(data, type=Prompt), fields, len(data))


def case(task: Task, answers: Answers, prices: Mapping[str, TokenPrice]) -> Case:
    """Both rungs' outcomes on one task."""
    return Case(
        weak=float(is_right(answers.weak.text, task)),
        strong=float(is_right(answers.strong.text, task)),
        weak_cost=float(prices["weak"].cost(answers.weak.usage())),
        strong_cost=float(prices["strong"].cost(answers.strong.usage())),
        weak_seconds=answers.weak.seconds,
        strong_seconds=answers.strong.seconds,
    )


def merged(
    weak: Mapping[str, Reply], strong: Mapping[str, Reply], tasks: Sequence[Task]
) -> dict[str, Answers]:
    """The answers to the tasks that both models answered."""
    return {
        task.id: Answers(weak[task.id], strong[task.id])
        for task in tasks
        if task.id in weak and task.id in strong
    }
