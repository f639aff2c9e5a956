"""Takes the prompts that the ledger stored as a data set: what the gateway's own clients asked."""

import hashlib
import heapq
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec import DecodeError, json
from sqlalchemy import Engine

from stepdown.evals.data.chat import chat_request, checked
from stepdown.evals.data.faults import BadDataset, BadField
from stepdown.evals.items import BadRow, Dataset, Item
from stepdown.ledger.detail import Detail, PromptRecord
from stepdown.ledger.history import prompts, requests
from stepdown.names import known_names

MOST = 100_000
"""Prompts that are held in memory."""
SPARE = 4
"""Details are sampled so many times as often as prompts: a prompt may be gone before its detail."""

_decode = json.Decoder().decode
_tags = json.Decoder(tuple[str, ...]).decode


class _Told(NamedTuple):
    """What the ledger tells of a request beside its prompt."""

    intent: str | None
    tags: str


def from_ledger(
    engine: Engine,
    since: float | None,
    route: str | None = None,
    most: int | None = None,
    *,
    seed: int = 0,
) -> Dataset:
    """The stored prompts since a moment (seconds since 1970; None for all), oldest first.

    With ``route`` those that it decided on. With ``most`` (up to ``MOST``) a uniform sample of at
    most so many, drawn by a hash of the request's id under ``seed``: the same again while the same
    are stored. A body is the client's JSON without its model and stream fields; intent and tags are
    the request's. Requests that failed are left out: what cannot be asked cannot be judged. Answers
    are not stored, so that nothing is known beforehand.

    Raises BadDataset where no such prompt is stored, there are more than ``MOST`` and no ``most``
    is given, or a segment is damaged; DatabaseUnavailable where the database fails.
    """
    wanted = MOST + 1 if most is None else min(most, MOST)
    start = since or 0.0
    try:
        chosen, told = _chosen(engine, start, route, wanted, seed)
        if not chosen:
            raise BadDataset(_why_none(engine, start, route))
    except BadDataset:
        raise
    except ValueError as error:
        raise BadDataset(f"the ledger cannot be read: {error}") from error
    if len(chosen) > MOST:
        raise BadDataset(
            f"expected at most {MOST:,} prompts, got more: sample them, or begin later"
        )
    return _dataset(sorted(chosen, key=lambda prompt: (prompt.time, prompt.id)), told)


def _chosen(
    engine: Engine, since: float, route: str | None, wanted: int, seed: int
) -> tuple[list[PromptRecord], Mapping[str, _Told]]:
    """The prompts of least rank whose requests were answered.

    Of the details, only those of least rank are held: enough of them, unless too many have no
    prompt; then more are held the next time.
    """

    def rank(name: str) -> bytes:
        return hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=16).digest()

    room = wanted * SPARE
    while True:
        details = _Counted(_answered(engine, since, route))
        held = heapq.nsmallest(room, details, key=lambda each: rank(each[0]))
        told = dict(held)
        stored = (prompt for prompt in prompts(engine, since) if prompt.id in told)
        chosen = heapq.nsmallest(wanted, stored, key=lambda prompt: rank(prompt.id))
        if len(chosen) == wanted or details.count <= room:
            return chosen, told
        room *= SPARE


class _Counted:
    """An iterator that knows how much it gave."""

    def __init__(self, details: Iterator[Detail]) -> None:
        self.count = 0
        self._details = details

    def __iter__(self) -> Iterator[tuple[str, _Told]]:
        for detail in self._details:
            self.count += 1
            yield detail.id, _Told(detail.intent, detail.tags)


def _answered(engine: Engine, since: float, route: str | None) -> Iterator[Detail]:
    for detail in requests(engine, since):
        if detail.outcome != "failed" and (route is None or detail.route == route):
            yield detail


def _why_none(engine: Engine, since: float, route: str | None) -> str:
    if next(prompts(engine, since), None) is None:
        return (
            "the ledger has stored no prompt since then. It stores them with "
            "`ledger: {store_prompts: true}` in the configuration"
        )
    routes = {detail.route for detail in requests(engine, since) if detail.route}
    if route is not None and route not in routes:
        return f"the ledger knows no request of the route {route!r}.{known_names(route, routes)}"
    return "the ledger has stored no prompt of a request that was answered"


# ── Items ────────────────────────────────────────────────────────────────────────────────────


def _dataset(stored: list[PromptRecord], told: Mapping[str, _Told]) -> Dataset:
    items: list[Item] = []
    bad: list[BadRow] = []
    digest = hashlib.sha256()
    for place, prompt in enumerate(stored, 1):
        digest.update(prompt.id.encode() + b"\0" + prompt.body + b"\0")
        try:
            items.append(_item(prompt, told[prompt.id], place))
        except BadField as error:
            bad.append(BadRow(place, str(error)))
    if not items:
        raise BadDataset(f"no stored prompt can be used. {bad[0].why}")
    return Dataset("ledger", "ledger", tuple(items), tuple(bad), digest.hexdigest())


def _item(prompt: PromptRecord, told: _Told, place: int) -> Item:
    try:
        body = chat_request(_decode(prompt.body), prompt.id)
    except (DecodeError, UnicodeError, RecursionError) as error:
        raise BadField(prompt.id, f"expected a stored JSON object, got: {error}") from error
    return Item(
        id=prompt.id,
        line=place,
        body=checked(body),
        intent=told.intent,
        tags=_tags(told.tags) if told.tags else (),
    )
