"""The demo's gateway: ``stepdown serve``, in its own process, with a file like anybody's."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import yaml
from msgspec import Struct

from stepdown.demo.processes import Child, answers, free_port, python_child

ROUTE = "auto"
START_SECONDS = 30.0
SIMULATED_LATENCY = {"weak": 0.02, "strong": 0.06}  # seconds; what is shown is routing, not speed


class Rung(Struct, frozen=True):
    """One model of the demo's ladder. ``base_url`` is None where it is simulated."""

    name: str
    upstream_model: str
    priced_as: str
    base_url: str | None = None


class Gateway(Struct, frozen=True):
    """A gateway that is up. ``database`` is the URL of its ledger."""

    base_url: str
    database: str
    config: Path
    process: Child

    def wait(self) -> NoReturn:
        """Block while the gateway runs. Raises DemoError should it end by itself."""
        self.process.process.wait()
        raise self.process.failed("ended")


@contextmanager
def serving(rungs: list[Rung], directory: Path, port: int = 0) -> Generator[Gateway]:
    """Serve the route ``auto`` over these rungs, cheapest first, on 127.0.0.1.

    The configuration, the ledger and the log are written to ``directory``. ``port`` 0 takes a free
    one. The gateway has ended when the block is left. Raises DemoError when it does not start.
    """
    port = port or free_port()
    database = f"sqlite:///{directory / 'ledger.db'}"
    config = directory / "config.yaml"
    config.write_text(yaml.safe_dump(configuration(rungs, database), sort_keys=False))
    serve = ["-m", "stepdown.demo.tethered", "serve", f"--config={config}", f"--port={port}"]
    with python_child(
        "The gateway", [*serve, "--host=127.0.0.1"], directory / "gateway.log"
    ) as child:
        child.wait_until(lambda: answers(port, "/health/ready"), START_SECONDS)
        yield Gateway(f"http://127.0.0.1:{port}/v1", database, config, child)


def configuration(rungs: list[Rung], database: str) -> dict[str, Any]:
    """The gateway's configuration, as its YAML file holds it."""
    return {
        "model_list": [_model(rung) for rung in rungs],
        "routes": {ROUTE: {"ladder": [rung.name for rung in rungs], "rules": "standard"}},
        "ledger": {"url": database},
    }


def _model(rung: Rung) -> dict[str, Any]:
    upstream: dict[str, Any] = {"model": rung.upstream_model}
    if rung.base_url is not None:
        upstream |= {"api_base": rung.base_url, "api_key": "none-needed"}
    else:
        upstream["simulated"] = {"latency": SIMULATED_LATENCY[rung.name.rpartition("-")[2]]}
    return {
        "model_name": rung.name,
        "litellm_params": upstream,
        "model_info": {"base_model": rung.priced_as},
    }
