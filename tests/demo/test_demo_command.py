"""``stepdown demo`` end to end: the real gateway, the real client, run as a user runs it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

COMMAND = [sys.executable, "-m", "stepdown", "demo"]
TIMEOUT = 400


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment with a cache directory of its own."""
    return {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}


def demo(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def test_a_simulated_run_says_so_in_each_line(environment: dict[str, str]) -> None:
    run = demo(environment, "--simulated", "--limit=12")
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert len(lines) > 12 + 5
    assert [line for line in lines + run.stderr.splitlines() if "simulated" not in line] == []
    assert any("12 prompts answered" in line for line in lines)


def test_the_bundled_prompts_go_where_their_kinds_should(environment: dict[str, str]) -> None:
    run = demo(environment, "--simulated", "--json")
    assert run.returncode == 0, run.stderr
    (line,) = run.stdout.splitlines()
    summary = json.loads(line)
    assert summary["simulated"] is True
    assert summary["prompts"] == summary["answered"] == len(summary["rows"]) >= 40
    cheap = {"classification", "extraction", "formatting", "summary", "yes/no", "FAQ"}
    for row in summary["rows"]:
        expected = "simulated-weak" if row["kind"] in cheap else "simulated-strong"
        assert row["model"] == expected, row
    assert summary["sent_down"] == sum(row["kind"] in cheap for row in summary["rows"])
    assert float(summary["cost"]) + float(summary["saved"]) == pytest.approx(
        float(summary["all_strong_cost"])
    )
    assert float(summary["saved"]) > 0


def test_prompts_of_ones_own(environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("Is 7 a prime number? Answer yes or no.\nDesign a ship that cannot sink.\n")
    run = demo(environment, "--simulated", "--json", f"--prompts={file}")
    assert run.returncode == 0, run.stderr
    rows = json.loads(run.stdout)["rows"]
    assert [row["model"] for row in rows] == ["simulated-weak", "simulated-strong"]


def test_bad_prompts_are_listed_by_line(environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text('{"prompt": "fine"}\n{"promt": "a"}\n')
    run = demo(environment, "--simulated", f"--prompts={file}")
    assert run.returncode == 2
    assert "line 2: expected either 'prompt' or 'messages'. Did you mean 'prompt'?" in run.stderr
    assert run.stdout == ""


def started(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """The processes that the demo has started, once there is at least one."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        if children := psutil.Process(process.pid).children(recursive=True):
            return children
        time.sleep(0.05)
    raise AssertionError("the demo started nothing")


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "term"]
)
def test_when_stopped_it_stops_what_it_started(
    environment: dict[str, str], number: signal.Signals, status: int
) -> None:
    with subprocess.Popen(
        [*COMMAND, "--simulated", "--serve"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        children = started(process)
        process.send_signal(number)
        process.communicate(timeout=TIMEOUT)
    assert process.returncode == status
    _, alive = psutil.wait_procs(children, timeout=TIMEOUT)
    assert alive == []


def test_when_killed_what_it_started_ends_by_itself(environment: dict[str, str]) -> None:
    with subprocess.Popen(
        [*COMMAND, "--simulated", "--serve", "--limit=1"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if "base_url http" in line)
        children = started(process)
        process.kill()
    _, alive = psutil.wait_procs(children, timeout=TIMEOUT)
    assert alive == []


def test_serve_leaves_the_gateway_up_until_ctrl_c(environment: dict[str, str]) -> None:
    from openai import DefaultHttpxClient, OpenAI

    with subprocess.Popen(
        [*COMMAND, "--simulated", "--serve", "--limit=1"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "base_url http" in line)
        base_url = line.split("base_url ")[1].split(",")[0]
        with OpenAI(
            base_url=base_url, api_key="x", http_client=DefaultHttpxClient(trust_env=False)
        ) as client:
            turns: Any = [{"role": "user", "content": "Is 7 prime? Answer yes or no."}]
            assert client.chat.completions.create(model="auto", messages=turns).choices
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130


@pytest.mark.real
def test_two_real_models_answer() -> None:
    run = demo(dict(os.environ), "--json", "--limit=3")
    assert run.returncode == 0, run.stderr
    summary = json.loads(run.stdout)
    assert summary["simulated"] is False
    assert [row["model"] for row in summary["rows"]] == ["weak", "strong", "weak"]
    assert json.loads(summary["rows"][0]["answer"])["sentiment"] == "positive"
    assert "simulated" not in run.stderr
