"""A day of made-up traffic, as ``mixed_day.py`` sends it: what people and programs ask of a shop.

    faq        35 %  one of 60 questions about the shop's goods, in one of 240 wordings; a few
                     questions are asked often (Zipf, exponent 1.1), and goods differ in one word
    classify   25 %  a ticket of its own, to be filed under one of three labels
    extract    10 %  name, order and date out of a message of its own, as JSON
    document   10 %  a question over a table in JSON and forty passages, some of which repeat
    reason     12 %  to plan, compare or explain something
    nightly     8 %  a review to be summed up until the morning: lines of a file for the batch API

Everything follows from the seed. Questions of the FAQ hold their topic word by word, by which the
simulated provider gives the same answer to each of its wordings; every other answer follows from
the prompt.
"""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from msgspec import Struct

MIX = {
    "faq": 0.35,
    "classify": 0.25,
    "extract": 0.10,
    "document": 0.10,
    "reason": 0.12,
    "nightly": 0.08,
}
GOODS = (
    "kettle",
    "toaster",
    "blender",
    "mixer",
    "grill",
    "juicer",
    "fryer",
    "iron",
    "heater",
    "fan",
)
MATTERS = ("refund for", "warranty of", "delivery of", "repair of", "manual of", "price of")
TOPICS = [f"{matter} the {thing}" for matter in MATTERS for thing in GOODS]
ZIPF = 1.1
GREETINGS = ("", "Hello! ", "Good morning. ", "Hi there, ", "Quick question: ", "Sorry to ask. ")
THANKS = ("", " Thanks!", " Thank you very much.", " Kind regards.", " Many thanks in advance.")
WORDINGS = (
    "What about the {topic}?",
    "Please tell me about the {topic}.",
    "Can you tell me about the {topic}?",
    "I would like to know about the {topic}.",
    "I have a question about the {topic}.",
    "Could you explain the {topic} to me?",
    "Where can I read about the {topic}?",
    "Tell me about the {topic}, please.",
)
PLACES = ("hall", "kitchen", "garden", "office", "cellar", "attic", "workshop")
FEELINGS = ("works well", "broke down", "is too loud", "came late", "smells", "is what I wanted")
REASONS = (
    "Compare the {a} with the {b} for a canteen of {n} people and explain your reasoning.",
    "Plan step by step how a shop should move {n} {a}s to another town, and why in this order.",
    "Why does a {a} need more power than a {b}? Derive it for {n} uses a day.",
)
SYSTEM = "You answer for a shop of household goods."


class Asked(Struct, frozen=True):
    """One request of the day, without its model. ``nightly``: nobody waits for the answer."""

    kind: str
    body: dict[str, Any]

    @property
    def nightly(self) -> bool:
        return self.kind == "nightly"


def day(requests: int, seed: int = 7) -> Iterator[Asked]:
    """So many requests, in the order of the day."""
    random = Random(seed)
    kinds, shares = list(MIX), list(MIX.values())
    for number in range(requests):
        kind = random.choices(kinds, shares)[0]
        yield Asked(kind, {"temperature": 0, **_MAKERS[kind](random, number)})


def topic_of(asked: Asked) -> str:
    """What a question of the FAQ is about."""
    text = asked.body["messages"][-1]["content"]
    return next(topic for topic in TOPICS if topic in text)


def _faq(random: Random, number: int) -> dict[str, Any]:
    weights = [1 / rank**ZIPF for rank in range(1, len(TOPICS) + 1)]
    topic = random.choices(TOPICS, weights)[0]
    core = random.choice(WORDINGS).format(topic=topic)
    return _chat(random.choice(GREETINGS) + core + random.choice(THANKS))


def _classify(random: Random, number: int) -> dict[str, Any]:
    return _chat(
        "Classify this ticket as praise, complaint or question. Answer with the label only.\n\n"
        f"Ticket {number}: {_sentence(random)} {_sentence(random)}"
    )


def _extract(random: Random, number: int) -> dict[str, Any]:
    made = _chat(
        "Extract the thing, the room and the order number from this message as JSON.\n\n"
        f"Order {number}: {_sentence(random)}"
    )
    return {**made, "response_format": {"type": "json_object"}}


def _document(random: Random, number: int) -> dict[str, Any]:
    rows = [
        {"order": number + n, "thing": random.choice(GOODS), "room": random.choice(PLACES)}
        for n in range(60)
    ]
    passages = [f"Shelf {n % 25}: {_sentence(random)}" for n in range(25)]
    passages += passages[:15]
    table = json.dumps(rows, indent=2)
    question = f"Which shelf has the {random.choice(GOODS)}?"
    return _chat("\n\n".join((table, *passages, question)))


def _reason(random: Random, number: int) -> dict[str, Any]:
    a, b = random.sample(GOODS, 2)
    return _chat(random.choice(REASONS).format(a=a, b=b, n=number))


def _nightly(random: Random, number: int) -> dict[str, Any]:
    review = " ".join(_sentence(random) for _ in range(12))
    return _chat(f"Summarize this review in one sentence.\n\nReview {number}: {review}")


def _sentence(random: Random) -> str:
    thing, place = random.choice(GOODS), random.choice(PLACES)
    return (
        f"The {thing} in the {place} {random.choice(FEELINGS)} since week {random.randrange(53)}."
    )


def _chat(text: str) -> dict[str, Any]:
    turns = {"system": SYSTEM, "user": text}
    return {"messages": [{"role": role, "content": said} for role, said in turns.items()]}


_MAKERS = {
    "faq": _faq,
    "classify": _classify,
    "extract": _extract,
    "document": _document,
    "reason": _reason,
    "nightly": _nightly,
}
