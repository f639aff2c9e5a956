"""A run that asks a model many prompts, as a process of its own: ``python -m support.asking_run``.

Takes one JSON object (``Run``) on its command line. Writes lines to standard output: the number of
each prompt when its answer is there, ``stopping`` when it was told to, and at last some JSON
(``Ended``).
"""

import asyncio
import sys
from pathlib import Path

from msgspec import Struct, json

from stepdown.config.build import build_fleet
from stepdown.config.reading import load
from stepdown.config.upstreams import Upstreams
from stepdown.evals.asking import Asker
from stepdown.evals.report import Spent
from stepdown.evals.stopping import Stop, Stopped
from stepdown.evals.store import Store
from stepdown.requests import request_of

SECRET = "a prompt that nobody keeps"


class Run(Struct):
    config: str
    store: str
    model: str
    prompts: int
    concurrency: int = 4
    retry_failed: bool = False


class Ended(Struct):
    """``failed`` are the numbers of the prompts whose answer is a failure."""

    failed: list[int]
    left: int
    stopped: str | None
    spent: Spent


def tell(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def tell_of_the_stop(stop: Stop) -> None:
    await stop.pause(3600)
    tell("stopping")


def prompt(number: int) -> str:
    return f"{SECRET}: {number}"


async def ask(run: Run) -> Ended:
    upstreams = Upstreams()
    fleet = build_fleet(load(Path(run.config)), upstreams)
    ended = Ended([], 0, None, Spent())

    async def one(asker: Asker, number: int) -> None:
        messages = [{"role": "user", "content": prompt(number)}]
        try:
            answer = await asker.ask(run.model, request_of({"model": "", "messages": messages}))
        except Stopped as stopped:
            ended.left += 1
            ended.stopped = str(stopped)
            return
        if answer.error is not None:
            ended.failed.append(number)
        tell(number)

    try:
        with Store(Path(run.store), retry_failed=run.retry_failed) as store:
            async with (
                Stop() as stop,
                Asker(fleet, store, str, concurrency=run.concurrency, stop=stop) as asker,
            ):
                telling = asyncio.create_task(tell_of_the_stop(stop))
                async with asyncio.TaskGroup() as group:
                    for number in range(run.prompts):
                        group.create_task(one(asker, number))
                telling.cancel()
            ended.spent = asker.spent
    finally:
        await upstreams.aclose()
    return ended


if __name__ == "__main__":
    told = asyncio.run(ask(json.decode(sys.argv[1], type=Run)))
    tell(json.encode(told).decode())
