"""A place to evaluate in: a configuration over the fault server, data, a cache, and the command.

Each place has upstream models of its own, so that its requests can be told from those of others.
"""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import yaml
from click.testing import CliRunner, Result

from stepdown.cli.eval.judge_check import command as judge_check
from stepdown.cli.eval.run import command as run
from stepdown.evals.report import Report, read
from support import faults
from support.configs import CHEAP, STRONG, deployment
from support.datasets import jsonl
from support.exchange import Exchange
from support.fault_server import FaultServer
from support.faults import Behaviour

RATES = {"cheap": CHEAP, "strong": STRONG, "umpire": STRONG}
EASY = {"name": "easy", "when": {"intent": "easy"}, "rung": "cheap"}
ENDS_WITHIN = 60.0


def replying(say: Callable[[dict[str, Any]], str | int], *, head_after: float = 0.0) -> Behaviour:
    """Says to each body what ``say`` says, or fails with the status that it gives."""

    async def answer(exchange: Exchange) -> None:
        said = say(exchange.seen.json)
        if isinstance(said, int):
            await faults.status(said)(exchange)
        else:
            await faults.ok(head_after=head_after, content=said, completion_tokens=10)(exchange)

    return answer


def asked(body: Mapping[str, Any]) -> str:
    """The last turn's text."""
    return str(body["messages"][-1]["content"])


def numbers(rates: Mapping[str, str]) -> dict[str, float]:
    return {name: float(rate) for name, rate in rates.items()}


class Place:
    """A directory with a configuration of the route ``auto``: ``cheap`` below ``strong``."""

    def __init__(self, folder: Path, upstream: FaultServer, name: str) -> None:
        self.folder = folder
        self.config = folder / "config.yaml"
        self.data = folder / "data.jsonl"
        self.cache = folder / "answers.db"
        self.report_file = folder / "report.json"
        self._upstream = upstream
        self._name = name
        self.configure()

    def sections(self) -> dict[str, Any]:
        """The configuration's sections, but for the ledger."""
        models = [
            deployment(self._upstream, model, upstream=f"{self._name}-{model}", **numbers(rates))
            for model, rates in RATES.items()
        ]
        return {
            "model_list": models,
            "router_settings": {"num_retries": 0},
            "routes": {"auto": {"ladder": ["cheap", "strong"], "rules": [EASY]}},
        }

    def configure(
        self, *, priced: bool = True, route: Mapping[str, Any] | None = None, **sections: Any
    ) -> None:
        """``route`` adds to the route's options; other sections stand as they are."""
        whole = {**self.sections(), "ledger": {"url": f"sqlite:///{self.folder}/ledger.db"}}
        whole["routes"]["auto"].update(route or {})
        if not priced:
            for rate in CHEAP:
                del whole["model_list"][0]["litellm_params"][rate]
        self.config.write_text(yaml.safe_dump({**whole, **sections}))

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        jsonl(self.data, rows)

    def says(self, model: str, behaviour: Behaviour) -> None:
        self._upstream.always(f"{self._name}-{model}", behaviour)

    # ── the command ──────────────────────────────────────────────────────────────────────────

    def arguments(self, *arguments: object, data: bool = True) -> list[str]:
        given = [*([self.data] if data else []), "--config", self.config, "--cache", self.cache]
        return [str(each) for each in (*given, "--json", self.report_file, *arguments)]

    def run(self, *arguments: object, data: bool = True) -> Result:
        """``eval run`` in this process."""
        return CliRunner().invoke(run, self.arguments(*arguments, data=data))

    def judge_check(self, labelled: Path, *arguments: object) -> Result:
        given = [labelled, "--config", self.config, "--cache", self.cache, *arguments]
        return CliRunner().invoke(judge_check, [str(each) for each in given])

    def start(self, *arguments: object, data: bool = True) -> "Running":
        """``eval run`` as users run it."""
        return Running(self.folder, ["run", *self.arguments(*arguments, data=data)])

    def report(self) -> Report:
        return read(self.report_file)

    # ── what reached the upstream ────────────────────────────────────────────────────────────

    def calls(self, model: str) -> Counter[str]:
        """How often each prompt reached a model."""
        seen = self._upstream.received(f"{self._name}-{model}")
        return Counter(asked(each.json) for each in seen)

    def count(self) -> int:
        """How many calls reached any model."""
        return sum(self.calls(model).total() for model in RATES)


class Running:
    """``stepdown eval`` in a process of its own; a context manager that ends it."""

    def __init__(self, folder: Path, arguments: Iterable[str]) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("STEPDOWN_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "stepdown", "eval", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**environment, "XDG_CACHE_HOME": str(folder / "cache")},
            cwd=folder,
        )

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ended(self) -> "Ended":
        """Wait for its end."""
        output, errors = self._process.communicate(timeout=ENDS_WITHIN)
        return Ended(self._process.returncode, output, errors)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


class Ended:
    """Its exit status and what it said."""

    def __init__(self, status: int, output: str, errors: str) -> None:
        self.status = status
        self.output = output
        self.errors = errors
