"""One run of the demo, top to bottom: weights, models, gateway, prompts, what it came to."""

import time
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from msgspec import Struct
from rich.console import Console

from stepdown.demo import places
from stepdown.demo.ask import ask, new_client, require_client
from stepdown.demo.gateway import Gateway, Rung, serving
from stepdown.demo.progress import shown_on
from stepdown.demo.prompts import DemoPrompt
from stepdown.demo.report import Report
from stepdown.demo.rows import Summary, summarize
from stepdown.demo.serve_models import require_runtime, serve_model
from stepdown.demo.weights import PAIR, ensure_weights

PRICED_AS = {"weak": "gpt-4o-mini", "strong": "gpt-4o"}


class Finished(Struct, frozen=True):
    """A run whose prompts are all asked; its gateway is still up."""

    summary: Summary
    gateway: Gateway
    report: Report


@contextmanager
def running(
    prompts: list[DemoPrompt],
    console: Console,
    *,
    simulated: bool = False,
    port: int = 0,
    answers: bool = False,
) -> Generator[Finished]:
    """Ask the prompts through a gateway of our own, showing them on the console.

    Everything that was started has ended when the block is left, however it is left.
    Raises DemoError when the demo cannot run.
    """
    require_client()
    with ExitStack() as started:
        directory = places.new_run_directory()
        rungs = _simulated() if simulated else _real(started, directory, console)
        report = Report(console, rungs, simulated=simulated)
        gateway = started.enter_context(serving(rungs, directory, port))
        client = started.enter_context(closing(new_client(gateway.base_url)))
        began = time.monotonic()
        rows = report.follow((ask(client, p) for p in prompts), prompts, answers=answers)
        summary = summarize(
            rows, cheap=rungs[0].name, simulated=simulated, seconds=time.monotonic() - began
        )
        report.summary(summary)
        yield Finished(summary, gateway, report)


def _simulated() -> list[Rung]:
    return [
        Rung(f"simulated-{name}", f"simulated/simulated-{name}", priced_as)
        for name, priced_as in PRICED_AS.items()
    ]


def _real(started: ExitStack, directory: Path, console: Console) -> list[Rung]:
    """Both models, fetched where they are missing, each served by a process of its own."""
    require_runtime()
    with shown_on(console) as progress:
        files = ensure_weights(progress=progress)
    console.print("Starting the two models …", highlight=False)
    return [
        Rung(
            name,
            f"openai/{weights.title}",
            PRICED_AS[name],
            started.enter_context(serve_model(files[name], log=directory / f"{name}.log")),
        )
        for name, weights in PAIR.items()
    ]
