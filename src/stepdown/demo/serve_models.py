"""Serves the demo's models, each in a process of its own, as ordinary OpenAI-dialect upstreams."""

import importlib.util
import os
import platform
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from stepdown.demo.errors import DemoError
from stepdown.demo.model_server import LISTENING
from stepdown.demo.processes import python_child

CONTEXT = 8192  # tokens
MOST_THREADS = 8
START_SECONDS = 120.0


def require_runtime() -> None:
    """Raises DemoError where the models' runtime is not installed."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise DemoError(
            "The real models need xllamacpp, which is not installed: `pip install "
            f"'stepdown[demo]'`. If pip finds no wheel for {platform.system()} on "
            f"{platform.machine()}, `stepdown demo --simulated` shows the same without models."
        )


@contextmanager
def serve_model(
    path: Path,
    port: int = 0,
    *,
    threads: int | None = None,
    context: int = CONTEXT,
    log: Path | None = None,
) -> Generator[str]:
    """Serve a model file on 127.0.0.1; gives the base URL (``http://127.0.0.1:PORT/v1``).

    ``port`` 0 takes a free one. ``threads`` defaults to the processors this process may use (at
    most 8), ``context`` is in tokens. The server has ended when the block is left.
    Raises DemoError when the runtime is missing or the model cannot be served.
    """
    require_runtime()
    threads = threads or min(processors(), MOST_THREADS)
    arguments = ["-m", "stepdown.demo.model_server", str(path), str(port)]
    with tempfile.TemporaryDirectory(prefix="stepdown-model-") as own:
        where = log or Path(own) / "model.log"
        with python_child(
            f"The server of {path.name}",
            [*arguments, str(threads), str(context)],
            where,
        ) as child:
            child.wait_until(lambda: _address(where) is not None, START_SECONDS)
            yield f"{_address(where)}/v1"


def _address(log: Path) -> str | None:
    """What the server said it listens on, or None while the model is still being loaded."""
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith(LISTENING):
            return line.removeprefix(LISTENING)
    return None


def processors() -> int:
    """The processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
