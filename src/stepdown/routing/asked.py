"""What one request asks for, in words: read once for all the signals that look at words."""

from msgspec import Struct

from stepdown.routing.imperative import is_standing_order
from stepdown.routing.instruction import Instruction, instruction
from stepdown.routing.lexicon import Lexicon, Place, widest_places
from stepdown.routing.vocabulary import LABELLING, OUTPUTS, TASKS
from stepdown.types import Request

MOST_SYSTEM_PROMPTS = 256
LONGEST_KEPT = 20_000
"""System prompts come again and again; this many, of up to so many characters, are kept read."""


class Standing(Struct, frozen=True):
    """What the system prompt orders: tasks, and the kind of output it holds every answer to."""

    asked: Instruction
    orders: tuple[Place, ...] = ()
    outputs: frozenset[str] = frozenset()

    @property
    def labels(self) -> bool:
        """Whether it holds every answer to a label or to yes or no."""
        return not LABELLING.isdisjoint(self.outputs)


NOTHING = Standing(instruction(""))


class Asked:
    """Reads requests' words. Holds the last request only while its signals are measured."""

    def __init__(self, tasks: Lexicon | None = None, outputs: Lexicon | None = None) -> None:
        self.tasks = tasks or Lexicon(TASKS)
        self.outputs = outputs or Lexicon(OUTPUTS)
        self._request: Request | None = None
        self._user = NOTHING.asked
        self._ordered: Request | None = None
        self._orders = NOTHING
        self._standing: dict[str, Standing] = {}

    def user(self, request: Request) -> Instruction:
        """The instruction in the last user turn."""
        if request is not self._request:
            self._user = instruction(request.prompt.last_user_text())
            self._request = request
        return self._user

    def forget(self) -> None:
        self._request = self._ordered = None

    def standing(self, request: Request) -> Standing:
        """What the system prompt orders."""
        if request is not self._ordered:
            text = request.prompt.system_text()
            self._orders = self._known(text) if text else NOTHING
            self._ordered = request
        return self._orders

    def _known(self, text: str) -> Standing:
        known = self._standing.get(text)
        return self._read_standing(text) if known is None else known

    def _read_standing(self, text: str) -> Standing:
        asked = instruction(text)
        orders = tuple(
            place
            for place in widest_places(self.tasks.find(asked))
            if is_standing_order(asked, place)
        )
        outputs = frozenset(place.label for place in self.outputs.find(asked))
        standing = Standing(asked, orders, outputs)
        if len(text) <= LONGEST_KEPT:
            if len(self._standing) >= MOST_SYSTEM_PROMPTS:
                del self._standing[next(iter(self._standing))]
            self._standing[text] = standing
        return standing
