"""Compression that may lose something runs once the guard has certified it, and not before."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from stepdown.config.live import Live
from stepdown.deferral.run import Keeper
from stepdown.quality.guard import keeper
from stepdown.requests import request_of

PASSAGES = [
    f"Counter {n} sends goods on the {n}th working day of a month, or the day after a holiday. "
    "What comes back is looked at within two days by somebody who has not packed it before."
    for n in range(4, 8)
]
DOCUMENT = "\n\n".join(PASSAGES * 2)
TOPIC = "refund"
PATIENCE = 30.0


@pytest.fixture(autouse=True)
def swift(monkeypatch: pytest.MonkeyPatch, migrated: Path, tmp_path: Path) -> None:
    shutil.copy(migrated, tmp_path / "ledger.db")
    monkeypatch.setattr(keeper, "INTERVAL", 0.05)


def document(place: Path, **simulated: Any) -> dict[str, Any]:
    return {
        "model_list": [
            {
                "model_name": "only",
                "litellm_params": {"model": "simulated/only", "simulated": simulated},
                "model_info": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6},
            }
        ],
        "routes": {
            "auto": {
                "ladder": ["only"],
                "rules": [],
                "compression": {"techniques": ["duplicates"], "min_tokens": 50, "target": 0.1},
                "regret": {"budget": 0.2},
                "shadow": {"rate": 1.0, "observe_rate": 1.0},
            }
        },
        "shadow": {"scorers": ["normalised"], "pause_busy": 1.0},
        "ledger": {"url": f"sqlite:///{place}/ledger.db", "flush_interval": 0.02},
    }


def run(place: Path, given: dict[str, Any], steps: Callable[[Live], Awaitable[None]]) -> None:
    path = place / "config.yaml"
    path.write_text(json.dumps(given))

    async def main() -> None:
        live = Live(path, {})
        live.start()
        try:
            await steps(live)
        finally:
            await live.aclose()

    asyncio.run(main())


async def ask(live: Live, number: int) -> int:
    """Ask about a document that says everything twice; how many tokens were taken from it."""
    text = f"<document>\n{DOCUMENT}\n</document>\n\nCase {number}: when do I get my {TOPIC}?"
    body = {"model": "auto", "temperature": 0, "messages": [{"role": "user", "content": text}]}
    journey = await live.pipeline.handle(request_of(body), Keeper())
    return 0 if journey.shrunk is None else journey.shrunk.before - journey.shrunk.after


def standing(live: Live) -> str:
    [ward] = live.status()["guard"]["wards"]
    state: str = ward["state"]
    return state


async def becomes(live: Live, *states: str, least: int = 0) -> int:
    """Ask on until the guard says one of these; how often was asked."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    asked = 0
    while asked < least or standing(live) not in states:
        assert asyncio.get_running_loop().time() < deadline, standing(live)
        await ask(live, asked)
        asked += 1
        await asyncio.sleep(0.01)
    return asked


def test_it_is_certified_where_answers_stay_as_good(tmp_path: Path) -> None:
    async def steps(live: Live) -> None:
        assert await ask(live, 0) == 0
        await becomes(live, "active")
        assert await ask(live, 1) > 20

    run(tmp_path, document(tmp_path, topics=[TOPIC]), steps)


def test_it_never_runs_where_answers_get_worse(tmp_path: Path) -> None:
    """Without topics the simulated answer hangs on every word of the prompt."""

    async def steps(live: Live) -> None:
        await becomes(live, "observing", "tripped", least=60)
        assert await ask(live, 1) == 0

    run(tmp_path, document(tmp_path), steps)


def test_without_a_budget_it_runs_at_once(tmp_path: Path) -> None:
    given = document(tmp_path)
    del given["routes"]["auto"]["regret"], given["routes"]["auto"]["shadow"]

    async def steps(live: Live) -> None:
        assert await ask(live, 0) > 20

    run(tmp_path, given, steps)
