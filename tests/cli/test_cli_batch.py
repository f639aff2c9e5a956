"""``stepdown batch`` against a real server: submit, status, fetch, cancel; bars and statuses."""

import json
import os
import pty
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stepdown.cli import batch_server, main
from support import chat, faults
from support.batch_lines import answers, jsonl, line, read_lines
from support.configs import deployment
from support.fault_server import FaultServer
from support.gateway_process import GatewayProcess

CONTENT = "".join(chat.WORDS)
KEY = "sk-m"


@pytest.fixture(scope="module")
def gateway(
    upstream: FaultServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    upstream.always("broken", faults.status(400, "Not like this."))
    upstream.always("silent", faults.never_answers())
    config = {
        "model_list": [deployment(upstream, name) for name in ("plain", "broken", "silent")],
        "router_settings": {"num_retries": 0},
        "general_settings": {"master_key": KEY},
    }
    with GatewayProcess(config, tmp_path_factory.mktemp("batch")) as running:
        yield running


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at once, and not for ever."""
    begun = time.monotonic()

    def pause(_: float) -> None:
        assert time.monotonic() - begun < 60, "the batch does not end"
        time.sleep(0.05)

    monkeypatch.setattr(batch_server, "sleep", pause)
    for name in ("STEPDOWN_URL", "STEPDOWN_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def run(gateway: GatewayProcess, *arguments: str | Path) -> Result:
    where = ("--url", gateway.url, "--key", KEY)
    return CliRunner().invoke(main, ["batch", *map(str, arguments), *where])


def written(tmp_path: Path, *lines: dict[str, Any]) -> Path:
    file = tmp_path / "requests.jsonl"
    file.write_bytes(jsonl(lines))
    return file


def id_of(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def test_submit_wait_and_write(gateway: GatewayProcess, tmp_path: Path) -> None:
    file = written(tmp_path, *(line(str(i), "plain") for i in range(20)))
    out = tmp_path / "answers.jsonl"
    result = run(gateway, "submit", file, "--wait", "-o", out, "--metadata", "job=n=1")
    assert result.exit_code == 0, result.output
    found = answers(out.read_bytes())
    assert list(found) == [str(i) for i in range(20)]
    assert set(found.values()) == {CONTENT}
    name, *progress = result.stderr.splitlines()
    assert name.startswith("batch_")
    assert progress[-1] == "completed: 20 of 20 requests done"
    said = result.stdout.splitlines()
    assert said[0] == f"{name}: completed"
    assert said[1] == "  20 requests: 20 answered, 0 failed"
    assert said[2] == "  routed to: plain 20"
    assert re.fullmatch(
        r"  cost \$\S+; the strong model would have cost \$\S+; the batch price took \$\S+ off",
        said[3],
    )
    shown = json.loads(run(gateway, "status", name, "--json").stdout)
    assert (shown["id"], shown["metadata"]) == (name, {"job": "n=1"})
    assert not list(tmp_path.glob("*.part"))


def test_one_step_after_the_other(gateway: GatewayProcess, tmp_path: Path) -> None:
    file = written(tmp_path, line("a", "plain"), line("b", "broken"))
    name = id_of(run(gateway, "submit", file))
    waited = run(gateway, "status", name, "--wait", "--quiet")
    assert waited.exit_code == 1
    assert waited.stderr == ""
    assert "  2 requests: 1 answered, 1 failed" in waited.stdout
    out, failed = tmp_path / "answers.jsonl", tmp_path / "failed.jsonl"
    out.write_text("what was there before")
    assert run(gateway, "fetch", name, "-o", out, "--errors", failed).exit_code == 1
    assert list(answers(out.read_bytes())) == ["a"]
    assert [each["custom_id"] for each in read_lines(failed.read_bytes())] == ["b"]


def test_fetching_too_early_and_cancelling(gateway: GatewayProcess, tmp_path: Path) -> None:
    name = id_of(run(gateway, "submit", written(tmp_path, line("a", "silent"))))
    out = tmp_path / "answers.jsonl"
    early = run(gateway, "fetch", name, "-o", out)
    assert early.exit_code == 1
    assert "The batch has not ended: " in early.stderr
    assert not out.exists()
    assert run(gateway, "status", name).exit_code == 0
    cancelled = run(gateway, "cancel", name)
    assert cancelled.exit_code == 0
    assert re.match(rf"{name}: cancell(ing|ed)\n", cancelled.stdout)
    fetched = run(gateway, "fetch", name, "-o", out, "--wait")
    assert fetched.exit_code == 1
    assert f"{name}: cancelled" in fetched.stdout
    assert out.read_bytes() == b""


def test_a_file_that_cannot_be_run_says_why(gateway: GatewayProcess, tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    file.write_bytes(jsonl([line("a", "plain")]) + b"nonsense\n" * 15)
    result = run(gateway, "submit", file, "--wait", "--quiet")
    assert result.exit_code == 1
    assert re.search(r"^  line 2: .* \[\w+\]$", result.stdout, re.MULTILINE)


def test_the_configuration_says_where_and_as_whom(
    gateway: GatewayProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.yaml"
    settings = gateway.config_file.read_text() + f"\nserver: {{port: {gateway.port}}}\n"
    config.write_text(settings)
    file = written(tmp_path, line("a", "plain"))
    arguments = ["batch", "submit", str(file)]
    assert CliRunner().invoke(main, [*arguments, "--config", str(config)]).exit_code == 0
    monkeypatch.setenv("STEPDOWN_URL", gateway.base_url)
    monkeypatch.setenv("STEPDOWN_API_KEY", KEY)
    assert CliRunner().invoke(main, arguments).exit_code == 0


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:4000"),
        ("::", "http://[::1]:4000"),
        ("gateway.internal", "http://gateway.internal:4000"),
    ],
)
def test_an_address_to_listen_on_is_asked_where_it_answers(host: str, url: str) -> None:
    assert batch_server._address(host, 4000) == url


def test_refusals(gateway: GatewayProcess, tmp_path: Path) -> None:
    file = written(tmp_path, line("a", "plain"))
    out = tmp_path / "out"
    refused: list[tuple[tuple[str | Path, ...], str]] = [
        (("submit", file, "-o", out), "-o needs --wait"),
        (("submit", file, "--metadata", "x"), "expected KEY=VALUE, got 'x'"),
        (("submit", file, "--webhook", "mine"), "expected a webhook of the configuration"),
        (("submit", tmp_path / "none"), "does not exist"),
        (("status", "batch_x"), "The server refused: "),
        (("fetch", "../../etc", "-o", out), "The server refused: "),
    ]
    for arguments, says in refused:
        result = run(gateway, *arguments)
        assert (result.exit_code, says in result.stderr) == (2, True), result.stderr
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    assert run(gateway, "submit", empty).exit_code == 2


def test_the_wrong_key_and_no_server(gateway: GatewayProcess, tmp_path: Path) -> None:
    file = written(tmp_path, *(line(str(i), "plain", "x" * 10_000) for i in range(500)))

    def asked(*where: str) -> Result:
        return CliRunner().invoke(main, ["batch", "submit", str(file), *where])

    wrong = asked("--url", gateway.url, "--key", "sk-x")
    assert (wrong.exit_code, "The API key is not valid here." in wrong.stderr) == (2, True)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = asked("--url", f"http://127.0.0.1:{closed.getsockname()[1]}")
    assert (away.exit_code, "cannot be reached" in away.stderr) == (2, True)
    nonsense = asked("--url", "gateway")
    assert "--url: expected http://HOST:PORT or https://…, got 'gateway'." in nonsense.stderr
    elsewhere = CliRunner().invoke(main, ["batch", "status", "x", "--url", _page()])
    assert (elsewhere.exit_code, "no server of batches" in elsewhere.stderr) == (2, True)


def _page() -> str:
    """The URL of a server that answers one request with something else."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with listening, listening.accept()[0] as link:
            link.recv(65536)
            link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>")

    threading.Thread(target=answer).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_wait_outlasts_a_restart(upstream: FaultServer, tmp_path: Path) -> None:
    """The server is killed while the command waits, and goes on with the batch when it is back."""
    config: dict[str, Any] = {"model_list": [deployment(upstream, "plain")]}
    file = written(tmp_path, line("a", "plain"))
    with GatewayProcess({**config, "batch": {"paused": True}}, tmp_path) as gateway:
        name = CliRunner().invoke(main, ["batch", "submit", str(file), "--url", gateway.url])
        command = [sys.executable, "-m", "stepdown", "batch", "status", name.stdout.strip()]
        waits = subprocess.Popen([*command, "--wait", "--url", gateway.url], stdout=-1, text=True)
        gateway.kill()
        gateway.write_config(config)
        with gateway:
            said, _ = waits.communicate(timeout=120)  # the dead one held the batch for 30 s
    assert waits.returncode == 0
    assert ": completed" in said


def test_a_terminal_sees_bars(gateway: GatewayProcess, tmp_path: Path) -> None:
    file = written(tmp_path, *(line(str(i), "plain") for i in range(5)))
    command = [sys.executable, "-m", "stepdown", "batch", "submit", str(file), "--wait"]
    command += ["-o", str(tmp_path / "out"), "--url", gateway.url]
    ours, theirs = pty.openpty()
    environment = {**os.environ, "STEPDOWN_API_KEY": KEY, "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(command, stdout=-1, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:
        pass  # the other end is closed
    finally:
        os.close(ours)
    assert process.wait(30) == 0
    process.communicate()
    for word in (b"uploading", b"completed", b"5/5", b"fetching"):
        assert word in shown
