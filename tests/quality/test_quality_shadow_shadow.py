"""Shadows beside requests that are really answered: which become pairs, and why others do not."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from stepdown.cascade.plan import Cascade, Cascades
from stepdown.cascade.validators.base import Base
from stepdown.errors import StepdownError, UpstreamFailed
from stepdown.pipeline import Pipeline
from stepdown.quality.judges.pairwise import Pairwise
from stepdown.quality.pairs import Pair
from stepdown.quality.shadow.admission import Room
from stepdown.quality.shadow.money import DayBudget
from stepdown.quality.shadow.sampling import Rates, sampled
from stepdown.quality.shadow.shadow import Shadow
from stepdown.quality.shadow.terms import Shadowed, ShadowTerms
from stepdown.routing.guarded import Guarded
from stepdown.types import Choice, Decision, Journey, Reading, Request
from support.journeys import make_journey
from support.scripted import SILENCE, Book, Ear, Fleet
from support.shadows import (
    ALL,
    LADDER,
    Deciding,
    Model,
    Record,
    asked,
    fleet_of,
    of_tenant,
    run,
    shadow_of,
)

D = Decimal
JSON: dict[str, Any] = {"response_format": {"type": "json_object"}}
LOW = Decision("easy", "cheap", 0, policy="p1")
HELD = Decision("easy", "strong", 1, policy="p1", held=0)
STRONG = Decision("default", "strong", 1, policy="p1")
ONE = '{"a": 1}'
TWO = '{"a": 2}'


class Site:
    """A gateway with shadows; what is given here besides is for the shadow."""

    def __init__(
        self,
        decision: Decision = LOW,
        fleet: Fleet | None = None,
        *,
        cascades: Mapping[str, Cascades] | None = None,
        readings: Mapping[str, Reading] | None = None,
        **given: Any,
    ) -> None:
        self.record = Record()
        self.fleet = fleet or fleet_of(Model(ONE), Model(TWO))
        self.shadow: Shadow = shadow_of(self.fleet, self.record, **given)
        self.route = Deciding(decision=decision, **(readings or {}))
        self.book = Book()
        self.pipeline = Pipeline({"auto": self.route}, self.fleet, self.book, cascades, self.shadow)

    async def ask(self, number: int = 1, ear: Ear | None = None, **fields: Any) -> Ear:
        return await self.put(asked(number, **{**JSON, **fields}), ear)

    async def put(self, request: Request, ear: Ear | None = None) -> Ear:
        ear = ear or Ear()
        await self.pipeline.handle(request, ear)
        return ear

    def went(self, *numbers: int, grace: float = 10.0, **fields: Any) -> "Site":
        """Ask one after the other, and wait for the shadows."""

        async def go() -> None:
            self.shadow.start()
            for number in numbers or (1,):
                await self.ask(number, **fields)
            await self.shadow.aclose(grace)

        run(go)
        return self

    @property
    def pair(self) -> Pair:
        [pair] = self.record.pairs
        return pair

    @property
    def skips(self) -> Mapping[str, int]:
        return self.shadow.status().skips


def rungs(pair: Pair) -> tuple[int, int, int, str, str]:
    return (
        pair.served,
        pair.candidate,
        pair.reference,
        pair.candidate_model,
        pair.reference_model,
    )


GUARDED = {"easy": Guarded("observing", "k1", 3), "default": Guarded("active", "k2", 1)}


@pytest.mark.parametrize(
    ("decision", "expected", "key", "stint"),
    [
        (LOW, (0, 0, 1, "cheap", "strong"), "k1", 3),
        (HELD, (1, 0, 1, "cheap", "strong"), "k1", 3),
        (STRONG, (1, 0, 1, "cheap", "strong"), "", 0),
    ],
)
def test_what_is_compared_and_for_what_it_counts(
    decision: Decision, expected: Any, key: str, stint: int
) -> None:
    site = Site(decision, standing_of=lambda route, rule: GUARDED.get(rule)).went()
    pair = site.pair
    assert rungs(pair) == expected
    assert (pair.key, pair.stint, pair.saver) == (key, stint, "route")
    assert (pair.rule, pair.policy, pair.route) == (decision.name, "p1", "auto")
    assert (pair.regret, pair.candidate_score, pair.reference_score) == (True, 0.0, 1.0)
    assert pair.candidate_cost == 26 * D("0.01")
    assert pair.reference_cost == 26 * D("0.10")
    assert site.record.counts == {"sampled": 1, "paired": 1}


def test_a_pair_says_where_it_is_from() -> None:
    async def go(site: Site) -> None:
        site.shadow.start()
        request = asked(7, **JSON, metadata={"tags": ["b", "a"]})
        await site.put(of_tenant(request, "shop"))
        await site.shadow.aclose(10.0)

    rates = Rates(rate=0.0, observe_rate=0.0, tags={"a": 1.0})
    readings = {"tokens": Reading(12), "task": Reading(frozenset({"classify"}))}
    site = Site(shadowed=Shadowed(LADDER, rates), readings=readings)
    run(lambda: go(site))
    pair = site.pair
    assert (pair.id, pair.tenant, pair.tags) == ("sd-7", "shop", ("a", "b"))
    assert (pair.propensity, pair.time) == (1.0, site.book.journeys[0].time)
    assert pair.readings == {"tokens": 12, "task": frozenset({"classify"})}


def test_streams_are_shadowed_too_and_reach_the_client_as_they_are() -> None:
    async def go(site: Site) -> bytes:
        site.shadow.start()
        heard = (await site.ask(stream=True)).heard
        await site.shadow.aclose(10.0)
        return heard

    plain, watched = Site(shadowed=Shadowed(LADDER, Rates(0.0, 0.0))), Site()
    heard = [asyncio.run(go(site)) for site in (plain, watched)]
    assert heard[0] == heard[1] != b""
    assert plain.record.pairs == []
    assert watched.pair.regret is True


def test_nobody_waits_for_a_shadow() -> None:
    site = Site(fleet=fleet_of(Model(ONE), Model(TWO, SILENCE)))
    site.went(grace=0.0)
    assert site.book.journeys[0].outcome == "answered"
    assert site.record.counts == {"sampled": 1, "stopped": 1}
    assert site.fleet.endings[0] is None


def test_what_a_shadow_costs_is_not_the_clients() -> None:
    site = Site().went()
    [journey] = site.book.journeys
    assert [each.model for each in journey.attempts] == ["cheap"]
    assert journey.cost == 26 * D("0.01")
    assert site.record.costs["paired"] == 26 * D("0.10")
    assert site.shadow.status().spent == 26 * D("0.10")


def test_judges_are_counted_and_paid_for_apart() -> None:
    fleet = fleet_of(Model("words"), Model("other words"), judge=Model('{"better": "tie"}'))
    site = Site(fleet=fleet, scorers=[Pairwise("judge")]).went(response_format=None)
    assert (site.pair.regret, site.pair.scorer) == (False, "judge")
    assert site.record.counts == {"sampled": 1, "paired": 1, "judged": 2}
    spent = 2 * 26 * D("0.10")
    assert site.pair.judge_cost == site.record.costs["judged"] == spent
    assert site.shadow.status().judges_spent == spent


# ── Sampling ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_only_the_clients_of_sampled_requests_are_listened_to(rate: float) -> None:
    site = Site(shadowed=Shadowed(LADDER, Rates(rate, rate)))

    async def go() -> None:
        site.shadow.start()
        journey, ear = make_journey(), Ear()
        journey.decision = LOW
        assert (site.shadow.listen(journey, ear) is ear) == (rate == 0.0)
        site.shadow.offer(journey)
        await site.shadow.aclose()

    run(go)
    assert site.record.counts.get("sampled", 0) == rate


def test_the_same_requests_are_sampled_by_every_replica_and_after_a_retry() -> None:
    rates = Shadowed(LADDER, Rates(0.3, 0.3))
    sites = [Site(shadowed=rates).went(*range(60)) for _ in range(2)]
    ids = [[pair.id for pair in site.record.pairs] for site in sites]
    wanted = [f"sd-{number}" for number in range(60) if sampled(f"sd-{number}", 0.3)]
    assert sorted(ids[0]) == sorted(ids[1]) == sorted(wanted)
    assert {pair.propensity for pair in sites[0].record.pairs} == {0.3}


@pytest.mark.parametrize(
    ("decision", "state", "propensity"),
    [(HELD, "observing", 0.9), (HELD, "tripped", 0.5), (LOW, "active", 0.5), (STRONG, None, 0.2)],
)
def test_the_state_and_the_kind_of_decision_say_how_many(
    decision: Decision, state: Any, propensity: float
) -> None:
    guarded = None if state is None else Guarded(state, "k")
    rates = Rates(rate=0.5, observe_rate=0.9, upgrade_rate=0.2)
    site = Site(decision, shadowed=Shadowed(LADDER, rates), standing_of=lambda route, rule: guarded)
    site.went(*range(40))
    wanted = {f"sd-{number}" for number in range(40) if sampled(f"sd-{number}", propensity)}
    assert {pair.id for pair in site.record.pairs} == wanted
    assert {pair.propensity for pair in site.record.pairs} == {propensity}


def test_the_guard_counts_as_it_was_when_the_request_was_decided() -> None:
    states = {"easy": Guarded("active", "k", 1)}
    site = Site(
        fleet=fleet_of(Model(ONE, "pause"), Model(TWO)),
        standing_of=lambda route, rule: states.get(rule),
    )

    async def go() -> None:
        site.shadow.start()
        answering = asyncio.ensure_future(site.ask())
        await asyncio.sleep(0)
        states["easy"] = Guarded("observing", "k", 2)
        await answering
        await site.shadow.aclose(10.0)

    run(go)
    assert site.pair.stint == 1


@pytest.mark.parametrize("model", ["cheap", "strong"])
def test_requests_outside_of_shadowed_routes_are_not(model: str) -> None:
    site = Site()
    run_direct(site, model)
    assert site.record.counts == {}
    assert site.shadow.status().under_way == 0
    alone = Site(shadowed=Shadowed(("cheap",), ALL)).went()
    assert alone.record.counts == {}


def run_direct(site: Site, model: str) -> None:
    async def go() -> None:
        site.shadow.start()
        request = asked()
        request.route = model
        await site.put(request)
        await site.shadow.aclose(10.0)

    run(go)


# ── Skips ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"metadata": {"tags": ["no-shadow"]}}, "no_shadow"),
        ({"store": True}, "provider_state"),
        ({"messages": [{"role": "user", "content": "x" * 500}]}, "too_large"),
    ],
)
def test_excluded_requests_are_counted(fields: Any, reason: str) -> None:
    site = Site(terms=ShadowTerms(room=Room(most_request=400))).went(**fields)
    assert site.record.counts == {"sampled": 1, reason: 1}
    assert site.record.pairs == []


def test_a_request_that_failed_is_counted() -> None:
    site = Site(fleet=fleet_of(Model(UpstreamFailed("No.")), Model(TWO)))
    with pytest.raises(StepdownError):
        site.went()
    assert site.record.counts == {"sampled": 1, "failed": 1}
    assert site.shadow.status().under_way == 0


def test_a_client_that_went_away_is_counted() -> None:
    site = Site()

    async def go() -> None:
        site.shadow.start()
        with pytest.raises(asyncio.CancelledError):
            await site.ask(ear=Ear(asyncio.CancelledError()), stream=True)
        await site.shadow.aclose(10.0)

    run(go)
    assert site.record.counts == {"sampled": 1, "cancelled": 1}


def test_an_answer_of_another_model_is_counted() -> None:
    fleet = fleet_of(Model(ONE), Model(TWO))
    fleet.endpoints["cheap"].model = "other"
    assert Site(fleet=fleet).went().skips == {"fallback": 1}
    named = Site(fleet=fleet, named=lambda name: {"cheap": "other"}.get(name, name)).went()
    assert named.pair.regret is True


def test_a_full_queue_leaves_out_the_newest() -> None:
    terms = ShadowTerms(concurrency=1, room=Room(items=3))
    site = Site(fleet=fleet_of(Model(ONE), Model(TWO, SILENCE)), terms=terms)
    site.went(*range(5), grace=0.0)
    assert site.record.counts == {"sampled": 5, "queue_full": 2, "stopped": 3}


def test_so_many_a_minute() -> None:
    site = Site(terms=ShadowTerms(room=Room(rpm=2))).went(*range(5))
    assert site.record.counts == {"sampled": 5, "paired": 2, "rate_limited": 3}


def test_the_days_money_is_not_overspent() -> None:
    budget = DayBudget(D(250))
    site = Site(fleet=fleet_of(Model(ONE), Model(TWO, SILENCE)), budget=budget)
    site.went(*range(4), grace=0.0)
    assert site.record.counts == {"sampled": 4, "budget": 2, "stopped": 2}
    assert 200 < budget.spent <= 250


def test_the_judges_money_is_set_aside_whether_or_not_it_will_be_needed() -> None:
    for said in (ONE, TWO):
        fleet = fleet_of(Model(ONE), Model(said))
        site = Site(fleet=fleet, judge_budget=DayBudget(D(1)), scorers=[Pairwise("strong")])
        assert site.went(1, 2).skips == {"judge_budget": 2}


class Patient(Ear):
    """A client that takes its answer when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = asyncio.Event()
        self.may_go = asyncio.Event()

    async def answer(self, journey: Journey, body: bytes) -> None:
        self.waits.set()
        await self.may_go.wait()
        await super().answer(journey, body)


def test_under_load_nothing_is_sampled_and_no_shadow_begins() -> None:
    strong = Model(TWO)
    site = Site(fleet=fleet_of(Model(ONE), strong), terms=ShadowTerms(pause_in_flight=1))
    clients = [Patient() for _ in range(4)]

    async def go() -> None:
        site.shadow.start()
        asks = []
        for number, client in enumerate(clients):
            asks.append(asyncio.ensure_future(site.ask(number, client)))
            await client.waits.wait()
        assert site.skips == {"paused": 3}
        clients[0].may_go.set()
        await asks[0]
        await asyncio.sleep(0.01)
        status = site.shadow.status()
        assert (status.paused, status.under_way, status.paired) == (True, 3, 0)
        assert strong.asked == []
        for client in clients[1:]:
            client.may_go.set()
        await asyncio.gather(*asks)
        await site.shadow.aclose(10.0)

    run(go)
    assert site.record.counts == {"sampled": 4, "paused": 3, "paired": 1}
    assert not site.shadow.status().paused


# ── Honesty ──────────────────────────────────────────────────────────────────────────────────

answers = st.sampled_from([ONE, TWO, "", "words", "x" * 3_000, '{"a":' * 50])
TIGHT = ShadowTerms(
    concurrency=1,
    room=Room(items=6, size=12_000, rpm=9, most_request=1_000, most_answer=2_000),
)
crowds = st.lists(
    st.tuples(answers, st.sampled_from([1, 700, 1_500]), st.booleans()), min_size=1, max_size=14
)


def outcomes(
    crowd: list[tuple[str, int, bool]], said: list[str], terms: ShadowTerms = TIGHT
) -> dict[str, str]:
    """What became of each request, by its id: why it was skipped, or "pair"."""
    turns = iter(said)
    cheap = Model(lambda body: next(turns))
    site = Site(fleet=fleet_of(cheap, Model(TWO, SILENCE)), terms=terms)
    became: dict[str, str] = {}

    async def go() -> None:
        site.shadow.start()
        for number, (_, size, tagged) in enumerate(crowd):
            before = dict(site.record.counts)
            tags: dict[str, Any] = {"metadata": {"tags": ["no-shadow"]}} if tagged else {}
            messages = [{"role": "user", "content": "x" * size}]
            await site.ask(number, messages=messages, **tags)
            new = {key for key, count in site.record.counts.items() if count != before.get(key, 0)}
            became[f"sd-{number}"] = "".join(new - {"sampled"}) or "pair"
        await site.shadow.aclose()

    run(go)
    return became


@settings(max_examples=40, deadline=None)
@given(crowds, st.data())
def test_whether_a_request_is_skipped_does_not_depend_on_its_answer(
    crowd: list[tuple[str, int, bool]], data: st.DataObject
) -> None:
    said = [answer for answer, _, _ in crowd]
    place = data.draw(st.integers(0, len(crowd) - 1))
    other = [*said[:place], data.draw(answers), *said[place + 1 :]]
    name = f"sd-{place}"
    assert outcomes(crowd, said)[name] == outcomes(crowd, other)[name]


@settings(max_examples=20, deadline=None)
@given(st.lists(answers, min_size=12, max_size=12), st.lists(answers, min_size=12, max_size=12))
def test_where_the_queue_counts_requests_none_depends_on_any_answer(
    one: list[str], other: list[str]
) -> None:
    crowd = [("", 1, False)] * 12
    terms = ShadowTerms(concurrency=1, room=Room(items=6, rpm=9, most_answer=2_000))
    assert outcomes(crowd, one, terms) == outcomes(crowd, other, terms)


@pytest.mark.parametrize(
    ("cheap", "strong", "why"),
    [
        ("x" * 3_000, TWO, "too_large"),
        (b'{"choices":[]}', TWO, "unreadable"),
        (ONE, UpstreamFailed("No."), "shadow_failed"),
        ("words", "other words", "unscored"),
    ],
)
def test_what_cannot_be_scored_is_a_pair_that_says_why(
    cheap: Any, strong: Any, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepdown.quality.shadow.calls.PAUSES", ())
    site = Site(
        fleet=fleet_of(Model(cheap), Model(strong)),
        terms=ShadowTerms(room=Room(most_answer=2_000)),
    )
    free: dict[str, Any] = {"response_format": None} if why == "unscored" else {}
    site.went(**free)
    assert site.pair.regret is None
    assert (site.pair.why or "").startswith(f"{why}: ")
    assert site.record.counts == {"sampled": 1, "paired": 1}
    assert site.shadow.status().unscored == {why: 1}


# ── Cascades ─────────────────────────────────────────────────────────────────────────────────


class Fine(Base):
    """Passes everything but words."""

    name = "fine"

    def check(self, choice: Choice, request: Request) -> str | None:
        return "words" if choice.text == "words" else None


def cascading(cheap: str, decision: Decision = LOW, **cascade: Any) -> Site:
    plan = Cascade(validators=(Fine(),), early_drop=False, **cascade)
    standings = {"cascade": Guarded("active", "kc", 4), **GUARDED}
    return Site(
        decision,
        fleet=fleet_of(Model(cheap), Model(TWO)),
        cascades={"auto": Cascades(plan)},
        standing_of=lambda route, rule: standings.get(rule),
    )


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("rule", "key", "stint"), [("easy", "k1", 3), ("cascade", "kc", 4)])
def test_an_accepted_answer_is_the_evidence_of_what_decided(
    rule: str, key: str, stint: int, stream: bool
) -> None:
    decision = structs.replace(LOW, name=rule)
    pair = cascading(ONE, decision).went(stream=stream).pair
    assert rungs(pair) == (0, 0, 1, "cheap", "strong")
    assert (pair.saver, pair.key, pair.stint, pair.rule) == ("cascade", key, stint, rule)
    assert pair.regret is True


def test_one_that_climbed_saved_nothing() -> None:
    assert cascading("words").went().skips == {"climbed": 1}


def test_a_callers_own_cascade_is_no_evidence_of_the_routes() -> None:
    site = cascading(ONE)

    async def go() -> None:
        site.shadow.start()
        own = Cascade(validators=(Fine(),))
        await site.pipeline.handle(asked(**JSON), Ear(), cascade=own)
        await site.shadow.aclose(10.0)

    run(go)
    assert site.record.counts == {"sampled": 1, "own_cascade": 1}


# ── Its life ─────────────────────────────────────────────────────────────────────────────────


def test_before_it_starts_and_once_it_is_closed_nothing_is_sampled() -> None:
    site = Site()

    async def go() -> None:
        await site.ask(1)
        site.shadow.start()
        await site.ask(2)
        await site.shadow.aclose(10.0)
        await site.ask(3)
        await site.shadow.aclose()

    run(go)
    assert site.pair.id == "sd-2"
    assert site.record.counts == {"sampled": 1, "paired": 1}


def test_what_is_answered_after_the_close_is_counted() -> None:
    cheap = Model(ONE, "pause")
    site = Site(fleet=fleet_of(cheap, Model(TWO)))

    async def go() -> None:
        site.shadow.start()
        answering = asyncio.ensure_future(site.ask())
        await cheap.was_asked.wait()
        await site.shadow.aclose()
        await answering

    run(go)
    assert site.record.counts == {"sampled": 1, "stopped": 1}


def test_every_sampled_request_is_a_pair_or_a_skip() -> None:
    terms = ShadowTerms(concurrency=2, room=Room(items=4, rpm=20))
    site = Site(shadowed=Shadowed(LADDER, Rates(0.8, 0.8)), terms=terms)
    site.went(*range(50))
    status = site.shadow.status()
    assert status.sampled == status.paired + sum(status.skips.values())
    assert status.paired == len(site.record.pairs) > 0
    assert (status.queued, status.running, status.under_way) == (0, 0, 0)


def test_what_fails_here_fails_no_request(caplog: pytest.LogCaptureFixture) -> None:
    def broken(route: str, rule: str) -> Guarded | None:
        raise RuntimeError("no snapshot")

    site = Site(standing_of=broken).went()
    assert site.record.counts == {"error": 1}
    assert site.book.journeys[0].outcome == "answered"
    assert "no snapshot" in caplog.text


def test_a_record_that_fails_stops_no_worker(caplog: pytest.LogCaptureFixture) -> None:
    site = Site(terms=ShadowTerms(concurrency=1))
    put, failures = site.record.put, iter([RuntimeError("away")])

    def fails_once(pair: Pair, texts: Any = None) -> None:
        for failure in failures:
            raise failure
        put(pair, texts)

    site.record.put = fails_once  # type: ignore[method-assign]
    site.went(1, 2)
    assert site.pair.id == "sd-2"
    assert site.record.counts == {"sampled": 2, "error": 1, "paired": 1}
    assert "away" in caplog.text


def test_an_end_without_a_decision_is_none_of_its_business() -> None:
    site = Site()
    run_unknown(site)
    assert site.record.counts == {}
    assert site.shadow.status().under_way == 0


def run_unknown(site: Site) -> None:
    async def go() -> None:
        site.shadow.start()
        request = asked()
        request.route = "nobody"
        with pytest.raises(StepdownError):
            await site.put(request)
        await site.shadow.aclose()

    run(go)
