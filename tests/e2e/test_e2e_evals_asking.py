"""A bulk of prompts, asked by a process that is killed or told to stop, of a model that may fail.

Whatever happens to the process, what was answered is never asked again.
"""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Self

import pytest
import yaml
from msgspec import json

from support import asking_run, faults
from support.asking_run import SECRET, Ended
from support.configs import deployment
from support.exchange import Exchange
from support.fault_server import FaultServer, wait_until
from support.faults import Behaviour

CONCURRENCY = 4
PROMPTS = 60
FAILING = 20
"""One prompt in so many."""
TESTS = Path(__file__).parent.parent


class Process:
    """A run of ``support.asking_run``; a context manager."""

    def __init__(self, folder: Path, upstream: FaultServer, model: str, **options: Any) -> None:
        self.upstream, self.model = upstream, model
        config = folder / "config.yaml"
        retries = options.pop("num_retries", 0)
        config.write_text(
            yaml.safe_dump(
                {
                    "model_list": [deployment(upstream, model)],
                    "router_settings": {"num_retries": retries, "disable_cooldowns": True},
                    "ledger": {"url": f"sqlite:///{folder}/ledger.db"},
                }
            )
        )
        run = asking_run.Run(
            config=str(config),
            store=str(folder / "answers.db"),
            model=model,
            **{"prompts": PROMPTS, "concurrency": CONCURRENCY, **options},
        )
        self._output = folder / "output"
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "support.asking_run", json.encode(run).decode()],
                stdout=output,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": str(TESTS), "XDG_CACHE_HOME": str(folder)},
            )

    @property
    def told(self) -> list[str]:
        """The lines it has written."""
        return self._output.read_text().splitlines()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def finished(self) -> list[int]:
        """Wait for its end; the prompts whose answers it had."""
        self._process.wait(60)
        return [int(line) for line in self.told if line.isdigit()]

    def ended(self) -> Ended:
        """Wait for its good end, and hear what it has to tell."""
        assert self._process.wait(60) == 0
        return json.decode(self.told[-1], type=Ended)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.running:
            self._process.kill()
            self._process.wait()


def asked(upstream: FaultServer, model: str) -> Counter[int]:
    """How often each prompt reached the upstream."""
    texts = (seen.json["messages"][-1]["content"] for seen in upstream.received(model))
    return Counter(int(text.rpartition(" ")[2]) for text in texts)


def fails_some(times: int) -> Behaviour:
    """Every so manieth prompt fails the first ``times`` times."""
    tried: Counter[int] = Counter()

    async def answer(exchange: Exchange) -> None:
        number = int(exchange.seen.json["messages"][-1]["content"].rpartition(" ")[2])
        tried[number] += 1
        fails = number % FAILING == 0 and tried[number] <= times
        await (faults.status(500) if fails else faults.ok())(exchange)

    return answer


def wait_for(upstream: FaultServer, model: str, requests: int) -> None:
    wait_until(lambda: len(upstream.received(model)) >= requests, "the run is on its way", 30)


@pytest.fixture
def model(upstream: FaultServer, request: pytest.FixtureRequest) -> str:
    """A name of the test's own, so that its requests can be told from those of others."""
    name = request.node.name.replace("[", "-").replace("]", "")
    upstream.always(name, faults.ok(head_after=0.02))
    return str(name)


def test_after_a_kill_only_what_was_under_way_is_asked_again(
    upstream: FaultServer, model: str, tmp_path: Path
) -> None:
    with Process(tmp_path, upstream, model) as killed:
        wait_for(upstream, model, 25)
        killed.signal(signal.SIGKILL)
        finished = killed.finished()
    assert 0 < len(finished) < PROMPTS
    with Process(tmp_path, upstream, model) as second:
        ended = second.ended()
    times = asked(upstream, model)
    assert sorted(times) == list(range(PROMPTS))
    assert all(times[number] == 1 for number in finished)
    assert max(times.values()) <= 2
    assert sum(times.values()) - PROMPTS <= CONCURRENCY
    assert (ended.failed, ended.left, ended.spent.failed) == ([], 0, 0)
    assert ended.spent.from_cache >= len(finished)
    assert ended.spent.calls + ended.spent.from_cache == PROMPTS


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_told_to_stop_asks_nothing_twice(
    upstream: FaultServer, model: str, tmp_path: Path, number: signal.Signals
) -> None:
    with Process(tmp_path, upstream, model) as stopped:
        wait_for(upstream, model, 25)
        stopped.signal(number)
        first = stopped.ended()
    assert first.stopped == f"Interrupted by {number.name}."
    assert 0 < first.left < PROMPTS
    assert first.spent.calls == PROMPTS - first.left
    with Process(tmp_path, upstream, model) as second:
        rest = second.ended()
    assert (rest.spent.calls, rest.spent.from_cache) == (first.left, first.spent.calls)
    assert asked(upstream, model) == dict.fromkeys(range(PROMPTS), 1)


def test_a_second_interrupt_does_not_wait_for_answers(
    upstream: FaultServer, model: str, tmp_path: Path
) -> None:
    upstream.always(model, faults.never_answers())
    with Process(tmp_path, upstream, model) as interrupted:
        wait_for(upstream, model, CONCURRENCY)
        interrupted.signal(signal.SIGINT)
        wait_until(lambda: "stopping" in interrupted.told, "it has heard the first")
        assert interrupted.running
        interrupted.signal(signal.SIGINT)
        ended = interrupted.ended()
    assert (ended.left, ended.spent.calls) == (PROMPTS, CONCURRENCY)
    assert len(upstream.received(model)) == CONCURRENCY


@pytest.mark.parametrize("retries", [0, 2])
def test_what_a_provider_fails_on_is_kept_and_retried_when_asked_for(
    upstream: FaultServer, model: str, tmp_path: Path, retries: int
) -> None:
    failing = list(range(0, PROMPTS, FAILING))
    upstream.always(model, fails_some(times=retries + 1))
    runs: list[tuple[Ended, int]] = []
    for retry_failed in (False, False, True):
        before = len(upstream.received(model))
        with Process(
            tmp_path, upstream, model, num_retries=retries, retry_failed=retry_failed
        ) as process:
            runs.append((process.ended(), len(upstream.received(model)) - before))
    (first, asked_first), (second, asked_second), (third, asked_third) = runs
    assert (sorted(first.failed), first.left) == (failing, 0)
    assert (first.spent.calls, first.spent.failed) == (PROMPTS, len(failing))
    assert asked_first == PROMPTS + retries * len(failing)
    assert (sorted(second.failed), asked_second) == (failing, 0)
    assert (second.spent.from_cache, second.spent.failed) == (PROMPTS, len(failing))
    assert (third.failed, third.spent.calls, asked_third) == ([], len(failing), len(failing))
    assert asked(upstream, model)[1] == 1


def test_the_fleets_retries_leave_no_row_without_an_answer(
    upstream: FaultServer, model: str, tmp_path: Path
) -> None:
    upstream.always(model, fails_some(times=1))
    with Process(tmp_path, upstream, model, num_retries=2) as process:
        ended = process.ended()
    assert (ended.failed, ended.spent.calls, ended.spent.failed) == ([], PROMPTS, 0)


def test_prompts_are_not_kept(upstream: FaultServer, model: str, tmp_path: Path) -> None:
    with Process(tmp_path, upstream, model, prompts=3) as process:
        process.ended()
    kept = b"".join(each.read_bytes() for each in tmp_path.glob("answers.db*"))
    assert len(kept) > 4096
    assert SECRET.encode() not in kept
