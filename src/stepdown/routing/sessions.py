"""Keeps a conversation on its rung while switching would cost more than it saves.

A provider caches the prompt of a conversation for the model that answered it. A cheaper model
reads the whole conversation afresh: the switch has to pay for that.
"""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence

from msgspec import Struct

from stepdown.ports import Price
from stepdown.routing.expected import expected_output
from stepdown.routing.tokens import estimate
from stepdown.types import Message, Prompt, Reading, Request, Usage

CACHE_LIFETIME = 300.0
"""Seconds that providers keep a prompt cached (OpenAI: 5 to 10 minutes; Anthropic: 5)."""
CACHE_MINIMUM = 1024
"""Tokens from which a prompt is cached at all (OpenAI and Anthropic)."""


class Seen(Struct, frozen=True, gc=False):
    rung: int
    at: float


class Sessions:
    """Which rung answered which conversation: at most ``most``, each for ``ttl`` seconds."""

    def __init__(
        self,
        ladder: Sequence[str],
        price_of: Callable[[str], Price | None],
        *,
        most: int,
        ttl: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ladder = tuple(ladder)
        self._top = len(self._ladder) - 1
        self._price_of = price_of
        self._most = most
        self._ttl = ttl
        self._clock = clock
        self._seen: dict[Hashable, Seen] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def hold(self, request: Request, rung: int, readings: Mapping[str, Reading]) -> int:
        """The rung to use where the policy wants ``rung``: the conversation's, if that is stronger
        and the switch would not pay."""
        if rung >= self._top or not self._seen:
            return rung
        key = _identity(request) or _earlier_turns(request)
        seen = None if key is None else self._seen.get(key)
        if seen is None or seen.rung <= rung:
            return rung
        age = self._clock() - seen.at
        if age > self._ttl or self._switch_pays(request, seen.rung, rung, age, readings):
            return rung
        return seen.rung

    def remember(self, request: Request, rung: int) -> None:
        """Note that this rung answered; the next turn will repeat what this one said."""
        key = _identity(request) or _key(request, request.prompt.messages)
        self._seen.pop(key, None)
        self._seen[key] = Seen(rung, self._clock())
        if len(self._seen) > self._most:
            del self._seen[next(iter(self._seen))]

    def _switch_pays(
        self,
        request: Request,
        current: int,
        wanted: int,
        age: float,
        readings: Mapping[str, Reading],
    ) -> bool:
        staying, switching = (self._price_of(self._ladder[rung]) for rung in (current, wanted))
        if staying is None or switching is None:
            return False
        whole = readings["tokens"] if "tokens" in readings else estimate(request.prompt)
        tokens = round(whole.value)
        cached = min(tokens, _cached_tokens(request.prompt)) if age <= CACHE_LIFETIME else 0
        output = expected_output(request.prompt, readings)
        stay = staying.cost(Usage(input=tokens, cached_input=cached, output=output))
        return switching.cost(Usage(input=tokens, output=output)) < stay


def _cached_tokens(prompt: Prompt) -> int:
    """Tokens of what the last turn sent already, as far as a provider caches them."""
    earlier = prompt.messages[: _last_answer(prompt.messages)]
    tokens = round(estimate(Prompt(prompt.model, earlier)).value)
    return tokens if tokens >= CACHE_MINIMUM else 0


# ── Which conversation ───────────────────────────────────────────────────────────────────────


def _identity(request: Request) -> Hashable | None:
    """The conversation's name, where the client gives one."""
    if request.session:
        return "session", request.tenant, request.session
    prompt = request.prompt
    if prompt.metadata:
        named = prompt.metadata.get("session_id")
        if isinstance(named, str | int):
            return "metadata", request.tenant, named
    return ("user", request.tenant, prompt.user) if prompt.user else None


def _earlier_turns(request: Request) -> Hashable | None:
    """The key under which the turn before this one was remembered; None for a first turn."""
    messages = request.prompt.messages
    answered = _last_answer(messages)
    return _key(request, messages[:answered]) if answered else None


def _last_answer(messages: Sequence[Message]) -> int:
    """The index of the last assistant turn, or 0: before it stands what the last call sent."""
    for index in range(len(messages) - 1, 0, -1):
        if messages[index].role == "assistant":
            return index
    return 0


def _key(request: Request, messages: Sequence[Message]) -> Hashable:
    try:
        return hash((request.tenant, *messages))
    except TypeError:  # lists of parts, and calls of tools, have no hash
        return hash((request.tenant, *[(each.role, _content(each)) for each in messages]))


def _content(message: Message) -> Hashable:
    content = message.content
    return tuple(content) if isinstance(content, list) else content
