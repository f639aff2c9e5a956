"""Processes that work on batches and are killed at a step: forked from one that has all imported.

python -m support.batch_process  <  a line of JSON for each process  >  how each one ended
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stepdown.deferral.batch import attending, collecting, context, submitting, worker
from stepdown.deferral.batch.terms import BatchTerms
from stepdown.errors import BatchesUnavailable
from stepdown.providers.batch.openai import OpenAIBatchAPI
from stepdown.providers.http import HttpOptions
from stepdown.storage.batch_rows import FINAL
from support.batches import Batching

SURVIVED, OUT_OF_TIME = 0, 3
LEASE = 0.5


class Zygote:
    """A context manager over the process that forks them."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.batch_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[1],
        )
        return self

    def run(self, **job: Any) -> int:
        """Let a process work until its batch has ended, or it is killed; how it ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=30)


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(work(**json.loads(line)))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201  the parent reads it


def work(**job: Any) -> int:
    context.LEASE = LEASE
    worker.BEAT, worker.LET_GO = LEASE / 5, LEASE * 2 / 3
    worker.FIRST = worker.TICK = 0.01
    submitting.SETTLE = 0.0
    submitting.PAUSES = (0.01,)
    submitting.READ = collecting.SLICE = attending.READ = 7
    attending.PIECE = 2000
    attending.SOON = 0.01
    collecting.AGAIN = 0.01
    try:
        return asyncio.run(until_ended(**job))
    except Exception as error:  # noqa: BLE001  the parent is told
        sys.stderr.write(f"{error!r}\n")
        return 1


async def until_ended(
    url: str,
    base_url: str,
    batch: str,
    step: str = "",
    nth: int = 1,
    calls: bool = False,
    seconds: float = 60.0,
) -> int:
    seen: Counter[str] = Counter()

    def at(name: str) -> None:
        seen[name] += 1
        if name == step and seen[name] == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    names = () if calls else ("cheap", "strong")
    apis = {f"{name}/1": OpenAIBatchAPI(HttpOptions(base_url)) for name in names}
    terms = BatchTerms(poll=0.02, gather=0.01, rounds=2)
    batching = Batching(url, apis, terms=terms, at=at)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            found = await batching.service.get("red", batch)
        except BatchesUnavailable:
            continue
        if found.status in FINAL:
            if step:  # what follows the end is to be reached as well
                await asyncio.sleep(0.5)
            await batching.service.aclose()
            for api in apis.values():
                await api.aclose()
            return SURVIVED
        await asyncio.sleep(0.01)
    return OUT_OF_TIME


if __name__ == "__main__":
    main()
