"""A batch whose process is killed with ``kill -9`` at every step of its life: nothing is lost, and
nothing is submitted twice."""

import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor

from stepdown.deferral.batch.interface import Batch
from support.batch_process import SURVIVED, Zygote
from support.batch_server import BatchServer
from support.batches import Batching, entry

KILLED = -signal.SIGKILL
STEPS = (
    "validated",
    "planned",
    "begun",
    "forming",
    "formed",
    "staged",
    "beginning",
    "creating",
    "created",
    "submitted",
    "looked",
    "collecting",
    "collecting slice",
    "collected slice",
    "collected",
    "finalizing",
    "piece written",
    "files written",
    "completed",
)
COUNT = 40


def texts() -> list[str]:
    """Every fourth prompt is long, and goes to the strong model."""
    return ["word " * 500 if number % 4 == 0 else "Is this spam?" for number in range(COUNT)]


async def submitted(url: str) -> Batch:
    batching = Batching(url, {}, works=False)
    try:
        return await batching.submit(entry(n, text) for n, text in enumerate(texts()))
    finally:
        await batching.service.aclose()


async def cancelled(url: str, batch: Batch) -> None:
    batching = Batching(url, {}, works=False)
    try:
        await batching.service.cancel(batch.tenant, batch.id)
    finally:
        await batching.service.aclose()


async def read(url: str, batch: Batch) -> tuple[Batch, list[str], list[str]]:
    batching = Batching(url, {}, works=False)
    try:
        found = await batching.service.get(batch.tenant, batch.id)
        good = [line["custom_id"] for line in await batching.answers(found)]
        bad = [line["custom_id"] for line in await batching.errors(found)]
        return found, good, bad
    finally:
        await batching.service.aclose()


def check_whole(url: str, batch: Batch, server: BatchServer) -> None:
    found, good, bad = asyncio.run(read(url, batch))
    assert (found.status, bad) == ("completed", [])
    assert good == [f"line-{number}" for number in range(COUNT)]
    assert (found.counts.completed, found.counts.failed) == (COUNT, 0)
    wanted = {f"{text} {number}": 1 for number, text in enumerate(texts())}
    assert dict(server.provider.asked) == wanted
    assert found.usage.output == COUNT * 24


def test_killed_at_each_step_of_one_life(database_url: str) -> None:
    with BatchServer(delay=0.05) as server, Zygote() as zygote:
        batch = asyncio.run(submitted(database_url))
        job = {"url": database_url, "base_url": server.base_url, "batch": batch.id}
        ends = {step: zygote.run(**job, step=step) for step in STEPS}
        assert ends == dict.fromkeys(STEPS, KILLED)
        assert zygote.run(**job) == SURVIVED
        check_whole(database_url, batch, server)


def test_killed_in_the_middle_of_slices_and_pieces(database_url: str) -> None:
    with BatchServer() as server, Zygote() as zygote:
        batch = asyncio.run(submitted(database_url))
        job = {"url": database_url, "base_url": server.base_url, "batch": batch.id}
        for step, nth in (("created", 2), ("collected slice", 3), ("piece written", 3)):
            assert zygote.run(**job, step=step, nth=nth) == KILLED
        assert zygote.run(**job) == SURVIVED
        check_whole(database_url, batch, server)


def test_killed_while_it_is_cancelled(database_url: str) -> None:
    with BatchServer(delay=600.0) as server, Zygote() as zygote:
        batch = asyncio.run(submitted(database_url))
        job = {"url": database_url, "base_url": server.base_url, "batch": batch.id}
        assert zygote.run(**job, step="submitted", nth=2) == KILLED
        asyncio.run(cancelled(database_url, batch))
        steps = ("given up", "cancelling", "looked", "collecting", "collected", "finalizing")
        ends = {step: zygote.run(**job, step=step) for step in (*steps, "completed")}
        assert set(ends.values()) == {KILLED}
        assert zygote.run(**job) == SURVIVED
        found, good, bad = asyncio.run(read(database_url, batch))
        assert (found.status, good) == ("cancelled", [])
        assert bad == [f"line-{number}" for number in range(COUNT)]
        assert server.provider.made == 2


def test_killed_while_it_calls(database_url: str) -> None:
    """A call is made again where its process died, but each line ends once."""
    with BatchServer() as server, Zygote() as zygote:
        batch = asyncio.run(submitted(database_url))
        job = {"url": database_url, "base_url": server.base_url, "batch": batch.id, "calls": True}
        for step, nth in (("calling", 1), ("called", 3), ("call written", 5), ("calling", 9)):
            assert zygote.run(**job, step=step, nth=nth) == KILLED
        assert zygote.run(**job) == SURVIVED
        found, good, bad = asyncio.run(read(database_url, batch))
        assert (found.status, bad) == ("completed", [])
        assert good == [f"line-{number}" for number in range(COUNT)]
        assert (found.counts.completed, found.usage.output) == (COUNT, COUNT * 24)


def test_several_processes_work_at_once_and_die(database_url: str) -> None:
    """Each dies somewhere else; what one holds, another takes over."""
    with BatchServer(delay=0.05) as server, Zygote() as one, Zygote() as two:
        batch = asyncio.run(submitted(database_url))
        job = {"url": database_url, "base_url": server.base_url, "batch": batch.id}

        def both(*steps: str) -> list[int]:
            with ThreadPoolExecutor() as threads:
                runs = [
                    threads.submit(zygote.run, **job, step=step)
                    for zygote, step in zip((one, two), steps, strict=True)
                ]
                return [run.result() for run in runs]

        both("created", "looked")
        both("collected slice", "submitted")
        assert both("", "") == [SURVIVED, SURVIVED]
        check_whole(database_url, batch, server)
