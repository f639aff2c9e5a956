"""The compressor of one route: implements ``ports.Compressor``."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

from msgspec import Struct

from stepdown.compression.counting import Count, estimated, is_exact, load
from stepdown.compression.draft import rewritten
from stepdown.compression.sent import Sent, keys_of
from stepdown.compression.shrink import Cached, Made, Target, reason, shrink
from stepdown.compression.technique import Technique
from stepdown.compression.techniques.minify import Minify
from stepdown.ports import Price
from stepdown.routing.tokens import count, estimate
from stepdown.types import Journey, Request, Shrunk

INLINE_BYTES = 8_192
"""Of a request: lossless work on a larger one is done in a thread."""
MOST_BYTES = 1_000_000
"""Of a request: a larger one is sent as it is."""
MOST_AT_ONCE = 4
"""A route's requests that are worked on, or wait for a thread; one more is sent as it is."""
THREADS = 2
"""Of the process: more would only wait for each other."""
MIN_TOKENS = 1000

PriceOf = Callable[[str], Price | None]
Result = TypeVar("Result")


class Plan(Struct, frozen=True):
    """How a route's prompts are shortened: lossless ``techniques`` always, the others where a
    prompt has ``min_tokens`` and more, until its ``target`` is met."""

    techniques: tuple[Technique, ...] = (Minify(),)
    target: Target = Target()
    min_tokens: int = MIN_TOKENS


class Compression:
    """Shortens the prompts of one route.

    ``allowed`` says whether lossy techniques may run now; ``price_of`` prices a model's tokens, so
    that what a provider has cached is not given up for less.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        price_of: PriceOf,
        allowed: Callable[[], bool] = lambda: True,
        sent: Sent | None = None,
    ) -> None:
        self.plan = plan
        self._lossless = tuple(each for each in plan.techniques if each.lossless)
        self._lossy = frozenset(each.name for each in plan.techniques if not each.lossless)
        self._asking = frozenset(each.name for each in plan.techniques if each.by_question)
        self._price_of = price_of
        self._allowed = allowed
        self.sent = Sent() if sent is None else sent
        self._count: Count | None = None if is_exact() else estimated
        self._working = 0
        self._requests = 0
        self._shortened = 0
        self._before = 0
        self._after = 0
        self._removed: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()
        self._failure = ""

    @property
    def is_lossy(self) -> bool:
        """Whether it has a technique that a guard has to allow."""
        return bool(self._lossy)

    def may_lose(self, request: Request) -> bool:
        """Whether such a technique would be tried on this request, did the guard allow it."""
        if "messages" not in request.fields or request.size > MOST_BYTES or not self._lossy:
            return False
        return bool(estimate(request.prompt, request.fields).value >= self.plan.min_tokens)

    def has_lost(self, shrunk: Shrunk) -> bool:
        """Whether such a technique was at work."""
        return not self._lossy.isdisjoint(shrunk.techniques)

    def prepare(self) -> None:
        """Load the tokenizer (0.7 s), so that no request has to wait for it. Never raises: where it
        cannot be loaded, tokens are estimated."""
        try:
            self._count = load()
        except Exception as error:  # noqa: BLE001  a package and its data may fail in any way
            self._fail(reason(error))
            self._count = estimated

    async def compress(self, journey: Journey) -> Shrunk | None:
        """What to send in place of the request; None where it stays as it is. Never raises."""
        self._requests += 1
        decision = journey.decision
        model = journey.request.prompt.model if decision is None else decision.model
        try:
            shrunk = await self._compressed(journey.request, model)
        except Exception as error:  # noqa: BLE001  an answer matters more than a shorter prompt
            self._fail(reason(error))
            return None
        if shrunk is not None:
            self._shortened += 1
            self._before += shrunk.before
            self._after += shrunk.after
        return shrunk

    async def lossy(self, request: Request) -> Shrunk | None:
        """What this request would become with everything allowed: what a guard that observes has
        answered beside the whole one. Nothing is counted. Raises what goes wrong."""
        tokens = round(estimate(request.prompt, request.fields).value)
        if "messages" not in request.fields or request.size > MOST_BYTES:
            return None
        if tokens < self.plan.min_tokens:
            return None
        tokens, made = await _in(_thread_beside(), self._made, request, tokens, True, Cached())
        return _shrunk(request, tokens, made, self.plan.techniques)

    def status(self) -> dict[str, Any]:
        """Counts since the start: requests, tokens before and after of those that were shortened,
        tokens removed by technique, and why requests were left as they were."""
        return {
            "requests": self._requests,
            "shortened": self._shortened,
            "tokens_before": self._before,
            "tokens_after": self._after,
            "removed": dict(self._removed),
            "skipped": dict(self._skipped),
            "failure": self._failure,
        }

    # ── one request ──────────────────────────────────────────────────────────────────────────

    async def _compressed(self, request: Request, model: str) -> Shrunk | None:
        if "messages" not in request.fields or request.size > MOST_BYTES:
            self._skipped["too_large" if request.size > MOST_BYTES else "no_messages"] += 1
            return None
        tokens = round(estimate(request.prompt, request.fields).value)
        lossy = self._may_lose(tokens)
        keys = keys_of(request, model)
        cached = Cached(self.sent.beginning(keys, lossy=lossy), self._price_of(model))
        if self._count is not None and not lossy and request.size <= INLINE_BYTES:
            tokens, made = self._made(request, tokens, False, cached)
        elif self._working >= MOST_AT_ONCE:
            self._skipped["busy"] += 1
            return None
        else:
            self._working += 1
            try:
                tokens, made = await _in(_threads(), self._made, request, tokens, lossy, cached)
            finally:
                self._working -= 1
        self._learn(made)
        self.sent.remember(keys, made.forms, self._lossy, self._asking)
        return _shrunk(request, tokens, made, self.plan.techniques)

    def _may_lose(self, tokens: int) -> bool:
        if not self._lossy:
            return False
        if tokens < self.plan.min_tokens:
            self._skipped["short"] += 1
            return False
        if not self._allowed():
            self._skipped["not_allowed"] += 1
            return False
        return True

    def _made(self, request: Request, tokens: int, lossy: bool, cached: Cached) -> tuple[int, Made]:
        """The prompt's tokens, counted anew where it is to come down to a target, and what was
        made of it."""
        if self._count is None:
            self.prepare()
        assert self._count is not None
        if not lossy:
            made = shrink(request, self._lossless, self._count, tokens, cached=cached)
            return self._counted(request, tokens) if made.forms else tokens, made
        tokens = self._counted(request, tokens)
        plan = self.plan
        return tokens, shrink(
            request, plan.techniques, self._count, tokens, target=plan.target, cached=cached
        )

    def _counted(self, request: Request, tokens: int) -> int:
        """The prompt's tokens as those are counted that are removed."""
        if self._count is estimated:
            return tokens
        exact = count(request.prompt, request.fields)
        return tokens if exact is None else round(exact.value)

    def _learn(self, made: Made) -> None:
        self._removed.update(made.removed)
        if made.kept_prefix:
            self._skipped["prefix_cached"] += 1
        for failure in made.failed:
            self._fail(failure)

    def _fail(self, failure: str) -> None:
        self._skipped["failed"] += 1
        self._failure = failure


def _in(
    threads: ThreadPoolExecutor, work: Callable[..., Result], *arguments: Any
) -> "asyncio.Future[Result]":
    return asyncio.get_running_loop().run_in_executor(threads, work, *arguments)


@cache
def _threads() -> ThreadPoolExecutor:
    """Their own: a prompt of great length is not to keep the ledger waiting."""
    return ThreadPoolExecutor(THREADS, "compression")


@cache
def _thread_beside() -> ThreadPoolExecutor:
    """What a guard has shortened in the background: no request is to wait for that."""
    return ThreadPoolExecutor(1, "compression-beside")


def _shrunk(
    request: Request, tokens: int, made: Made, techniques: Sequence[Technique]
) -> Shrunk | None:
    if not made.forms:
        return None
    removed = made.removed
    before = max(tokens, made.fewer)  # an estimate, of a prompt that is mostly space
    names = tuple(each.name for each in techniques if each.name in removed)
    return Shrunk(rewritten(request, made.forms), names, before, before - made.fewer)
