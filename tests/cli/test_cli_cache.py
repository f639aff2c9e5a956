"""``stepdown cache`` on a running server, on a SQLite file and on a real Redis."""

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from click.testing import CliRunner, Result

from stepdown.cli import main
from support.configs import deployment
from support.fault_server import FaultServer, wait_until
from support.gateway_process import GatewayProcess
from support.redis_server import REDIS, redis_prefix

__all__ = ["redis_prefix"]

KEY = "sk-m"
Launch = Callable[[dict[str, Any]], GatewayProcess]


@pytest.fixture(autouse=True)
def no_server_by_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STEPDOWN_URL", "STEPDOWN_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["cache", *map(str, arguments)])


def config(upstream: FaultServer, **exact: Any) -> dict[str, Any]:
    return {
        "model_list": [deployment(upstream, "plain")],
        "general_settings": {"master_key": KEY},
        "cache": {"exact": exact or True},
    }


def ask(gateway: GatewayProcess, question: str) -> dict[str, str]:
    """An answer's headers."""
    reply = httpx2.post(
        f"{gateway.base_url}/chat/completions",
        json={"model": "plain", "messages": [{"role": "user", "content": question}]},
        headers={"authorization": f"Bearer {KEY}"},
    )
    assert reply.status_code == 200
    return dict(reply.headers)


def filled(gateway: GatewayProcess, *questions: str) -> str:
    """Have these answered and answered again; the last one's entry."""
    for question in questions:
        ask(gateway, question)
    return [ask(gateway, question) for question in questions][-1]["x-stepdown-cache-id"]


def test_a_cache_in_memory_belongs_to_the_server(upstream: FaultServer, launch: Launch) -> None:
    gateway = launch(config(upstream))
    entry = filled(gateway, "one", "two")
    where = ("--url", gateway.url, "--key", KEY)

    shown = run("stats", *where)
    assert shown.exit_code == 0
    assert shown.output.startswith("exact (memory): 2 entries, ")
    assert "2 hits, 2 misses" in shown.output
    told = json.loads(run("stats", "--json", *where).output)
    assert told["exact"]["held"]["entries"] == 2

    assert run("forget", entry, *where).output == f"{entry} is forgotten.\n"
    missing = run("forget", entry, *where)
    assert missing.exit_code == 1
    assert "There is no entry" in missing.output
    assert ask(gateway, "two")["x-stepdown-cache"] == "miss"

    purged = run("purge", "--yes", *where)
    assert purged.output.startswith("exact: ")
    assert ask(gateway, "one")["x-stepdown-cache"] == "miss"


def test_what_the_semantic_cache_has_learned_is_shown(
    upstream: FaultServer, launch: Launch, tmp_path: Path
) -> None:
    given = config(upstream)
    evidence = str(tmp_path / "evidence.json")
    given["cache"] = {"semantic": {"evidence": evidence, "tuning": 20, "max_error": 0.3}}
    given["shadow"] = {"scorers": ["normalised"]}
    gateway = launch(given)
    for number in range(30):
        ask(gateway, f"How do I clean a grill in week {number}?")
    where = ("--url", gateway.url, "--key", KEY)

    def learned() -> str:
        return run("stats", *where).output

    wait_until(lambda: "\n  plain: " in learned(), "pairs that were compared")
    shown = learned()
    assert shown.startswith("semantic (memory): ")
    assert "would-be hits that were asked afresh: " in shown
    assert re.search(r"^  plain: \w+, \d+ would-be hits compared", shown, re.MULTILINE)


def test_the_configuration_names_the_server(upstream: FaultServer, launch: Launch) -> None:
    gateway = launch(config(upstream))
    with_port = yaml.safe_load(gateway.config_file.read_text())
    with_port["server"] = {"port": gateway.port}
    gateway.config_file.write_text(yaml.safe_dump(with_port))
    shown = run("stats", "--config", gateway.config_file)
    assert shown.output.startswith("exact (memory): 0 entries")


def test_a_file_is_used_directly_whether_or_not_a_server_runs(
    upstream: FaultServer, tmp_path: Path
) -> None:
    settings = config(upstream, store="sqlite", url=f"sqlite:///{tmp_path / 'cache.db'}")
    with GatewayProcess(settings, tmp_path) as gateway:
        entry = filled(gateway, "one", "two", "three")
        here = ("--config", gateway.config_file)
        assert run("forget", entry, *here).exit_code == 0
        assert ask(gateway, "three")["x-stepdown-cache"] == "miss"
        assert "1 hits" not in run("stats", *here).output  # a file counts no requests
    assert run("stats", *here).output.startswith("exact (sqlite): 3 entries, ")
    assert run("purge", "--yes", *here).output == "exact: 3 deleted\n"
    assert run("forget", entry, *here).exit_code == 1


def test_redis_is_used_directly(upstream: FaultServer, tmp_path: Path, redis_prefix: str) -> None:
    settings = config(upstream, store="redis", url=REDIS)
    with GatewayProcess(settings, tmp_path) as gateway:
        entry = filled(gateway, f"for {redis_prefix}")
        here = ("--config", gateway.config_file)
        assert run("stats", *here).output.startswith("exact (redis): ")
        assert run("forget", entry, *here).exit_code == 0
        assert run("forget", entry, *here).exit_code == 1


def test_purging_asks_first(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["cache", "purge"], input="n\n")
    assert result.exit_code == 1
    assert "Delete every cached answer?" in result.output


def test_the_wrong_key_is_refused(upstream: FaultServer, launch: Launch) -> None:
    gateway = launch(config(upstream))
    for arguments in (("stats",), ("purge", "--yes"), ("forget", "a")):
        result = run(*arguments, "--url", gateway.url, "--key", "sk-other")
        assert result.exit_code == 2
        assert "not valid here" in result.output


def test_a_server_without_a_cache_says_so(upstream: FaultServer, launch: Launch) -> None:
    gateway = launch({"model_list": [deployment(upstream, "plain")]})
    assert run("stats", "--url", gateway.url).output == "No cache is switched on.\n"


def test_a_server_that_is_away_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        result = run("stats", "--url", url)
    assert result.exit_code == 2
    assert "cannot be reached" in result.output


def test_a_store_that_is_away_is_told(upstream: FaultServer, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    settings = config(upstream, store="redis", url="redis://:hunter2@127.0.0.1:1/0")
    file.write_text(yaml.safe_dump(settings))
    result = run("stats", "--config", file)
    assert result.exit_code == 2
    assert "Redis at redis://127.0.0.1:1/0 cannot be used" in result.output
    assert "hunter2" not in result.output


def test_what_is_no_cache_is_left_alone(upstream: FaultServer, tmp_path: Path) -> None:
    other, file = tmp_path / "notes.db", tmp_path / "config.yaml"
    other.write_text("not a database, and dear to somebody" * 100)
    file.write_text(yaml.safe_dump(config(upstream, store="sqlite", url=f"sqlite:///{other}")))
    result = run("purge", "--yes", "--config", file)
    assert result.exit_code == 2
    assert "notes.db" in result.output
    assert "dear to somebody" in other.read_text()


def test_with_a_semantic_cache_the_server_is_asked_for_both(
    upstream: FaultServer, tmp_path: Path
) -> None:
    settings = config(upstream, store="sqlite", url=f"sqlite:///{tmp_path / 'cache.db'}")
    settings["cache"]["semantic"] = {"evidence": str(tmp_path / "evidence.json")}
    with GatewayProcess(settings, tmp_path) as gateway:
        filled(gateway, "How do I bake bread?")
        here = ("--url", f"http://127.0.0.1:{gateway.port}", "--key", KEY)
        wait_until(lambda: "semantic (memory): 1 entry" in run("stats", *here).output, "it is kept")
        with_port = yaml.safe_load(gateway.config_file.read_text())
        with_port["server"] = {"port": gateway.port}
        gateway.config_file.write_text(yaml.safe_dump(with_port))
        purged = run("purge", "--yes", "--config", gateway.config_file).output
        assert purged == "exact: 1 deleted\nsemantic: 1 deleted\n"
