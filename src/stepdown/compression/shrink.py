"""Shortens one request: what may be changed, in which order, until when. Pure, and synchronous."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw, Struct, structs

from stepdown.compression.counting import Count
from stepdown.compression.draft import Draft, Form
from stepdown.compression.examples import examples
from stepdown.compression.technique import Technique
from stepdown.compression.worth import worth
from stepdown.ports import Price
from stepdown.routing.sessions import CACHE_MINIMUM
from stepdown.routing.tokens import estimate
from stepdown.types import Prompt, Request

_messages = msgspec.json.Decoder(list[Raw]).decode
CACHE_MARK = b'"cache_control"'
LONGEST_REASON = 300
_ABOUT_FILES = OSError, ImportError


class Target(Struct, frozen=True):
    """What a prompt is to come down to: a ``share`` of its tokens, or so many ``tokens``."""

    share: float | None = 0.5
    tokens: int | None = None

    def of(self, tokens: int) -> int:
        if self.tokens is not None:
            return self.tokens
        return round((self.share or 1.0) * tokens)


class Cached(Struct, frozen=True):
    """The beginning that the provider may have cached: the forms in which its messages were sent,
    None for one as it came; and the price of the model that has it."""

    forms: Sequence[Form | None] = ()
    price: Price | None = None


class Made(Struct, frozen=True):
    """What came of it: the messages that are not sent as they came, by index, and what of the
    techniques failed, and how. ``kept_prefix``: more could have gone, but at the cost of what the
    provider has cached."""

    forms: Mapping[int, Form] = {}
    failed: tuple[str, ...] = ()
    kept_prefix: bool = False

    @property
    def removed(self) -> Counter[str]:
        """Tokens by technique."""
        return sum((Counter(form.removed) for form in self.forms.values()), Counter[str]())

    @property
    def fewer(self) -> int:
        """Tokens in all."""
        return sum(self.removed.values())


def shrink(
    request: Request,
    techniques: Sequence[Technique],
    count: Count,
    tokens: int,
    *,
    target: Target | None = None,
    cached: Cached | None = None,
) -> Made:
    """Shorten by the techniques, in their order. ``tokens`` is the whole prompt's size.

    What the provider has cached is left as it was sent, unless taking more away pays for it.
    """
    cached = cached or Cached()
    first = untouchable(request)
    goal = target.of(tokens) if target is not None else None
    kept = {at: form for at, form in enumerate(cached.forms) if form is not None and at >= first}
    sent = len(cached.forms)
    if sent <= first:
        return _run(request, techniques, count, tokens, goal, first, {})
    careful = _run(request, techniques, count, tokens, goal, sent, kept)
    if goal is None or tokens - careful.fewer <= goal:
        return careful
    afresh = _run(request, techniques, count, tokens, goal, first, {})
    more = afresh.fewer - careful.fewer
    if worth(more, _lost(request, cached.forms, afresh.forms), cached.price):
        return afresh
    return structs.replace(careful, kept_prefix=more > 0)


def untouchable(request: Request) -> int:
    """How many messages from the start stay as they are: examples, and what the client has the
    provider cache (``cache_control``)."""
    first = examples(request.prompt.messages)
    raw = request.fields["messages"]
    if CACHE_MARK in bytes(raw):
        marked = [at for at, each in enumerate(_messages(raw)) if CACHE_MARK in bytes(each)]
        first = max(first, marked[-1] + 1)
    return first


def reason(error: Exception) -> str:
    """What went wrong, in words that hold nothing of the prompt."""
    kind = type(error).__name__
    return f"{kind}: {error}"[:LONGEST_REASON] if isinstance(error, _ABOUT_FILES) else kind


def _run(
    request: Request,
    techniques: Sequence[Technique],
    count: Count,
    tokens: int,
    goal: int | None,
    first: int,
    forms: Mapping[int, Form],
) -> Made:
    before = tokens - sum(sum(form.removed.values()) for form in forms.values())
    draft = Draft(request, count, before, first=first, forms=forms, target=goal)
    failed: list[str] = []
    for technique in techniques:
        if not technique.lossless and not draft.excess:
            break
        draft.technique = technique.name
        try:
            technique.apply(draft)
        except Exception as error:  # noqa: BLE001  what one cannot do is left to the others
            failed.append(f"{technique.name}: {reason(error)}")
    return Made(draft.made(), tuple(failed))


def _lost(request: Request, sent: Sequence[Form | None], forms: Mapping[int, Form]) -> int:
    """Tokens of the cached beginning that a changed message makes the provider read afresh."""
    messages = request.prompt.messages
    as_sent = [messages[at] if form is None else form.message for at, form in enumerate(sent)]
    same = 0
    for at, form in enumerate(sent):
        new = forms.get(at)
        if (None if new is None else new.raw) != (None if form is None else form.raw):
            break
        same = at + 1
    model = request.prompt.model
    whole: int = round(estimate(Prompt(model, as_sent), request.fields).value)
    kept: int = round(estimate(Prompt(model, as_sent[:same]), request.fields).value)
    if same == len(sent) or whole < CACHE_MINIMUM:
        return 0
    return whole - kept if kept >= CACHE_MINIMUM else whole
