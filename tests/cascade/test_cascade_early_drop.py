"""Early drops over 10,000 generated replies a validator: none loses an answer that would pass.

To have another validator's watch tested, add a row to ``SUBJECTS``.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from pydantic_core import from_json

from stepdown.cascade.json_prefix import JsonPrefix
from stepdown.cascade.registry import build_checks
from stepdown.ports import Validator
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Piece, Prompt, Request, ResponseFormat

REPLIES = 10_000
WORDS = ("the", "invoice", "is", '"net"', "30", "days;", "café", "—", "naïve", "😀", "\n\t\\", "")
LABELS = ("billing", "technical", "other")
ALPHABET = '{}[]:,"\\u0a1-.eE+ tfnx\n\x01`'
NOISE = '{}[]:,"\\ntf0-.eE `x'

Generate = Callable[[Random], str]

# ── Replies ──────────────────────────────────────────────────────────────────────────────────


def prose(chance: Random) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randint(1, 20)))


def value(chance: Random, deep: int = 3) -> Any:
    scalars: list[Any] = [None, True, False, chance.randint(-999, 999), chance.random(), "", "é"]
    match chance.randrange(6 if deep else 3):
        case 3 | 4:
            return {
                chance.choice(WORDS): value(chance, deep - 1) for _ in range(chance.randrange(4))
            }
        case 5:
            return [value(chance, deep - 1) for _ in range(chance.randrange(4))]
        case 2:
            return prose(chance)
        case _:
            return chance.choice(scalars)


def person(chance: Random) -> dict[str, Any]:
    """An object that fits ``PERSON`` in many cases, and nearly in the others."""
    answer: dict[str, Any] = {"name": prose(chance), "age": chance.randint(0, 99)}
    if chance.random() < 0.3:
        answer["tags"] = [prose(chance) for _ in range(chance.randrange(3))]
    if chance.random() < 0.2:
        answer[chance.choice(["age", "name", "nmae", "tags"])] = value(chance)
    if chance.random() < 0.1:
        del answer["name"]
    return answer


def document(chance: Random) -> str:
    said = person(chance) if chance.random() < 0.6 else value(chance)
    space = chance.choice(["", "\n", " "])
    text = json.dumps(said, indent=chance.choice([None, 2]), ensure_ascii=chance.random() < 0.5)
    return f"{space}{text}{space}"


def cut_document(chance: Random) -> str:
    text = document(chance)
    return text[: chance.randrange(len(text) + 1)]


def mutated(chance: Random) -> str:
    text = document(chance)
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(NOISE) * chance.randrange(3) + text[at + chance.randrange(3) :]


def fenced(chance: Random) -> str:
    return f"```json\n{document(chance)}\n```"


def announced(chance: Random) -> str:
    return f"{prose(chance)}: {document(chance)}"


def label(chance: Random) -> str:
    edge = chance.choice(["", "", "**", '"'])
    said = chance.choice(LABELS)
    if chance.random() < 0.3:
        said = said[: chance.randrange(len(said))] + chance.choice(["", "x", " "])
    return f"{edge}{chance.choice([said, said.upper()])}{edge}{chance.choice(['', '.', ' it is'])}"


def number(chance: Random) -> str:
    written = chance.choice(["{:.2f}", "{:.0f}", "{:e}", "{:,.0f}", " {:.0f} EUR", "about {}"])
    return written.format(chance.uniform(-10, 2_000))


def reply(chance: Random) -> str:
    """Any of them; JSON of all kinds in most cases."""
    kinds = [document, document, cut_document, mutated, fenced, announced, prose, label, number]
    return chance.choice(kinds)(chance)


# ── Validators ───────────────────────────────────────────────────────────────────────────────

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "maximum": 90},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name"],
    "additionalProperties": False,
}


def asking(kind: str, **schema: Any) -> Request:
    wanted = ResponseFormat(kind, {"name": "answer", **schema} if schema else None)
    return Request("r", Prompt("auto", [], response_format=wanted), {})


def plain() -> Request:
    return Request("r", Prompt("auto", []), {})


@dataclass(frozen=True)
class Subject:
    """A validator as a configuration names it, the request and the replies it is tried on.

    ``passes`` and ``drops`` are the least numbers of replies of either kind, so that a generator
    that never comes near the validator is seen.
    """

    entry: Any
    request: Request = field(default_factory=plain)
    generate: Generate = reply
    passes: int = 100
    drops: int = 1_000

    @property
    def validator(self) -> Validator:
        problems = Problems()
        (validator,), _ = build_checks([self.entry], "validators", problems)
        problems.check()
        return validator


SUBJECTS = {
    "json": Subject("json", passes=2_000),
    "json, object mode": Subject("json", asking("json_object"), passes=1_000),
    "json_schema": Subject("json_schema", asking("json_schema", schema=PERSON)),
    "json_schema, unusable": Subject(
        "json_schema", asking("json_schema", schema={"type": "text"}), passes=0
    ),
    "fields": Subject({"fields": {"name": "string", "age": "integer"}}),
    "one_of": Subject({"one_of": list(LABELS)}),
    "range": Subject({"range": {"min": 0, "max": 1_000}}),
    "regex": Subject({"regex": r"-?\d{1,3}\.\d{2}"}, passes=50),
}


def pieces(text: str, chance: Random) -> Iterator[Piece]:
    """The text as a stream: tokens of a few characters, single ones, or all at once."""
    longest = chance.choice([1, 4, 12, len(text) + 1])
    at = 0
    while at < len(text):
        size = chance.randint(1, longest)
        yield Piece(text[at : at + size])
        at += size


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_what_is_dropped_early_would_have_been_rejected(subject: Subject) -> None:
    chance = Random(20_260)
    validator, request = subject.validator, subject.request
    seen: Counter[str] = Counter()
    for _ in range(REPLIES):
        text = subject.generate(chance)
        rejected = validator.check(Choice(text), request)
        watch = validator.watch(request)
        assert watch is not None
        dropped, settled = None, False
        for piece in pieces(text, chance):
            dropped = watch.feed(piece)
            if dropped is not None:
                break
            settled = settled or watch.settled
        if dropped is not None:
            assert rejected is not None, f"dropped ({dropped}), but passes: {text!r}"
        assert not (settled and rejected), f"settled, but rejected ({rejected}): {text!r}"
        seen["dropped" if dropped else "rejected" if rejected else "passed"] += 1
    assert seen["passed"] >= subject.passes, seen
    assert seen["dropped"] >= subject.drops, seen


def viable(text: str) -> bool:
    """Whether some JSON document begins so, says another reader: it errs at the end only."""
    text = text.replace("\\ud", "\\u0")  # that reader refuses half of a surrogate pair
    if "\\u" in text[-5:]:
        text += "0000"  # it looks at an escape's digits only once all four are there
    try:
        from_json(text, allow_inf_nan=False)
    except ValueError as error:
        return str(error).startswith("EOF")
    return True


def test_json_is_dropped_at_the_first_character_after_which_nothing_can_be_json() -> None:
    chance = Random(8_259)
    dropped_at: Counter[bool] = Counter()
    for _ in range(REPLIES):
        text = reply(chance)[:60]
        prefix = JsonPrefix()
        last = next((size for size, char in enumerate(text, 1) if prefix.feed(char)), None)
        if last is None:
            assert viable(text), text
        else:
            assert viable(text[: last - 1]), text
            assert not viable(text[:last]), text
        dropped_at[last is None or last > 1] += 1
    assert min(dropped_at.values()) > 1_000


def whole(text: str) -> bool:
    try:
        json.loads(text, parse_constant=lambda name: 1 / 0)
    except (ValueError, ZeroDivisionError):
        return False
    return True


def grow(text: str, length: int) -> Iterator[tuple[str, bool]]:
    """Every text of the alphabet up to this length whose characters but the last are viable."""
    for char in ALPHABET:
        longer = text + char
        alive = viable(longer)
        yield longer, alive
        if alive and len(longer) < length:
            yield from grow(longer, length)


BEGINNINGS = ["", '{"a":1,', '{"":[[', '["\\u', "[-0", '[{"a":{"1":[0.1e', "tru", "fals", "[nul"]


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_every_short_text_is_dropped_at_the_first_character_that_no_document_has(
    beginning: str,
) -> None:
    for text, alive in grow(beginning, len(beginning) + 4):
        by_characters, at_once = JsonPrefix(), JsonPrefix()
        reason = [by_characters.feed(char) for char in text][-1]
        assert (reason is None) == alive, text
        assert at_once.feed(text) == reason, text
        assert at_once.complete == by_characters.complete == whole(text), text
