"""What cascades' rungs cost and saved: how often each climbs, and from which rate on it loses."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct, field
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from stepdown.ledger.detail import ZERO
from stepdown.ledger.minutes import first_bucket
from stepdown.ledger.tries import ABANDONED, FAILED, Sums
from stepdown.ports import Price
from stepdown.storage.address import DatabaseUnavailable
from stepdown.storage.columns import TRIES_SUMS
from stepdown.storage.sums import read_sums, sums_of
from stepdown.storage.tables import tries
from stepdown.types import ACCEPTED, Usage

_COUNTS, _AMOUNTS = TRIES_SUMS[:-3], TRIES_SUMS[-3:]
REJECTED = "rejected"
_BROKEN_OFF = frozenset({"timeout", "hedge", ABANDONED, FAILED})
"""Verdicts on answers that were not there to their end, though not dropped early either."""


class Means(Struct, frozen=True):
    """Output tokens and seconds, of one try on average or of several together."""

    output_tokens: float
    seconds: float


class Rung(Struct, frozen=True):
    """One rung of a route's cascade: the answers tried there. Money in US dollars.

    ``model`` is the one that answered most often. ``last`` is true of the highest rung that was
    tried: nothing climbs from there. A try is ``accepted``, ``abandoned`` (its client went away
    first: in no rate and not in ``net``) or rejected. What was spent on a try includes its
    grading; ``gradings`` counts the graders' calls. ``unpriced`` counts tries and gradings with an
    unknown price: they are in ``spent_on_…`` as far as known, and in none of the amounts below.

    ``net`` is the reference cost of the accepted answers, less what was spent on all of them and
    on the rejected ones; None where a price is missing for all of the accepted, or of the tries.
    ``mean_cost`` is of one try with its grading; ``mean_reference`` is of one accepted answer, or
    of one served by any rung of the route where this one had none accepted.
    ``whole`` and ``dropped`` are averages of the tries that were heard to their end, and of those
    that were dropped ``early``.
    """

    route: str
    rung: int
    model: str
    last: bool
    tries: int
    accepted: int
    abandoned: int
    early: int
    gradings: int
    estimated: int
    unpriced: int
    spent_on_accepted: Decimal
    spent_on_rejected: Decimal
    spent_on_abandoned: Decimal
    net: Decimal | None
    mean_cost: Decimal | None
    mean_reference: Decimal | None
    whole: Means | None
    dropped: Means | None

    @property
    def accept_rate(self) -> float | None:
        """The share of the tries that was accepted, 0..1, or None without tries."""
        decided = self.tries - self.abandoned
        return self.accepted / decided if decided else None

    @property
    def climb_rate(self) -> float | None:
        """The share of the tries after which the request climbed, 0..1, or None without tries."""
        rate = self.accept_rate
        return None if rate is None else 1 - rate

    @property
    def break_even(self) -> float | None:
        """The climb rate above which the rung loses money; None where a price is unknown.

        1 - c/R, for a try's mean cost c and the mean reference R: each try costs c, and each that
        is accepted saves R. Zero or less: it loses however few climb.
        """
        if self.mean_cost is None or not self.mean_reference:
            return None
        return float(1 - self.mean_cost / self.mean_reference)

    @property
    def loses(self) -> bool:
        """Whether the route would have cost less without this rung."""
        return not self.last and self.net is not None and self.net < 0

    @property
    def spared(self) -> Means | None:
        """What early drop saved, estimated; None where there is nothing to compare.

        What a dropped answer would have taken is unknown: the rung's whole answers stand for it.
        """
        if self.whole is None or self.dropped is None:
            return None
        return Means(
            self.early * (self.whole.output_tokens - self.dropped.output_tokens),
            self.early * (self.whole.seconds - self.dropped.seconds),
        )


def rungs(database: Engine, since: float | None = None, route: str | None = None) -> list[Rung]:
    """The rungs tried since a moment (seconds since 1970; None: ever), by route, lowest first.

    ``since`` counts as in ``savings``. Raises DatabaseUnavailable where the database fails.
    """
    key = tries.c.route, tries.c.rung, tries.c.model, tries.c.role, tries.c.verdict
    query = select(*key, *sums_of(tries, _COUNTS, _AMOUNTS)).group_by(*key)
    if since is not None:
        query = query.where(tries.c.bucket >= first_bucket(since))
    if route is not None:
        query = query.where(tries.c.route == route)
    groups: dict[tuple[str, int], _Group] = {}
    try:
        with database.connect() as connection:
            for row in connection.execute(query):
                name, rung, model, role, verdict = row[: len(key)]
                sums = Sums(**read_sums(_COUNTS, _AMOUNTS, row[len(key) :]))
                groups.setdefault((name, rung), _Group()).add(model, role, verdict, sums)
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(f"The ledger cannot be read: {error}") from error
    return _rungs(groups)


def break_even(cheap: Price | None, strong: Price | None, usage: Usage) -> float | None:
    """The climb rate above which a rung loses, by the prices alone and without any grading.

    None where a price is unknown. ``usage`` is that of a typical call.
    """
    if cheap is None or strong is None:
        return None
    reference = strong.cost(usage)
    return float(1 - cheap.cost(usage) / reference) if reference else None


def _by_fate() -> dict[str, Sums]:
    return {fate: Sums() for fate in (ACCEPTED, REJECTED, ABANDONED)}


class _Group(Struct):
    """One rung's sums: answers and gradings by what became of the answer, and whole answers."""

    models: Counter[str] = field(default_factory=Counter[str])
    answers: dict[str, Sums] = field(default_factory=_by_fate)
    gradings: dict[str, Sums] = field(default_factory=_by_fate)
    whole: Sums = field(default_factory=Sums)

    def add(self, model: str, role: str, verdict: str, sums: Sums) -> None:
        fate = verdict if verdict in (ACCEPTED, ABANDONED) else REJECTED
        if role != "answer":
            self.gradings[fate].add(sums)
            return
        self.answers[fate].add(sums)
        self.models[model] += sums.tries
        if verdict not in _BROKEN_OFF:
            self.whole.add(sums)

    @property
    def decided(self) -> list[Sums]:
        """Answers and gradings whose clients stayed."""
        return [s[fate] for s in (self.answers, self.gradings) for fate in (ACCEPTED, REJECTED)]

    @property
    def net(self) -> Decimal | None:
        accepted = self.answers[ACCEPTED]
        if accepted.tries and accepted.tries == accepted.unpriced:
            return None
        if not self.priced_tries:
            return None
        return accepted.reference_cost - self.priced_cost

    @property
    def priced_tries(self) -> int:
        answers = self.answers[ACCEPTED], self.answers[REJECTED]
        return sum(each.tries - each.unpriced for each in answers)

    @property
    def priced_cost(self) -> Decimal:
        return sum((sums.priced_cost for sums in self.decided), ZERO)

    def spent(self, fate: str) -> Decimal:
        return self.answers[fate].cost + self.gradings[fate].cost


def _rungs(groups: dict[tuple[str, int], _Group]) -> list[Rung]:
    tops: dict[str, int] = {}
    for route, rung in groups:
        tops[route] = max(rung, tops.get(route, 0))
    references = {
        route: _mean_reference(group for (name, _), group in groups.items() if name == route)
        for route in tops
    }
    return [
        _rung(route, rung, group, last=rung == tops[route], reference=references[route])
        for (route, rung), group in sorted(groups.items(), key=lambda item: item[0])
    ]


def _rung(route: str, rung: int, group: _Group, *, last: bool, reference: Decimal | None) -> Rung:
    answers, priced = _added(group.answers.values()), group.priced_tries
    gradings = _added(group.gradings.values())
    return Rung(
        route=route,
        rung=rung,
        model=group.models.most_common(1)[0][0] if group.models else "",
        last=last,
        tries=answers.tries,
        accepted=group.answers[ACCEPTED].tries,
        abandoned=group.answers[ABANDONED].tries,
        early=answers.early,
        gradings=gradings.tries,
        estimated=answers.estimated + gradings.estimated,
        unpriced=answers.unpriced + gradings.unpriced,
        spent_on_accepted=group.spent(ACCEPTED),
        spent_on_rejected=group.spent(REJECTED),
        spent_on_abandoned=group.spent(ABANDONED),
        net=group.net,
        mean_cost=group.priced_cost / priced if priced else None,
        mean_reference=_mean_reference([group]) or reference,
        whole=_means(
            group.whole.tries - group.whole.early,
            group.whole.output_tokens - group.whole.early_output_tokens,
            group.whole.milliseconds - group.whole.early_milliseconds,
        ),
        dropped=_means(answers.early, answers.early_output_tokens, answers.early_milliseconds),
    )


def _added(parts: Iterable[Sums]) -> Sums:
    whole = Sums()
    for part in parts:
        whole.add(part)
    return whole


def _mean_reference(groups: Iterable[_Group]) -> Decimal | None:
    """Of one accepted answer."""
    accepted = _added(group.answers[ACCEPTED] for group in groups)
    priced = accepted.tries - accepted.unpriced
    return accepted.reference_cost / priced if priced else None


def _means(tries: int, output_tokens: int, milliseconds: int) -> Means | None:
    return Means(output_tokens / tries, milliseconds / 1000 / tries) if tries else None
