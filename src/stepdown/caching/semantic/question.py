"""What of a request has to be the same for an answer to fit, and what need only mean the same.

The last turn is what is embedded. Everything else is compared by a hash, exactly: tenant, route or
model, the route's policy and which rules the guard holds back, system prompt, tools, response
format, sampling, all earlier turns, and every field that this version has never heard of
(``caching.key``).
"""

from msgspec import Raw, Struct, json, structs

from stepdown.caching.exact.storable import UNREADABLE, reason_against
from stepdown.caching.key import Unkeyable, key_of
from stepdown.caching.semantic.freshness import Freshness
from stepdown.caching.semantic.terms import SemanticTerms
from stepdown.types import Message, Request

NO_QUESTION = "no_question"
"""The last turn is not the user's: a tool's result, or a beginning for the assistant to go on."""
NO_TEXT = "no_text"
"""The last turn holds an image, a file or a sound, or no text."""
TOO_LONG = "too_long"
"""Two long texts may differ in what matters and hardly in anything else."""
FRESH = "fresh"
"""The answer changes with time."""

_EMPTY = Raw(b'""')


class Question(Struct, frozen=True):
    """``partition`` is 32 bytes: answers fit questions of the same one only. ``text`` is the last
    turn's."""

    partition: bytes
    text: str


def question_of(request: Request, terms: SemanticTerms, freshness: Freshness) -> Question | str:
    """The question that a request puts, or why it is none for a semantic cache."""
    reason = reason_against(request, terms.answers)
    if reason is not None:
        return reason
    messages = request.prompt.messages
    if not messages or messages[-1].role != "user":
        return NO_QUESTION
    text = _text(messages[-1])
    if not text:
        return NO_TEXT
    if len(text) > terms.most_text:
        return TOO_LONG
    if freshness.found(text) is not None:
        return FRESH
    try:
        answers = terms.answers
        key = key_of(
            _without_last(request),
            policy=answers.policy,
            held=answers.held(),
            varies=answers.varies,
        )
    except Unkeyable:
        return UNREADABLE
    return Question(key.digest, text)


def _text(message: Message) -> str:
    """A turn's text, or nothing where it holds anything else."""
    content = message.content
    if isinstance(content, list) and any(part.type != "text" for part in content):
        return ""
    return message.text.strip()


def _without_last(request: Request) -> Request:
    """The request with the last turn's content left out; its other members stay."""
    turns = json.decode(request.fields["messages"], type=list[Raw])
    last = json.decode(turns[-1], type=dict[str, Raw])
    last["content"] = _EMPTY
    turns[-1] = Raw(json.encode(last))
    fields = {**request.fields, "messages": Raw(json.encode(turns))}
    return structs.replace(request, fields=fields)
