"""The compressor: when it runs, what it counts, and that it never stands in a request's way."""

import asyncio
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from stepdown.compression import compression as module
from stepdown.compression.compression import Compression, Plan
from stepdown.compression.draft import Draft
from stepdown.compression.shrink import Target
from stepdown.compression.techniques.extract import Extract
from stepdown.compression.techniques.history import History, Pins
from stepdown.compression.techniques.minify import Minify
from stepdown.pricing.price import TokenPrice
from stepdown.types import Decision, Journey, Request, Shrunk, Usage
from support.prompts_to_shrink import document, request, said, tool, user

SPACED = '{\n    "id":    1,\n    "name":    "Ann",\n    "tags":    [1,    2,    3]\n}'
EVEN = TokenPrice(Decimal(1), Decimal(4))
"""A price without a discount for what is cached."""
LOSSY = Plan((Minify(), Extract()), Target(0.5), min_tokens=300)
LONG = request(tool(document(60)), user("Which note speaks of ice?"))
SHORT = request(tool(SPACED), user("Which?"))


def journey(asked: Request) -> Journey:
    return Journey(asked, 0.0, 0.0, decision=Decision("default", "strong"))


def compressor(plan: Plan | None = None, **more: Any) -> Compression:
    return Compression(plan or Plan(), price_of=lambda model: EVEN, **more)


def run(own: Compression, *asked: Request) -> list[Shrunk | None]:
    async def all_of_them() -> list[Shrunk | None]:
        return [await own.compress(journey(each)) for each in asked]

    return asyncio.run(all_of_them())


def test_lossless_by_default() -> None:
    own = compressor()
    assert not own.is_lossy
    [shrunk] = run(own, SHORT)
    assert shrunk is not None
    assert shrunk.request.prompt.messages[0].content == '{"id":1,"name":"Ann","tags":[1,2,3]}'
    assert shrunk.techniques == ("minify",)
    assert shrunk.before > shrunk.after > 0
    assert shrunk.whole(Usage(input=10)).input == 10 + shrunk.before - shrunk.after


def test_where_nothing_can_be_removed_the_request_stays() -> None:
    assert run(compressor(), request(user("Hi"))) == [None]


def test_lossy_ones_run_where_they_are_allowed_and_the_prompt_is_long() -> None:
    own = compressor(LOSSY)
    assert own.is_lossy
    short, long = run(own, SHORT, LONG)
    assert short is not None
    assert short.techniques == ("minify",)
    assert long is not None
    assert long.techniques == ("extract",)
    assert long.after <= 0.5 * long.before
    assert own.status()["skipped"] == {"short": 1}


def test_where_they_are_not_allowed_only_lossless_ones_run() -> None:
    allowed = [False]
    own = compressor(LOSSY, allowed=lambda: allowed[0])
    assert run(own, LONG) == [None]
    assert own.status()["skipped"] == {"not_allowed": 1}
    allowed[0] = True
    assert run(own, LONG)[0] is not None


def test_what_a_lossy_one_made_is_not_sent_again_once_it_is_not_allowed() -> None:
    allowed = [True]
    plan = Plan((History(Pins(first=0, last=1)),), Target(0.3), min_tokens=300)
    own = compressor(plan, allowed=lambda: allowed[0])
    old = [user("Tell me."), said(document(60)), user("And then?")]
    first, longer = request(*old), request(*old, said("So."), user("And?"))
    assert run(own, first)[0] is not None
    allowed[0] = False
    assert run(own, longer) == [None]
    allowed[0] = True
    assert run(own, longer)[0] is not None


def test_a_conversation_goes_on_as_it_was_sent() -> None:
    plan = Plan((Minify(), History(Pins(first=0, last=1))), Target(0.3), min_tokens=300)
    own = compressor(plan)
    old = [user("Tell me."), said(document(60)), tool(SPACED), user("And then?")]
    first, second = run(own, request(*old), request(*old, said("Short."), user("And?")))
    assert first is not None
    assert second is not None
    assert second.request.prompt.messages[:4] == first.request.prompt.messages
    assert second.techniques == first.techniques == ("minify", "history")


def test_what_the_guard_asks_for_is_counted_nowhere() -> None:
    own = compressor(LOSSY, allowed=lambda: False)
    shrunk = asyncio.run(own.lossy(LONG))
    assert shrunk is not None
    assert shrunk.techniques == ("extract",)
    assert own.status()["requests"] == 0
    assert asyncio.run(own.lossy(SHORT)) is None


def test_counts_add_up() -> None:
    own = compressor(LOSSY)
    found = [each for each in run(own, SHORT, LONG, LONG, request(user("Hi"))) if each is not None]
    status = own.status()
    assert status["requests"] == 4
    assert status["shortened"] == len(found) == 3
    assert status["tokens_before"] == sum(each.before for each in found)
    assert status["tokens_before"] - status["tokens_after"] == sum(status["removed"].values())


def test_a_request_of_great_size_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", SHORT.size - 1)
    own = compressor()
    assert run(own, SHORT) == [None]
    assert own.status()["skipped"] == {"too_large": 1}


class Probe:
    """A technique that does what the test wants."""

    name, by_question = "probe", False

    def __init__(self, act: Callable[[], object], *, lossless: bool = True) -> None:
        self._act = act
        self.lossless = lossless

    def apply(self, draft: Draft) -> None:
        self._act()


def test_short_lossless_work_is_done_at_once_and_the_rest_in_a_thread() -> None:
    seen: list[bool] = []
    main = threading.main_thread()
    probe = Probe(lambda: seen.append(threading.current_thread() is main))
    own = compressor(Plan((probe,)))
    own.prepare()
    run(own, SHORT, request(tool("x " * module.INLINE_BYTES), user("Which?")))
    lossy = compressor(Plan((Probe(lambda: seen.append(threading.current_thread() is main),
                                   lossless=False),), Target(0.5), 300))  # fmt: skip
    lossy.prepare()
    run(lossy, LONG)
    assert seen == [True, False, False]


def test_only_so_many_work_at_once() -> None:
    release = threading.Event()
    own = compressor(Plan((Probe(lambda: release.wait(10), lossless=False),), min_tokens=1))

    async def crowd() -> list[Shrunk | None]:
        waiting = [
            asyncio.create_task(own.compress(journey(LONG))) for _ in range(module.MOST_AT_ONCE)
        ]
        await asyncio.sleep(0.05)
        assert await own.compress(journey(LONG)) is None
        release.set()
        return await asyncio.gather(*waiting)

    own.prepare()
    asyncio.run(crowd())
    assert own.status()["skipped"] == {"busy": 1}


def test_a_tokenizer_that_cannot_be_loaded_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise OSError("no vocabulary")

    monkeypatch.setattr(module, "load", missing)
    monkeypatch.setattr(module, "is_exact", lambda: True)
    own = compressor()
    own.prepare()
    assert own.status()["failure"] == "OSError: no vocabulary"
    assert run(own, SHORT) != [None]


def test_no_request_waits_for_what_the_guard_has_shortened() -> None:
    release = threading.Event()
    slow = compressor(Plan((Probe(lambda: release.wait(60), lossless=False),), min_tokens=1))
    own = compressor(LOSSY)

    async def beside() -> Shrunk | None:
        held = [asyncio.create_task(slow.lossy(LONG)) for _ in range(2 * module.THREADS)]
        await asyncio.sleep(0.05)
        shrunk = await own.compress(journey(LONG))
        assert not any(each.done() for each in held)
        release.set()
        await asyncio.gather(*held)
        return shrunk

    slow.prepare()
    assert asyncio.run(beside()) is not None


def test_what_goes_wrong_stays_inside_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("no luck")

    own = compressor(Plan((Probe(fail), Minify())))
    [shrunk] = run(own, SHORT)
    assert shrunk is not None
    assert own.status()["skipped"] == {"failed": 1}
    assert own.status()["failure"] == "probe: RuntimeError"
    monkeypatch.setattr(module, "shrink", lambda *args, **more: fail())
    assert run(own, SHORT) == [None]
    assert own.status()["skipped"] == {"failed": 2}
    assert own.status()["failure"] == "RuntimeError"
