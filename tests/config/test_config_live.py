"""Reloading: all or nothing, requests end by the old configuration, what is unchanged stays."""

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stepdown.config.live import Live
from stepdown.pipeline import Pipeline
from support.documents import entry, refused

WEAK, STRONG = entry("weak", "simulated/weak"), entry("strong", "simulated/strong")


class File:
    """A configuration file that can be written anew."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "config.yaml"
        self.ledger = directory / "ledger.db"
        self.write()

    def write(self, *entries: dict[str, Any], **sections: Any) -> None:
        document = {
            "model_list": list(entries) or [WEAK, STRONG],
            "ledger": {"url": f"sqlite:///{self.ledger}"},
            "routes": {"auto": {"ladder": ["weak", "strong"]}},
            **sections,
        }
        self.path.write_bytes(msgspec.yaml.encode(document))


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path)


def run(file: File, steps: Callable[[Live], Awaitable[None]]) -> None:
    async def main() -> None:
        live = Live(file.path, {})
        live.start()
        try:
            await steps(live)
        finally:
            await live.aclose()

    asyncio.run(main())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  nothing announces the end of a thread
            await asyncio.sleep(0.005)


def test_a_file_that_cannot_be_used(file: File) -> None:
    file.write(routes={"auto": {"ladder": ["gone"]}})
    assert "routes.auto.ladder[0]" in refused(lambda: Live(file.path, {}))[0]


def test_ready_from_start_to_end(file: File) -> None:
    live = Live(file.path, {})
    assert not live.ready

    async def main() -> None:
        live.start()
        await until(lambda: live.ready)
        await live.aclose()

    asyncio.run(main())
    assert not live.ready


def test_what_is_in_force(file: File) -> None:
    file.write(general_settings={"master_key": "m"}, server={"max_body": "1kb", "port": 1})
    live = Live(file.path, {})
    assert live.max_body == 1000
    assert live.server.port == 1
    assert live.master_key_digest is not None
    status = live.status()
    assert status["routes"] == {"auto": ["weak", "strong"]}
    assert [d["id"] for d in status["deployments"]] == ["weak", "strong"]
    assert status["ledger"]["dropped"] == 0
    assert msgspec.json.encode(status)


def test_a_reload_puts_the_new_file_in_force(file: File) -> None:
    async def steps(live: Live) -> None:
        file.write(WEAK, STRONG, entry("third", "simulated/third"), server={"max_body": 7})
        assert live.reload() == []
        assert "third" in live.pipeline.fleet.models()
        assert live.max_body == 7
        assert live.status()["reloads"] == 1

    run(file, steps)


def test_a_broken_file_changes_nothing(file: File) -> None:
    async def steps(live: Live) -> None:
        before, told = live.pipeline, list[None]()
        live.on_reload = lambda: told.append(None)
        file.write(routes={"auto": {"ladder": ["weak", "strng"]}})
        [problem] = refused(live.reload)
        assert "Did you mean 'strong'" in problem
        file.path.write_text("model_list: [")
        refused(live.reload)
        file.path.unlink()
        refused(live.reload)
        assert live.pipeline is before
        assert told == []

    run(file, steps)


def test_other_processes_are_told_once(file: File) -> None:
    async def steps(live: Live) -> None:
        told = list[None]()
        live.on_reload = lambda: told.append(None)
        live.reload()
        live.reload(tell=False)
        assert len(told) == 1

    run(file, steps)


def test_an_address_that_changed_is_said_to_need_a_start(file: File) -> None:
    async def steps(live: Live) -> None:
        file.write(server={"port": 5000})
        assert live.reload() == ["server.port: takes effect when the server is started again"]

    run(file, steps)


def test_jobs_go_on_over_a_reload(file: File) -> None:
    async def steps(live: Live) -> None:
        before = live.jobs
        file.write(jobs={"concurrency": 3})
        assert live.reload() == []
        assert live.jobs is before
        assert before.terms.concurrency == 3
        assert live.status()["jobs"]["running"] == 0
        file.write(ledger={"url": f"sqlite:///{file.ledger}.new"})
        [note] = live.reload()
        assert note.startswith("ledger.url: jobs stay")
        assert live.jobs is before

    run(file, steps)


class Closed:
    """An upstream that notes when it is closed."""

    def __init__(self, closed: list[str], name: str) -> None:
        self._closed, self._name = closed, name

    async def aclose(self) -> None:
        self._closed.append(self._name)


def endpoint(name: str) -> dict[str, Any]:
    return entry(name, f"openai/{name}", api_base=f"http://{name}.invalid/v1", api_key="k")


def watched(live: Live, closed: list[str]) -> None:
    """Have every upstream's closing noted, by the host that it leads to."""
    for options, upstream in live._built.upstreams._made:
        upstream.aclose = Closed(closed, options.base_url).aclose  # type: ignore[method-assign]


def test_the_old_configuration_drains_before_it_is_closed(file: File) -> None:
    file.write(endpoint("weak"), endpoint("strong"))

    async def steps(live: Live) -> None:
        closed = list[str]()
        watched(live, closed)
        under_way: list[Pipeline] = [live.pipeline]  # as a request's frame holds it
        moved = entry("weak", "openai/weak", api_base="http://moved.invalid/v1", api_key="k")
        file.write(moved, endpoint("strong"))
        live.reload()
        live.reload()
        gc.collect()
        await asyncio.sleep(0.05)
        assert closed == []
        under_way.clear()
        await until(lambda: bool(closed))
        assert closed == ["http://weak.invalid/v1"]

    run(file, steps)


def test_the_ledger_stays_where_its_settings_do(file: File, tmp_path: Path) -> None:
    async def steps(live: Live) -> None:
        before = live.pipeline.ledger
        file.write(server={"port": 1})
        live.reload()
        assert live.pipeline.ledger is before
        file.ledger = tmp_path / "other.db"
        file.write()
        live.reload()
        assert live.pipeline.ledger is not before
        await until(lambda: [t.name for t in threading.enumerate()].count("stepdown-ledger") == 1)

    run(file, steps)


def test_conversations_stay_and_see_the_new_prices(file: File) -> None:
    async def steps(live: Live) -> None:
        sessions = live._built.routes["auto"].sessions
        price = {"input": 1, "output": 1}
        file.write(prices={"weak": price, "strong": price})
        live.reload()
        assert live._built.routes["auto"].sessions is sessions
        assert sessions is not None
        assert sessions._price_of("weak") is live.pipeline.fleet.price("weak")

    run(file, steps)


def test_a_new_key_counts_at_once(file: File) -> None:
    async def steps(live: Live) -> None:
        assert live.master_key_digest is None
        file.write(general_settings={"master_key": "m"})
        live.reload()
        assert live.master_key_digest is not None

    run(file, steps)
