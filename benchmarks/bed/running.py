"""Runs the upstream, the gateways and the load, and measures one load on one gateway."""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

from msgspec import Struct

from bed import peers, prompt
from bed.family import machine_cpu
from bed.peers import Gateway, Site
from bed.places import compiled
from bed.processes import Pinned, post, wait_for_answer
from bed.report import Figures

START_LIMIT = 120.0
SETTLE_PAUSE, SETTLE_LOOKS = 0.2, 50


class Options(Struct):
    """What the command line asks for. ``seconds`` are those of one measurement."""

    peers: list[str]
    scenarios: list[tuple[str, int]]
    seconds: float
    rounds: int
    gateway_core: int
    load_core: int
    first_port: int
    json_file: Path | None


class Running(Struct):
    """A gateway that is up."""

    gateway: Gateway
    process: Pinned
    start_seconds: float


class Bed:
    """The upstream and the load generator, on the load's core."""

    def __init__(self, options: Options, folder: Path) -> None:
        self.options = options
        self.folder = folder
        self.upstream_port = options.first_port
        program = str(compiled("upstream"))
        self._load = str(compiled("load"))
        self.upstream = Pinned(
            [program, str(self.upstream_port)], options.load_core, folder / "upstream.log"
        )

    def start(self, gateway: Gateway) -> Running:
        """Start a gateway and wait for its first good answer. Raises RuntimeError."""
        begun = time.monotonic()
        process = Pinned(
            gateway.command,
            self.options.gateway_core,
            self.folder / f"{gateway.name}.log",
            environment=gateway.environment,
            directory=self.folder,
        )
        try:
            body = prompt.body("plain", gateway.model)
            wait_for_answer(process, gateway.port, gateway.path, body, gateway.headers, START_LIMIT)
            took = time.monotonic() - begun
            self._check(gateway)
        except BaseException:
            process.end()
            raise
        return Running(gateway, process, took)

    def _check(self, gateway: Gateway) -> None:
        """A stream must be whole, and hold no usage that was not asked for."""
        for kind, wants_usage in (("stream", True), ("hidden", False)):
            body = prompt.body(kind, gateway.model)
            status, reply = post(gateway.port, gateway.path, body, gateway.headers)
            words = reply.count(b'"content":"word')
            if status != 200 or words != 50 or b"data: [DONE]" not in reply:
                told = f"{gateway.name} streams {status} and {words} words of 50"
                raise RuntimeError(f"{told}: {reply[:500]!r}")
            if not wants_usage and b'"prompt_tokens"' in reply:
                print(f"note: {gateway.name} shows usage nobody asked for", file=sys.stderr)

    def measure(self, running: Running, kind: str, connections: int) -> Figures:
        """Load one gateway. What strangers used meanwhile is told in the figures.

        ``kind`` is one of ``prompt.KINDS``, and may name a rate: ``plain@1000`` sends a thousand
        requests a second, however fast they are answered.
        """
        ours = [running.process, self.upstream]
        before, machine = [process.used().cpu for process in ours], machine_cpu()
        begun = time.monotonic()
        said = self._run_load(running.gateway, kind, connections, self.options.seconds)
        took = time.monotonic() - begun
        spent = [process.used().cpu - was for process, was in zip(ours, before, strict=True)]
        strangers = machine_cpu() - machine - sum(spent) - said["cpu"]
        _settle(running.process)
        return Figures(
            rate=said["rate"],
            p50=said["p50"],
            p99=said["p99"],
            cpu=spent[0] * 1e6 / max(said["all"], 1),
            megabytes=running.process.used().megabytes,
            failures=said["refused"] + said["broken"],
            strangers=max(0.0, strangers / took),
        )

    def _run_load(
        self, gateway: Gateway, kind: str, connections: int, seconds: float, requests: int = 0
    ) -> dict[str, float]:
        kind, _, rate = kind.partition("@")
        file = self.folder / f"{gateway.name}-{kind}.json"
        file.write_bytes(prompt.body(kind, gateway.model))
        headers = [f"{name}: {value}" for name, value in gateway.headers.items()]
        warm_up = min(0.5, seconds)
        command = ["taskset", "-c", str(self.options.load_core), self._load, str(gateway.port)]
        command += [gateway.path, str(file), str(connections)]
        command += [str(warm_up), str(seconds), str(requests), rate or "0"]
        done = subprocess.run([*command, *headers], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{gateway.name}, {kind}:{connections}: {done.stderr.strip()}")
        said: dict[str, float] = json.loads(done.stdout)
        return said

    def soak(self, running: Running, kind: str, connections: int, requests: int) -> float:
        """Send so many requests; their rate."""
        return self._run_load(running.gateway, kind, connections, 3600, requests)["rate"]


def _settle(process: Pinned) -> None:
    """Wait until a gateway has dealt with the requests that the load left unanswered."""
    for _ in range(SETTLE_LOOKS):
        before = process.used().cpu
        time.sleep(SETTLE_PAUSE)
        if process.used().cpu - before <= SETTLE_PAUSE / 10:
            return


@contextlib.contextmanager
def bed_with(options: Options) -> Generator[tuple[Bed, list[Running]]]:
    """The bed with every gateway of the options up on it."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stepdown-bed-")))
        bed = Bed(options, folder)
        stack.enter_context(bed.upstream)
        makers = [peers.stepdown, *(peers.PEERS[name] for name in options.peers)]
        running: list[Running] = []
        for number, make in enumerate(makers, start=1):
            own = folder / str(number)
            own.mkdir()
            site = Site(options.first_port + number, bed.upstream_port, own)
            running.append(bed.start(make(site)))
            stack.enter_context(running[-1].process)
            print(f"{running[-1].gateway.name} is up", file=sys.stderr)
        yield bed, running
