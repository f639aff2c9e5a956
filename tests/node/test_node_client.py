"""The official npm client against the real server."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from support import chat, faults
from support.configs import CHEAP, deployment, price
from support.fault_server import FaultServer, wait_until
from support.gateway_process import GatewayProcess
from support.ledger_reading import recorded

pytestmark = pytest.mark.node

HERE = Path(__file__).parent
KEY = "sk-master-node"
CONTENT = "".join(chat.WORDS)
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}

Run = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def packages() -> Path:
    """The locked npm packages, installed once into the user's cache directory."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Node.js and npm are missing, and these tests are not skipped in CI")
        pytest.skip("Node.js and npm are missing")
    lock = (HERE / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = cache / "stepdown-tests" / f"node-{sha256(lock).hexdigest()[:16]}"
    if not (place / ".installed").exists():
        place.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, place)
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=place, check=True)
        (place / ".installed").touch()
    return place / "node_modules"


@pytest.fixture(scope="module")
def gateway(upstream: FaultServer, launch: Any) -> GatewayProcess:
    names = ("small", "large", "tools", "limited", "broken", "stalled")
    started: GatewayProcess = launch(
        {
            "model_list": [deployment(upstream, name) for name in names],
            "routes": {
                "auto": {"ladder": ["small"]},
                "labels": {
                    "ladder": ["small", "large"],
                    "rules": [],
                    "cascade": {"validators": [{"one_of": ["yes", "no"]}], "keep_alive": 0.1},
                },
            },
            "router_settings": {"num_retries": 0},
            "general_settings": {"master_key": KEY},
        }
    )
    return started


@pytest.fixture
def run(packages: Path, gateway: GatewayProcess) -> Run:
    """Runs one case of ``client.cjs``; what it saw."""

    def run_case(name: str) -> dict[str, Any]:
        done = subprocess.run(
            ["node", str(HERE / "client.cjs"), name, gateway.base_url, KEY],
            env={**os.environ, "NODE_PATH": str(packages)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        seen: dict[str, Any] = json.loads(done.stdout)
        return seen

    return run_case


def test_a_plain_answer_with_its_headers(run: Run) -> None:
    seen = run("plain")
    assert seen["content"] == CONTENT
    assert seen["usage"]["prompt_tokens"] == chat.PROMPT_TOKENS
    assert (seen["attempts"], seen["model"]) == ("1", "small")
    tokens = {"prompt": chat.PROMPT_TOKENS, "completion": len(chat.WORDS)}
    assert Decimal(seen["cost"]) == price(CHEAP, **tokens)


def test_a_stream(run: Run) -> None:
    seen = run("stream")
    assert (seen["content"], seen["finish"], seen["usage"]) == (CONTENT, "stop", None)
    assert seen["chunks"] == len(chat.stream("small", with_usage=False)) - 1


def test_a_stream_with_usage(run: Run) -> None:
    seen = run("streamWithUsage")
    assert seen["content"] == CONTENT
    assert seen["usage"]["completion_tokens"] == len(chat.WORDS)


def test_the_stream_helper(run: Run) -> None:
    assert run("helper") == {"content": CONTENT}


def test_tools(run: Run, upstream: FaultServer) -> None:
    upstream.script(
        "tools",
        faults.ok(content=None, message={"tool_calls": [CALL]}, finish_reason="tool_calls"),
    )
    assert run("tools")["calls"] == [CALL]
    assert upstream.last("tools").json["tools"][0]["function"]["name"] == "weather"


def test_models_are_listed(run: Run) -> None:
    names = ["auto", "broken", "labels", "large", "limited", "small", "stalled", "tools"]
    assert run("models")["ids"] == names


def test_a_cascade_climbs(run: Run, upstream: FaultServer) -> None:
    upstream.script("small", faults.says("Who", " knows"))
    upstream.script("large", faults.says("yes"))
    assert run("cascadePlain") == {"content": "yes", "model": "large", "attempts": "2"}


def test_a_checked_answer_is_a_stream_with_comments_before_it(
    run: Run, upstream: FaultServer
) -> None:
    upstream.script("small", faults.says("n", "o", head_after=0.25))
    seen = run("cascadeStream")
    assert (seen["content"], seen["finish"], seen["usage"]) == ("no", "stop", None)


@pytest.mark.parametrize(
    ("case", "error", "status", "code", "param"),
    [
        ("unknownModel", "NotFoundError", 404, "model_not_found", "model"),
        ("wrongType", "BadRequestError", 400, "invalid_field", "max_tokens"),
        ("wrongKey", "AuthenticationError", 401, "invalid_api_key", None),
    ],
)
def test_a_refusal_has_its_class_code_and_field(
    run: Run, case: str, error: str, status: int, code: str, param: str | None
) -> None:
    seen = run(case)
    assert (seen["error"], seen["status"]) == (error, status)
    assert (seen["code"], seen["param"]) == (code, param)


def test_an_unknown_model_names_the_nearest(run: Run) -> None:
    assert "'small'" in run("unknownModel")["message"]


def test_a_rate_limit_is_one(run: Run, upstream: FaultServer) -> None:
    upstream.always("limited", faults.rate_limited(3))
    assert run("rateLimited")["error"] == "RateLimitError"


def test_a_stream_that_breaks_raises(run: Run, upstream: FaultServer) -> None:
    upstream.script("broken", faults.cut_in_stream(3))
    seen = run("brokenStream")
    assert seen["error"] == "APIError"
    assert seen["code"] == "upstream_unreachable"


def test_an_aborted_stream_is_cancelled_upstream(
    run: Run, upstream: FaultServer, gateway: GatewayProcess
) -> None:
    upstream.script("stalled", faults.stalls(2))
    assert run("abort") == {"aborted": True}
    seen = upstream.last("stalled")
    wait_until(lambda: seen.disconnected is not None, "the upstream call is cancelled")
    assert recorded(gateway.database, model="stalled").outcome == "cancelled"
