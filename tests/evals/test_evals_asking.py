"""Asking in bulk: once each, so many at once, within the budget, and stopped in good order."""

import asyncio
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct, json, structs

from stepdown.errors import ConfigError, NoDeployment, UnknownModel, UpstreamDenied, UpstreamFailed
from stepdown.evals.asking import Answer, Asker
from stepdown.evals.budget import Budget, OutOfBudget
from stepdown.evals.stopping import Stop, Stopped
from stepdown.evals.store import Store
from stepdown.ports import Fleet as AnyFleet
from stepdown.providers.fleet import Fleet as RealFleet
from stepdown.providers.settings import FleetSettings
from stepdown.requests import request_of
from stepdown.types import Request, Timeouts, Usage, Wait
from support import chat
from support.fleets import deployment
from support.scripted import Fleet, Reply, TokenPrice, Upstream, Words

D = Decimal
IDENTITIES: Mapping[str, str] = {"cheap": "x @ here", "alias": "x @ here", "strong": "y @ here"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answers.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as opened:
        yield opened


def asked(text: str = "Hello?", **fields: Any) -> Request:
    return request_of(
        {"model": "auto", "messages": [{"role": "user", "content": text}], **fields}, id="row"
    )


def asker(fleet: AnyFleet, store: Store, **options: Any) -> Asker:
    return Asker(fleet, store, options.pop("identity", IDENTITIES.__getitem__), **options)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def within_time() -> None:
        async with asyncio.timeout(20):
            await test()

    asyncio.run(within_time())


class Held(Upstream):
    """Holds every call until it is let go; ``most`` is how many were under way at once."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.go = asyncio.Event()
        self.under_way = self.most = self.finished = 0

    async def send(self, body: bytes, *, stream: bool, timeouts: Timeouts) -> Reply:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.go.wait()
            self.finished += 1
        finally:
            self.under_way -= 1
        return await super().send(body, stream=stream, timeouts=timeouts)


async def settle() -> None:
    """Let everything that can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


# ── Once each ────────────────────────────────────────────────────────────────────────────────


def test_a_second_run_asks_nobody_and_says_the_same(path: Path) -> None:
    upstream = Upstream("cheap", Words("a b c"), UpstreamFailed("No."))

    async def ask() -> tuple[list[Answer], Asker]:
        with Store(path) as store:
            async with asker(Fleet(cheap=upstream), store) as made:
                return [await made.ask("cheap", asked(text)) for text in ("one", "two")], made

    first, asked_first = asyncio.run(ask())
    second, asked_second = asyncio.run(ask())
    good, bad = first
    assert good.choice is not None
    assert (good.choice.text, good.usage, good.error) == ("abc", Usage(input=19, output=3), None)
    assert (good.cost, good.cached, good.seconds > 0) == (D("0.22"), False, True)
    assert (bad.choice, bad.cost, bad.error) == (None, None, "upstream_failed: No.")
    assert second == [structs.replace(each, cached=True) for each in first]
    assert len(upstream.asked) == 2
    spent = asked_first.spent
    assert (spent.calls, spent.from_cache, spent.failed, spent.cost) == (2, 0, 1, D("0.22"))
    spent = asked_second.spent
    assert (spent.calls, spent.from_cache, spent.failed, spent.cost) == (0, 2, 1, D(0))


def test_answers_are_priced_as_of_today(store: Store) -> None:
    fleet = Fleet(cheap=Upstream("cheap"))

    async def test() -> None:
        assert (await asker(fleet, store).ask("cheap", asked())).cost == D("0.20")
        fleet.endpoints["cheap"] = structs.replace(
            fleet.endpoints["cheap"], price=TokenPrice("0.05")
        )
        again = await asker(fleet, store).ask("cheap", asked())
        assert (again.cached, again.cost) == (True, D("1.00"))

    run(test)


def test_the_same_name_elsewhere_and_another_salt_are_asked_anew(store: Store) -> None:
    upstream = Upstream("cheap")

    async def test() -> None:
        for options in (
            {},
            {"identity": lambda model: "x @ there"},
            {"salt": "run-2"},
            {"salt": "run-2"},
        ):
            await asker(Fleet(cheap=upstream), store, **options).ask("cheap", asked())

    run(test)
    assert len(upstream.asked) == 3


def test_identical_calls_under_way_are_one_call(store: Store) -> None:
    upstream = Upstream("cheap", Words("once", steps=[0.01]))

    async def test() -> None:
        async with asker(Fleet(cheap=upstream), store) as made:
            calls = [made.ask("cheap", asked(metadata={"row": number})) for number in range(5)]
            answers = await asyncio.gather(*calls)
        assert [answer.cached for answer in answers] == [False, True, True, True, True]
        assert {answer.choices for answer in answers} == {answers[0].choices}
        spent = made.spent
        assert (spent.calls, spent.from_cache, spent.cost) == (1, 4, D("0.20"))

    run(test)
    assert len(upstream.asked) == 1


def test_samples_of_one_request_are_calls_of_their_own(store: Store) -> None:
    upstream = Upstream("cheap", *map(Words, "abcd"))

    async def test() -> None:
        made = asker(Fleet(cheap=upstream), store)
        answer = await made.ask("cheap", asked())
        samples = [await made.ask("cheap", asked(), "sample", number) for number in range(3)]
        again = [await made.ask("cheap", asked(), "sample", number) for number in range(3)]
        texts = [each.choices[0].text for each in (answer, *samples)]
        assert texts == ["a", "b", "c", "d"]
        assert [each.choices for each in again] == [each.choices for each in samples]

    run(test)


def test_judges_are_counted_apart(store: Store) -> None:
    async def test() -> None:
        made = asker(Fleet(cheap=Upstream("cheap"), strong=Upstream("strong")), store)
        await made.ask("cheap", asked())
        await made.ask("strong", asked(), "judge")
        spent = made.spent
        assert (spent.calls, spent.judge_calls) == (1, 1)
        assert (spent.cost, spent.judge_cost) == (D("0.20"), D("2.00"))

    run(test)


def test_so_many_at_once(store: Store) -> None:
    async def test() -> None:
        upstream = Held("cheap")
        async with asker(Fleet(cheap=upstream), store, concurrency=3) as made:
            calls = [asyncio.ensure_future(made.ask("cheap", asked(str(row)))) for row in range(10)]
            await settle()
            assert upstream.under_way == 3
            upstream.go.set()
            await asyncio.gather(*calls)
        assert (upstream.finished, upstream.most) == (10, 3)

    run(test)


# ── What is not kept ─────────────────────────────────────────────────────────────────────────


def test_what_the_configuration_is_to_blame_for_is_asked_again(store: Store) -> None:
    upstream = Upstream("cheap", UpstreamDenied("No such key."), Words("fine"))

    async def test() -> None:
        made = asker(Fleet(cheap=upstream), store)
        assert (await made.ask("cheap", asked())).error == "upstream_denied: No such key."
        assert (await made.ask("cheap", asked())).error is None

    run(test)


def test_a_prompt_that_fits_no_window_is_a_failure_that_costs_nothing(store: Store) -> None:
    upstream = Upstream("cheap")
    fleet = RealFleet([structs.replace(deployment("d", max_input_tokens=5), upstream=upstream)])

    async def test() -> None:
        made = asker(fleet, store, identity=str)
        for _ in range(2):
            answer = await made.ask("m", asked("many words " * 50))
            assert answer.error is not None
            assert answer.error.startswith("context_length_exceeded: The prompt has about")
        assert (made.spent.calls, made.spent.from_cache, made.spent.failed) == (0, 0, 2)

    run(test)
    assert upstream.asked == []


def test_a_cooldown_fails_no_call_that_was_not_made(store: Store) -> None:
    """One failure cools the only deployment down; the others wait for it instead of failing."""
    upstream = Upstream("cheap", UpstreamFailed("No."))
    settings = FleetSettings(num_retries=0, allowed_fails=0, cooldown_time=0.2, deadline=0.01)
    fleet = RealFleet([structs.replace(deployment("d"), upstream=upstream)], settings)

    async def test() -> None:
        async with asker(fleet, store, identity=str, concurrency=1) as made:
            answers = await asyncio.gather(*(made.ask("m", asked(str(row))) for row in range(4)))
        errors = [answer.error for answer in answers]
        assert errors == ["upstream_failed: No.", None, None, None]
        assert (made.spent.calls, made.spent.failed) == (4, 1)

    run(test)
    assert len(upstream.asked) == 4


def test_who_waits_for_a_cooldown_can_be_stopped(store: Store) -> None:
    upstream = Upstream("cheap", UpstreamFailed("No."))
    settings = FleetSettings(num_retries=0, allowed_fails=0, cooldown_time=600, deadline=0.01)
    fleet = RealFleet([structs.replace(deployment("d"), upstream=upstream)], settings)

    async def test() -> None:
        stop = Stop()
        async with asker(fleet, store, identity=str, stop=stop) as made:
            await made.ask("m", asked("one"))
            waiting = asyncio.ensure_future(made.ask("m", asked("two")))
            await settle()
            stop.request("Enough.")
            with pytest.raises(Stopped, match=r"^Enough\.$"):
                await waiting

    run(test)
    assert len(upstream.asked) == 1


class Full(Fleet):
    """Has nobody to ask at first, and takes a moment to say so."""

    full = True

    def attempts(self, request: Any, model: str, *, alone: bool = False) -> Any:
        if not self.full:
            return super().attempts(request, model, alone=alone)
        return self._refuse()

    def _refuse(self) -> Generator[Wait]:
        yield Wait(0.02)
        self.full = False
        error = NoDeployment("Full.")
        error.retry_after = 0.01
        raise error


@pytest.mark.parametrize("gone", [False, True])
def test_a_call_that_was_never_made_is_made_later_for_who_still_waits(
    store: Store, gone: bool
) -> None:
    upstream = Upstream("cheap")

    async def test() -> None:
        fleet = Full(cheap=upstream)
        made = asker(fleet, store)
        waiting = asyncio.ensure_future(made.ask("cheap", asked()))
        await settle()
        if gone:
            waiting.cancel()
            await asyncio.sleep(0.2)
        else:
            assert (await waiting).error is None

    run(test)
    assert len(upstream.asked) == (0 if gone else 1)


class Falling(Fleet):
    """Every call of any model goes to ``strong``."""

    def attempts(self, request: Any, model: str, *, alone: bool = False) -> Any:
        return super().attempts(request, "strong", alone=alone)


def test_another_models_answer_is_a_failure(store: Store) -> None:
    fleet = Falling(cheap=Upstream("cheap"), strong=Upstream("strong"))

    async def test() -> None:
        made = asker(fleet, store)
        for cached in (False, True):
            answer = await made.ask("cheap", asked())
            assert answer.error == "upstream_failed: It was answered by strong, not cheap."
            assert (answer.choices, answer.cost, answer.cached) == ((), None, cached)
        assert made.spent.cost == D("2.00")

    run(test)


def test_an_alias_is_answered_by_its_model(store: Store) -> None:
    upstream = Upstream("cheap")
    fleet = RealFleet(
        [structs.replace(deployment("d", model="cheap"), upstream=upstream)],
        FleetSettings(aliases={"alias": "cheap"}),
    )

    async def test() -> None:
        assert (await asker(fleet, store).ask("alias", asked())).error is None

    run(test)


# ── The budget ───────────────────────────────────────────────────────────────────────────────


class Costly(Upstream):
    """Uses as many output tokens as the request allows, less some for every other prompt."""

    async def send(self, body: bytes, *, stream: bool, timeouts: Timeouts) -> Reply:
        seen = json.decode(body)
        self.asked.append(seen)
        row = int(seen["messages"][0]["content"])
        await asyncio.sleep(0.001 * (row % 3))
        used = seen["max_tokens"] - (row % 2) * 60
        return Reply(chat.completion("x", "fine", prompt_tokens=9, completion_tokens=used))


@pytest.mark.parametrize("limit", ["3.00", "10.00", "33.33"])
def test_a_budget_is_used_and_never_overspent(store: Store, limit: str) -> None:
    upstream = Costly("cheap")

    async def test() -> None:
        budget = Budget(D(limit))
        async with asker(Fleet(cheap=upstream), store, budget=budget) as made:
            calls = (made.ask("cheap", asked(str(row), max_tokens=100)) for row in range(200))
            ended = await asyncio.gather(*calls, return_exceptions=True)
        refused = [each for each in ended if isinstance(each, OutOfBudget)]
        answers = [each for each in ended if isinstance(each, Answer)]
        assert len(refused) + len(answers) == 200
        assert len(answers) == len(upstream.asked) == made.spent.calls
        assert budget.spent == made.spent.cost <= budget.limit
        assert budget.limit - budget.spent < D("1.25")  # what the next call may have cost

    run(test)


def test_what_is_known_costs_nothing_of_a_budget(store: Store) -> None:
    async def test() -> None:
        fleet = Fleet(cheap=Upstream("cheap"))
        await asker(fleet, store).ask("cheap", asked())
        made = asker(fleet, store, budget=Budget(D("0.01")))
        assert (await made.ask("cheap", asked())).cached
        with pytest.raises(OutOfBudget):
            await made.ask("cheap", asked("another"))

    run(test)


def test_models_are_checked_beforehand(store: Store) -> None:
    fleet = Fleet(cheap=Upstream("cheap"), strong=Upstream("strong"))
    fleet.endpoints["strong"] = structs.replace(fleet.endpoints["strong"], price=None)

    async def test() -> None:
        asker(fleet, store).check(["cheap", "strong"])
        made = asker(fleet, store, budget=Budget(D(1)))
        made.check(["cheap"])
        with pytest.raises(ConfigError) as caught:
            made.check(["cheap", "strong", "sheap"])
        unpriced, unknown = caught.value.problems
        assert unpriced.startswith("budget: the price of 'strong' is unknown")
        assert unknown == "there is no model 'sheap' that can be asked. Did you mean 'cheap'?"
        with pytest.raises(ConfigError):
            await made.ask("strong", asked())
        with pytest.raises(UnknownModel):
            await asker(fleet, store, identity=str).ask("sheap", asked())

    run(test)


# ── Stopping ─────────────────────────────────────────────────────────────────────────────────


class Started(Struct):
    """Ten rows asked three at once, each held at the upstream."""

    upstream: Held
    asker: Asker
    stop: Stop
    calls: "list[asyncio.Task[Answer]]"


async def started(store: Store) -> Started:
    upstream, stop = Held("cheap"), Stop()
    made = asker(Fleet(cheap=upstream), store, concurrency=3, stop=stop)
    calls = [asyncio.ensure_future(made.ask("cheap", asked(str(row)))) for row in range(10)]
    await settle()
    return Started(upstream, made, stop, calls)


async def known(store: Store) -> list[str]:
    """The rows that a later run need not ask."""
    stopped = Stop()
    stopped.request("Only what is known.")
    made = asker(Fleet(cheap=Upstream("cheap")), store, stop=stopped)
    found: list[str] = []
    for row in range(10):
        try:
            await made.ask("cheap", asked(str(row)))
        except Stopped:
            continue
        found.append(str(row))
    return found


def test_a_stop_finishes_what_has_begun_and_begins_nothing(store: Store) -> None:
    async def test() -> None:
        run = await started(store)
        run.stop.request("Enough.")
        run.upstream.go.set()
        ended = await asyncio.gather(*run.calls, return_exceptions=True)
        assert [isinstance(each, Stopped) for each in ended] == [False] * 3 + [True] * 7
        assert str(ended[-1]) == "Enough."
        assert await known(store) == ["0", "1", "2"]

    run(test)


def test_who_waits_for_money_when_a_stop_comes_is_not_asked_for(store: Store) -> None:
    async def test() -> None:
        upstream, stop = Held("cheap"), Stop()
        budget = Budget(D("1.50"))  # covers one call at a time
        async with asker(Fleet(cheap=upstream), store, budget=budget, stop=stop) as made:
            one, two = (
                asyncio.ensure_future(made.ask("cheap", asked(text, max_tokens=100)))
                for text in ("one", "two")
            )
            await settle()
            stop.request("Enough.")
            upstream.go.set()
            assert (await one).error is None
            with pytest.raises(Stopped):
                await two
        assert (upstream.finished, budget.spent) == (1, made.spent.cost)
        await budget.reserve(budget.limit - budget.spent)

    run(test)


def test_breaking_off_gives_up_what_has_begun(store: Store) -> None:
    async def test() -> None:
        run = await started(store)
        run.stop.break_off("Enough.")
        ended = await asyncio.gather(*run.calls, return_exceptions=True)
        assert [str(each) for each in ended] == ["Enough."] * 10
        assert all(isinstance(each, Stopped) for each in ended)
        assert run.upstream.under_way == 0
        assert (run.asker.spent.calls, run.asker.spent.unpriced) == (3, 3)
        assert await known(store) == []

    run(test)


def test_calls_that_have_begun_outlive_whoever_asked(store: Store) -> None:
    async def test() -> None:
        run = await started(store)
        async with run.asker:
            for call in run.calls:
                call.cancel()
            await asyncio.wait(run.calls)
            run.upstream.go.set()
        assert run.upstream.finished == 3
        assert await known(store) == ["0", "1", "2"]

    run(test)


def test_an_answer_that_others_wait_for_is_still_asked_for(store: Store) -> None:
    async def test() -> None:
        run = await started(store)
        other = asyncio.ensure_future(run.asker.ask("cheap", asked("9")))
        await settle()
        run.calls[9].cancel()
        run.upstream.go.set()
        assert (await other).error is None

    run(test)


def test_leaving_by_a_cancellation_gives_up_what_has_begun(store: Store) -> None:
    async def test() -> None:
        run = await started(store)

        async def leave() -> None:
            async with run.asker:
                await asyncio.sleep(600)

        leaving = asyncio.ensure_future(leave())
        await settle()
        leaving.cancel()
        await asyncio.wait([leaving])
        await asyncio.wait(run.calls)
        assert leaving.cancelled()
        assert run.upstream.under_way == 0
        assert await known(store) == []

    run(test)


def test_a_cancellation_while_it_waits_for_them_gives_them_up(store: Store) -> None:
    async def test() -> None:
        run = await started(store)

        async def leave() -> None:
            async with run.asker:
                for call in run.calls:
                    call.cancel()

        leaving = asyncio.ensure_future(leave())
        await settle()
        assert (leaving.done(), run.upstream.under_way) == (False, 3)
        leaving.cancel()
        await asyncio.wait([leaving])
        assert leaving.cancelled()
        assert run.upstream.under_way == 0

    run(test)


def test_what_another_process_has_asked_meanwhile_is_not_asked(path: Path, store: Store) -> None:
    async def test() -> None:
        run = await started(store)
        with Store(path) as other:
            await asker(Fleet(cheap=Upstream("cheap")), other).ask("cheap", asked("9"))
        run.upstream.go.set()
        answers = await asyncio.gather(*run.calls)
        assert [answer.cached for answer in answers] == [False] * 9 + [True]
        assert (run.upstream.finished, run.asker.spent.from_cache) == (9, 1)

    run(test)
