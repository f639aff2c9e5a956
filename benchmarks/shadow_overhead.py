"""What shadowing costs the requests: ``python benchmarks/shadow_overhead.py --help``.

One gateway with routes to the same instant upstream, all of whose requests are answered by the
cheap model: one that is not shadowed, one of which 5 % are answered a second time by the same
upstream, and three of which 5 % are to be answered by a strong model that is down, takes two
seconds, or answers 429 (these two are ``simulated`` upstreams). The answers are compared, and the
pairs are written. The ratios to the route without shadows are what the shadows cost: at a rate that
leaves the gateway's core time to idle, and on a core that is full, where shadows are to wait.

After each table stands what became of the sampled requests, from the gateway's own count.
"""

import json
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import asdict, replace

from bed.peers import BEARER, Gateway, Site, stepdown
from bed.processes import Pinned
from bed.report import Figures
from bed.running import Bed, Options, Running
from gateway import parser

EVERYTHING = [{"name": "everything", "when": {"tokens": {"ge": 0}}, "rung": "cheap"}]
RATE = 0.05
STRONG: dict[str, dict[str, Any] | None] = {
    "not shadowed": None,
    "5 % shadowed": {},
    "strong model down": {"api_base": "http://127.0.0.1:9/v1"},
    "strong model slow": {"model": "simulated/slow", "simulated": {"latency": 2.0}},
    "strong model says 429": {
        "model": "simulated/refuses",
        "simulated": {"error_rate": 1.0, "error_status": 429},
    },
}
PLAIN, SHADOWED, *FAULTY = STRONG
BLOCKS = ((PLAIN, SHADOWED), (PLAIN, *FAULTY))
"""The faulty models come last, for they leave a full queue behind."""


def gateway(site: Site) -> Gateway:
    """Stepdown as the bed has it, with a route and a strong model for each case."""
    made = stepdown(site)
    file = site.folder / "stepdown.yaml"
    config = json.loads(file.read_text())
    strong = config["model_list"][1]
    for name, params in STRONG.items():
        model = f"strong: {name}"
        entry = {**strong, "model_name": model}
        entry["litellm_params"] = {**strong["litellm_params"], **(params or {})}
        config["model_list"].append(entry)
        route: dict[str, Any] = {"ladder": ["gpt-4o-mini", model], "rules": EVERYTHING}
        config["routes"][name] = route if params is None else {**route, "shadow": RATE}
    config["shadow"] = {"scorers": ["normalised"]}
    file.write_text(json.dumps(config))
    return made


def run(options: Options) -> None:
    """Measure every case in turn, print the tables."""
    rounds: dict[tuple[int, str, str], list[Figures]] = {}
    counted: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="stepdown-bed-") as temporary:
        folder = Path(temporary)
        bed = Bed(options, folder)
        with bed.upstream:
            site = Site(options.first_port + 1, bed.upstream_port, folder)
            running = bed.start(gateway(site))
            with running.process:
                for number, names in enumerate(BLOCKS):
                    for kind, connections, name in order(options, names):
                        one = Running(replace(running.gateway, model=name), running.process, 0)
                        figures = bed.measure(one, kind, connections)
                        key = number, f"{kind}:{connections}", name
                        rounds.setdefault(key, []).append(figures)
                        print(f"  {kind} {name} {figures.rate:,.0f}/s", file=sys.stderr)
                    counted.append(shadows(running.gateway.port, running.process))
    medians = {key: _median(several) for key, several in rounds.items()}
    _print(medians)
    print(json.dumps(counted, indent=1))
    if options.json_file is not None:
        rows = [
            {"block": number, "scenario": scenario, "case": name, **asdict(figures)}
            for (number, scenario, name), figures in medians.items()
        ]
        told = {"rows": rows, "shadows": counted}
        options.json_file.write_text(json.dumps(told, indent=1) + "\n")


def order(options: Options, names: Sequence[str]) -> Iterator[tuple[str, int, str]]:
    """One case after the other, so that a slow spell of the machine meets all."""
    for _ in range(options.rounds):
        for kind, connections in options.scenarios:
            for name in names:
                yield kind, connections, name


def shadows(port: int, process: Pinned) -> dict[str, Any]:
    """What became of the samples; what is still queued is left as it is."""
    assert not process.ended
    time.sleep(2)
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/admin/status", headers=dict(BEARER))
    with urllib.request.urlopen(asked) as reply:
        status: dict[str, Any] = json.load(reply)
    told: dict[str, Any] = status["shadow"]
    skipped = sum(told["skips"].values())
    unscored = sum(told["unscored"].values())
    told["accounted for"] = told["paired"] + skipped + told["queued"] + told["running"]
    told["scored"] = told["paired"] - unscored
    return told


def _median(several: list[Figures]) -> Figures:
    return min(several, key=lambda one: abs(one.p99 - statistics.median(o.p99 for o in several)))


def _print(medians: dict[tuple[int, str, str], Figures]) -> None:
    print("| scenario | case | requests/s | p50 µs | ratio | p99 µs | ratio | failures |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for (number, scenario, name), figures in medians.items():
        plain = medians[number, scenario, PLAIN]
        print(
            f"| {scenario} | {name} | {figures.rate:,.0f} | {figures.p50:,.0f} "
            f"| {figures.p50 / plain.p50:.2f} | {figures.p99:,.0f} "
            f"| {figures.p99 / plain.p99:.2f} | {figures.failures:.0f} |"
        )


if __name__ == "__main__":
    made = parser()
    made.set_defaults(
        scenarios=[
            ("plain@1000", 32),
            ("plain@2000", 32),
            ("stream@1000", 32),
            ("plain", 8),
            ("stream", 8),
        ]
    )
    run(Options(**vars(made.parse_args())))
