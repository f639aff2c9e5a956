"""What one request asks for, in words: read once for all the signals that look at words."""

from msgspec import Struct

from stepdown.routing.imperative import is_standing_order
from stepdown.routing.instruction import Instruction, instruction
from stepdown.routing.lexicon import Lexicon, Phrasebook, Place, widest_places
from stepdown.routing.vocabulary import HARD_TASKS, LABELLING, OUTPUTS, TASKS
from stepdown.types import Prompt, Request

MOST_SYSTEM_PROMPTS = 256
LONGEST_KEPT = 20_000
"""System prompts come again and again; this many, of up to so many characters, are kept read."""


class Standing(Struct, frozen=True):
    """What the system prompt orders: tasks, and the kind of output it holds every answer to."""

    orders: tuple[Place, ...] = ()
    outputs: frozenset[str] = frozenset()
    small: bool = False
    """Whether it orders a task that is not hard."""
    labels: bool = False
    """Whether it holds every answer to a label or to yes or no."""


class Words(Struct, frozen=True):
    """One request's words: the instruction of the last user turn with the phrases found in it, and
    what the system prompt orders."""

    user: Instruction
    tasks: list[Place]
    outputs: list[Place]
    standing: Standing


NO_STANDING = Standing()
NO_WORDS = Words(instruction(""), [], [], NO_STANDING)


class Asked:
    """Reads requests' words. Holds the last request only while its signals are measured."""

    def __init__(self, tasks: Lexicon | None = None, outputs: Lexicon | None = None) -> None:
        self.tasks = tasks or Lexicon(TASKS)
        self.outputs = outputs or Lexicon(OUTPUTS)
        self._phrases = Phrasebook(self.tasks, self.outputs)
        self._request: Request | None = None
        self._words = NO_WORDS
        self._standing: dict[str, Standing] = {}

    def words(self, request: Request) -> Words:
        if request is not self._request:
            system, turn = _spoken(request.prompt)
            user = instruction(turn)
            tasks, outputs = self._phrases.find(user)
            self._words = Words(user, tasks, outputs, self._ordered(system))
            self._request = request
        return self._words

    def user(self, request: Request) -> Instruction:
        """The instruction in the last user turn."""
        return self.words(request).user

    def standing(self, request: Request) -> Standing:
        """What the system prompt orders."""
        return self.words(request).standing

    def forget(self) -> None:
        self._request = None

    def _ordered(self, system: str) -> Standing:
        if not system:
            return NO_STANDING
        known = self._standing.get(system)
        return self._read_standing(system) if known is None else known

    def _read_standing(self, system: str) -> Standing:
        asked = instruction(system)
        tasks, places = self._phrases.find(asked)
        orders = tuple(place for place in widest_places(tasks) if is_standing_order(asked, place))
        outputs = frozenset(place.label for place in places)
        standing = Standing(
            orders,
            outputs,
            small=any(place.label not in HARD_TASKS for place in orders),
            labels=not LABELLING.isdisjoint(outputs),
        )
        if len(system) <= LONGEST_KEPT:
            if len(self._standing) >= MOST_SYSTEM_PROMPTS:
                del self._standing[next(iter(self._standing))]
            self._standing[system] = standing
        return standing


def _spoken(prompt: Prompt) -> tuple[str, str]:
    """The system prompt, and the last user turn."""
    system: list[str] = []
    last = None
    for message in prompt.messages:
        role = message.role
        if role == "user":
            last = message
        elif role in ("system", "developer"):
            system.append(message.text)
    return "\n".join(system), "" if last is None else last.text
