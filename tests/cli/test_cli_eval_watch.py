"""``stepdown eval watch``: runs against simulated models, recorded, flagged and shown."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from stepdown.cli.eval.options import Options, evaluating
from stepdown.cli.eval.watch import WallClock, command, period
from stepdown.evals.report import Report
from stepdown.evals.stopping import Stop
from stepdown.evals.watch import Round, Watch, slot_of
from stepdown.storage.database import open_database

DAY = 86_400
ITEMS = 40
PATIENCE = 30.0


class Place:
    """A data set, a configuration of two simulated models, and a ledger, in one directory."""

    def __init__(self, directory: Path) -> None:
        self.config = directory / "config.yaml"
        self.data = directory / "data.jsonl"
        self.ledger = directory / "ledger.db"
        self.cache = directory / "answers.db"
        rows = [
            {"id": f"q{n}", "prompt": f"Is {n} odd?", "expected": "simulated", "scorer": "exact"}
            for n in range(ITEMS)
        ]
        self.data.write_text("".join(json.dumps(row) + "\n" for row in rows))
        self.serve()

    def serve(
        self, *, cheap: int = 1, strong: int = 1, upstream: str = "", judge: str = "", **faults: Any
    ) -> None:
        """A model that says one token is right about everything, one that says more is wrong."""
        models = [
            {
                "model_name": name,
                "litellm_params": {
                    "model": f"simulated/{name}{upstream}",
                    "simulated": {"output_tokens": tokens, **faults},
                },
            }
            for name, tokens in (("cheap", cheap), ("strong", strong))
        ]
        rule = {"name": "short", "when": {"tokens": {"lt": 99}}, "rung": "cheap"}
        config: dict[str, Any] = {
            "model_list": models,
            "routes": {"auto": {"ladder": ["cheap", "strong"], "rules": [rule]}},
            "prices": {"cheap": {"input": 1, "output": 1}, "strong": {"input": 4, "output": 4}},
            "ledger": {"url": f"sqlite:///{self.ledger}"},
        }
        if judge:
            config["judge"] = {"model": judge}
        self.config.write_text(yaml.safe_dump(config))

    @property
    def arguments(self) -> list[str]:
        places = ["--config", str(self.config), "--cache", str(self.cache), "--quiet"]
        return [str(self.data), *places]

    def watch(self, *arguments: str) -> Result:
        return CliRunner().invoke(command, [*self.arguments, *arguments])

    def show(self, *arguments: str) -> Result:
        return CliRunner().invoke(command, ["--show", "--config", str(self.config), *arguments])

    def run_days(self, days: int) -> None:
        """Runs of the days before this one."""
        options = Options(data=self.data, config=self.config, cache=self.cache, quiet=True)
        database = open_database(str(self.ledger), create=True)
        watch = Watch(lambda salt: evaluating(options, salt=salt), database, DAY)
        today = slot_of(time.time(), DAY)
        for ago in range(days, 0, -1):
            assert asyncio.run(watch.once(today - ago * DAY)).recorded
        database.dispose()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_one_run_for_cron(place: Place) -> None:
    first = place.watch("--once")
    assert first.exit_code == 0, first.output
    assert "auto on data.jsonl, run 1: regret 0.0 % (0.0 to" in first.stdout
    assert f"0 of {ITEMS}" in first.stdout
    assert "mean scores cheap 1.000, strong 1.000" in first.stdout
    again = place.watch("--once", "--json")
    assert again.exit_code == 0
    assert "is recorded already" in again.stderr
    shown = json.loads(again.stdout)
    assert (shown["run"], shown["recorded"], shown["rows"]) == (1, False, ITEMS)


def test_a_model_that_gets_worse_is_flagged(place: Place) -> None:
    place.run_days(3)
    place.serve(cheap=2)
    flagged = place.watch("--once")
    assert flagged.exit_code == 1
    assert "  regret rose from 0.0 % to 100.0 % from run 4" in flagged.stdout
    assert "  cheap's share of right answers fell from 100.0 % to 0.0 %" in flagged.stdout
    assert "strong's share" not in flagged.stdout
    shown = place.show()
    assert shown.exit_code == 0
    assert "regret  ▁▁▁█  0.0 % to 100.0 %" in shown.stdout
    assert "In 4 runs this moved" in shown.stdout
    lines = [json.loads(line) for line in place.show("--json").stdout.splitlines()]
    assert [line["regrets"] for line in lines] == [0, 0, 0, ITEMS]
    assert [flag["model"] for flag in lines[-1]["flags"]] == [None, "cheap"]
    known = place.show("--json", "--from", f"{time.gmtime().tm_year + 1}-01-01")
    assert known.stdout == ""


def test_another_upstream_judge_or_scorer_begins_another_series(place: Place) -> None:
    def run(*arguments: str) -> tuple[str, int, bool]:
        told = place.watch("--once", "--json", *arguments)
        assert told.exit_code == 0, told.output
        shown = json.loads(told.stdout)
        return shown["series"], shown["run"], shown["recorded"]

    first = run()
    others = [run("--scorer", "exact"), run("--judge", "strong")]
    place.serve(upstream="-2")
    others.append(run())
    place.serve(judge="strong")
    assert run() == (others[1][0], 1, False), "the configured judge is the one that was named"
    place.serve()
    assert run() == (first[0], 1, False)
    assert {told[1:] for told in (first, *others)} == {(1, True)}
    assert len({told[0] for told in (first, *others)}) == 4


def test_a_limit(place: Place) -> None:
    place.serve(cheap=2)
    assert place.watch("--once", "--max-regret", "5%").exit_code == 1
    assert place.watch("--once").exit_code == 0
    told = place.watch("--runs", "1", "--max-regret", "5%")
    assert told.exit_code == 0
    assert f"regret is above 5.0 %: {ITEMS} of {ITEMS} scored downgrades" in told.stdout


def test_a_provider_that_is_down(place: Place) -> None:
    place.serve(error_rate=1.0, error_status=401)
    away = place.watch("--once")
    assert (away.exit_code, away.stdout) == (2, "")
    assert "not recorded: no row is scored" in away.stderr
    place.serve()
    assert place.watch("--once").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--every", "all"], "expected a period such as 30m, 24h or 7d, got 'all'"),
        (["--every", "0.5m"], "expected a period"),
        (["--every", "day"], "expected 30m, 24h"),
        (["--route", "atuo", "--once"], "there is no route 'atuo'. Did you mean 'auto'?"),
        (["--max-regret", "2"], "expected a share"),
        (["--from", "yesterday"], "does not match the formats"),
        (["--database", "mysql://x", "--once"], "expected sqlite:///FILE"),
        (["--runs", "0"], "0 is not in the range"),
    ],
)
def test_bad_input(place: Place, arguments: list[str], said: str) -> None:
    told = place.watch(*arguments)
    assert told.exit_code == 2
    assert said in " ".join(told.output.split())


def test_a_table_of_outcomes_cannot_drift(place: Place) -> None:
    told = CliRunner().invoke(
        command, ["--outcomes", str(place.data), "--config", str(place.config)]
    )
    assert told.exit_code == 2
    assert "Give DATA and --config" in told.output


def test_nothing_to_show(place: Place) -> None:
    told = place.show()
    assert told.exit_code == 2
    assert "Nothing is recorded yet" in told.output
    open_database(str(place.ledger), create=True).dispose()
    assert place.show().stdout == "No run of a watch is recorded.\n"
    by_url = CliRunner().invoke(command, ["--show", "--database", str(place.ledger)])
    assert by_url.stdout == "No run of a watch is recorded.\n"


def test_show_one_route(place: Place) -> None:
    place.run_days(1)
    assert "auto on data.jsonl" in place.show("--route", "auto").stdout
    assert "No run" in place.show("--route", "bot").stdout


@pytest.mark.parametrize(("text", "seconds"), [("1m", 60), ("24h", DAY), ("7d", 7 * DAY)])
def test_periods(text: str, seconds: int) -> None:
    assert period(text) == seconds


@pytest.mark.parametrize("text", ["0.1m", "0h", "all"])
def test_no_periods(text: str) -> None:
    with pytest.raises(click.BadParameter):
        period(text)


# ── Signals ──────────────────────────────────────────────────────────────────────────────────


def test_a_wait_ends_with_its_time_or_a_signal() -> None:
    async def wait() -> None:
        async with Stop() as stop:
            clock = WallClock(stop)
            await clock.wait(0.01)
            assert not clock.stopped
            asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
            begun = clock.now()
            await clock.wait(PATIENCE)
            assert clock.stopped
            assert clock.now() - begun < PATIENCE

    asyncio.run(wait())


def test_a_signal_right_after_a_run_ends_the_watch(place: Place) -> None:
    """The run is recorded: nothing gives the signals back between a run and a wait."""
    options = Options(data=place.data, config=place.config, cache=place.cache, quiet=True)
    told: list[Round] = []

    async def watch() -> None:
        async with asyncio.timeout(PATIENCE), Stop() as stop:

            async def evaluate(salt: str) -> Report:
                report = await evaluating(options, salt=salt, stop=stop)
                os.kill(os.getpid(), signal.SIGTERM)
                return report

            database = open_database(str(place.ledger), create=True)
            await Watch(evaluate, database, DAY).run(WallClock(stop), told.append)
            database.dispose()

    asyncio.run(watch())
    assert [each.recorded for each in told] == [True]


def started(place: Place) -> "subprocess.Popen[str]":
    code = "from stepdown.cli.eval.watch import command; command()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *place.arguments, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def listens(process: "subprocess.Popen[str]") -> bool:
    """Whether the process has come to where it takes a SIGTERM for a wish to stop."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        status = Path(f"/proc/{process.pid}/status").read_text()
        (caught,) = (line for line in status.splitlines() if line.startswith("SigCgt:"))
        if int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1:
            return True
        time.sleep(0.01)
    return False


def test_a_signal_between_two_runs_ends_the_watch(place: Place) -> None:
    process = started(place)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["recorded"]
    assert listens(process)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said) == (0, "")


def test_a_signal_in_a_run_ends_it_and_it_goes_on_when_started_again(place: Place) -> None:
    place.serve(latency=1.0)
    process = started(place)
    assert listens(process)
    process.send_signal(signal.SIGINT)
    said, problem = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said) == (0, "")
    assert "not whole: Interrupted by SIGINT." in problem
    assert place.show().stdout == "No run of a watch is recorded.\n"
    place.serve()
    assert json.loads(place.watch("--once", "--json").stdout)["recorded"]
    with closing(sqlite3.connect(place.cache)) as cache:
        (kept,) = cache.execute("SELECT count(*) FROM answers").fetchone()
    assert kept == 2 * ITEMS
