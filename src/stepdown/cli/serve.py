"""``stepdown serve``: the gateway over HTTP."""

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stepdown.errors import ConfigError

if TYPE_CHECKING:
    from stepdown.config.live import Live


@click.command("serve")
@click.option(
    "--config",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="The configuration; a LiteLLM config.yaml will do.",
)
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 picks a free one.  [default: 4000]")
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True)
@click.option("--log-level", default="info", show_default=True)
def command(path: Path, host: str | None, port: int | None, workers: int, log_level: str) -> None:
    """Serve the gateway."""
    from stepdown.config.live import Live
    from stepdown.server.run import listen, run
    from stepdown.server.workers import Workers, worker_command

    logging.basicConfig(
        level=log_level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        live = Live(path)
    except ConfigError as error:
        click.echo("\n".join(error.problems), err=True)
        sys.exit(2)
    host = host or live.server.host
    port = live.server.port if port is None else port
    worker = "STEPDOWN_WORKER" in os.environ
    try:
        bound = listen(host, port, shared=worker or workers > 1)
    except OSError as error:
        click.echo(f"Cannot listen on {host}:{port}: {error.strerror}.", err=True)
        sys.exit(1)
    if not worker:
        _greet(live, *bound.getsockname()[:2])
    if workers > 1:
        sys.exit(Workers(worker_command(str(path), bound), workers).run())
    run(live, bound, worker=worker)


def _greet(live: "Live", host: str, port: int) -> None:
    """Say on stderr what is served, and what the file asks for that is not done."""
    for note in live.notes:
        click.echo(f"note: {note}", err=True)
    routes = ", ".join(live.pipeline.routes) or "none"
    models = ", ".join(live.pipeline.fleet.models())
    where = f"[{host}]" if ":" in host else host
    click.echo(f"Stepdown listens on http://{where}:{port}/v1", err=True)
    click.echo(f"routes: {routes}; models: {models}", err=True)
