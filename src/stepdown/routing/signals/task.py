"""The signal ``task``: which tasks the instruction asks for, by the words in which it does."""

from stepdown.routing.asked import Asked, Standing
from stepdown.routing.imperative import is_command, opens_line
from stepdown.routing.instruction import Instruction
from stepdown.routing.lexicon import Place, widest_places
from stepdown.routing.signals.kinds import Kind
from stepdown.routing.signals.output import shape
from stepdown.routing.vocabulary import HARD_TASKS, STRUCTURED
from stepdown.types import Reading, Request

MENTIONED = 0.4
"""Confidence in a task that is named, but not as a command."""
NOTHING_ASKED = Reading(frozenset(), saw="no known keyword")

Found = dict[str, str]
"""A task, and where it was seen."""


class TaskSignal:
    """The value is a frozenset of task names; it is empty where no keyword is known.

    A hard task (analyze, design, …) counts anywhere in the instruction. Any other counts fully
    only as a command; a mere mention has a confidence of 0.4.
    """

    name = "task"
    kind = Kind.SET

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.values = frozenset(asked.tasks.phrases)

    def read(self, request: Request) -> Reading:
        words = self._asked.words(request)
        user, standing = words.user, words.standing
        if not words.tasks and not standing.orders:
            return NOTHING_ASKED
        fixed = _is_fixed_function(request, standing)
        hard: Found = {}
        commanded: Found = {}
        mentioned: Found = {}
        for place in () if fixed else widest_places(words.tasks):
            if place.label in HARD_TASKS:
                if place.start < user.head_end or is_command(user, place):
                    hard[place.label] = _saw(place)
            elif _speaks(user, place.start) and is_command(user, place):
                commanded[place.label] = _saw(place)
            else:
                mentioned[place.label] = f"{_saw(place)}, not as a command"
        for place in standing.orders:
            _add_order(place, hard, mentioned if _asks_beside(user, fixed) else commanded)
        return _reading(hard, commanded, mentioned)


def _add_order(place: Place, hard: Found, other: Found) -> None:
    found = hard if place.label in HARD_TASKS else other
    found.setdefault(place.label, f"{_saw(place)} of the system prompt")


def _is_fixed_function(request: Request, standing: Standing) -> bool:
    """Whether the system prompt sets one small task and a bounded output: the turn is its data."""
    return standing.small and (standing.labels or shape(request) in STRUCTURED)


def _asks_beside(user: Instruction, fixed: bool) -> bool:
    """Whether the user asks something of their own, so that the standing order is but a hint."""
    return not fixed and "?" in user.text


def _speaks(user: Instruction, start: int) -> bool:
    return start < user.head_end or start == user.tail_start or opens_line(user, start)


def _saw(place: Place) -> str:
    return f"{place.phrase!r} at {place.start}"


def _reading(hard: Found, commanded: Found, mentioned: Found) -> Reading:
    found = {**commanded, **hard}
    if found:
        return Reading(frozenset(found), saw="; ".join(found.values()))
    if mentioned:
        return Reading(
            frozenset(mentioned), confidence=MENTIONED, saw="; ".join(mentioned.values())
        )
    return NOTHING_ASKED
