"""A mixed day of traffic through the whole cost stack: ``python benchmarks/mixed_day.py --help``.

A real server over the simulated provider, asked over HTTP by the official OpenAI client; the lines
of the night go through ``/v1/files`` and ``/v1/batches``. ``mixed_traffic.py`` says what is asked.
The same day is sent with nothing but routing, then with every layer on. Prices are those of
gpt-4o-mini and gpt-4o; answers are simulated, so that nothing here says how good they are, but for
one thing: an answer to a question of the FAQ is wrong where it is another topic's.
"""

import argparse
import asyncio
import io
import json
import signal
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI

from mixed_traffic import TOPICS, Asked, day, topic_of

PRICES = {"small (simulated)": (0.15, 0.6), "large (simulated)": (2.5, 10.0)}
LAYERS: dict[str, dict[str, Any]] = {
    "routing alone": {},
    "every layer": {
        "cache": {"exact": True, "semantic": {"tuning": 150, "max_error": 0.02}},
        "compression": {"techniques": ["minify", "duplicates", "tables"], "min_tokens": 500},
    },
}
AT_ONCE = 16


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--requests", type=int, default=12_000)
    made.add_argument("--json", dest="file", type=Path, help="write the figures here too")
    options = made.parse_args()
    told = {name: run(name, sections, options.requests) for name, sections in LAYERS.items()}
    for name, figures in told.items():
        _print(name, figures)
    if options.file is not None:
        options.file.write_text(json.dumps(told, indent=1) + "\n")


def run(name: str, sections: dict[str, Any], requests: int) -> dict[str, Any]:
    """One day under one configuration: its savings, by saver."""
    with tempfile.TemporaryDirectory(prefix="stepdown-day-") as temporary:
        folder = Path(temporary)
        file, ledger, port = folder / "config.json", f"sqlite:///{folder}/ledger.db", _free_port()
        batched = bool(sections)
        file.write_text(json.dumps(config(sections, folder, ledger, batched=batched)))
        command = [sys.executable, "-m", "stepdown", "serve", "--config", str(file)]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen([*command, "--port", str(port)], stderr=log, stdout=log)
        try:
            heard = asyncio.run(_send(port, list(day(requests)), batched=batched))
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)
        shown = subprocess.run(
            [sys.executable, "-m", "stepdown", "savings", "--database", ledger, "--json"],
            check=True,
            capture_output=True,
        )
        return {"name": name, "heard": heard, "total": json.loads(shown.stdout)["total"]}


def config(sections: dict[str, Any], folder: Path, ledger: str, *, batched: bool) -> dict[str, Any]:
    """Two simulated models, a route, and the layers."""
    simulated = {"topics": TOPICS, "output_tokens": 60}
    models = [
        {
            "model_name": name,
            "litellm_params": {
                "model": f"simulated/{name}",
                "simulated": simulated,
                **({"batch": {**simulated, "delay": 1.0}} if batched else {}),
            },
            "model_info": {
                "input_cost_per_token": low / 1e6,
                "output_cost_per_token": high / 1e6,
            },
        }
        for name, (low, high) in PRICES.items()
    ]
    given = json.loads(json.dumps(sections))
    if "cache" in given:
        given["cache"]["semantic"]["evidence"] = str(folder / "evidence.json")
    return {
        "model_list": models,
        "routes": {"auto": {"ladder": list(PRICES), "sessions": False}},
        "shadow": {"scorers": ["normalised"]},
        "batch": {"poll": 0.5, "gather": 0.5},
        "ledger": {"url": ledger},
        **given,
    }


async def _send(port: int, asked: list[Asked], *, batched: bool) -> dict[str, int]:
    """Ask everything; how often each kind was answered by what."""
    heard: Counter[str] = Counter()
    answers: dict[str, str] = {}
    async with AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none") as client:
        await _is_there(client)
        queue = iter(each for each in asked if not (batched and each.nightly))

        async def ask() -> None:
            for each in queue:
                raw = await client.chat.completions.with_raw_response.create(
                    model="auto", **each.body
                )
                cache = raw.headers.get("x-stepdown-cache", "miss").replace("bypass", "miss")
                heard[f"{each.kind}: {cache}"] += 1
                if each.kind == "faq":
                    answer = raw.parse().choices[0].message.content or ""
                    right = answers.setdefault(topic_of(each), answer)
                    heard["faq: wrong answers"] += answer != right

        await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
        if batched:
            night = [each for each in asked if each.nightly]
            heard["nightly: batch"] = await _batch(client, night)
    return dict(sorted(heard.items()))


async def _batch(client: AsyncOpenAI, night: list[Asked]) -> int:
    """Send these as one file; how many were answered."""
    lines = [
        {
            "custom_id": f"line-{number}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": "auto", **each.body},
        }
        for number, each in enumerate(night)
    ]
    data = "\n".join(map(json.dumps, lines)).encode()
    file = await client.files.create(file=("night.jsonl", io.BytesIO(data)), purpose="batch")
    batch = await client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    while batch.status not in ("completed", "failed", "expired", "cancelled"):
        await asyncio.sleep(0.5)
        batch = await client.batches.retrieve(batch.id)
    assert batch.status == "completed", batch
    assert batch.request_counts is not None
    return batch.request_counts.completed


async def _is_there(client: AsyncOpenAI) -> None:
    for _ in range(300):
        try:
            await client.models.list()
        except Exception:  # noqa: BLE001  it starts
            await asyncio.sleep(0.2)
        else:
            return
    raise RuntimeError("the server did not start")


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


def _print(name: str, figures: dict[str, Any]) -> None:
    total = figures["total"]
    reference = float(total["reference_cost"])
    print(f"\n{name}: {total['requests']:,} requests, reference ${reference:.4f}\n")
    print("| saver | saved | of the reference |\n|---|---:|---:|")
    for saver, saved in total["saved_by"].items():
        print(f"| {saver} | ${float(saved):.4f} | {float(saved) / reference:.1%} |")
    print(f"| all | ${float(total['saved']):.4f} | {float(total['saved']) / reference:.1%} |")
    print()
    for kind, count in figures["heard"].items():
        print(f"{kind}: {count:,}")


if __name__ == "__main__":
    main()
