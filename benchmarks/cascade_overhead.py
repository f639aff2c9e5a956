"""What a cascade costs when it accepts: ``python benchmarks/cascade_overhead.py --help``.

One gateway with three routes to the same instant upstream: one that answers straight, one whose
answer is checked whole, and one that reads it as a stream, so that it could be dropped early. All
answers pass. The ratio to the straight route is what the checking costs the gateway.
"""

import json
import statistics
import sys
import tempfile
from pathlib import Path

from msgspec.structs import asdict, replace

from bed.peers import Gateway, Site, stepdown
from bed.report import Figures
from bed.running import Bed, Options, Running
from gateway import parser

CHECKS = ["finish_reason", "refusal", {"length": {"max": 20_000}}]
CASCADES: dict[str, object] = {
    "straight": None,
    "checked whole": {"validators": CHECKS, "early_drop": False},
    "checked as a stream": {"validators": CHECKS},
}
EVERYTHING = [{"name": "everything", "when": {"tokens": {"ge": 0}}, "rung": "cheap"}]


def gateway(site: Site) -> Gateway:
    """Stepdown as the bed has it, with a route for each way to answer."""
    made = stepdown(site)
    file = site.folder / "stepdown.yaml"
    config = json.loads(file.read_text())
    ladder = config["routes"]["auto"]["ladder"]
    for name, cascade in CASCADES.items():
        config["routes"][name] = {"ladder": ladder, "rules": EVERYTHING, "cascade": cascade}
    file.write_text(json.dumps(config))
    return made


def run(options: Options) -> None:
    """Measure every way to answer in turn, print the table."""
    rounds: dict[tuple[str, str], list[Figures]] = {}
    with tempfile.TemporaryDirectory(prefix="stepdown-bed-") as temporary:
        folder = Path(temporary)
        bed = Bed(options, folder)
        with bed.upstream:
            site = Site(options.first_port + 1, bed.upstream_port, folder)
            running = bed.start(gateway(site))
            with running.process:
                for _ in range(options.rounds):
                    for kind, connections in options.scenarios:
                        for name in CASCADES:
                            one = Running(replace(running.gateway, model=name), running.process, 0)
                            figures = bed.measure(one, kind, connections)
                            rounds.setdefault((f"{kind}:{connections}", name), []).append(figures)
                            print(f"  {kind} {name} {figures.rate:,.0f}/s", file=sys.stderr)
    medians = {key: _median(several) for key, several in rounds.items()}
    _print(medians)
    if options.json_file is not None:
        rows = [
            {"scenario": scenario, "answered": name, **asdict(figures)}
            for (scenario, name), figures in medians.items()
        ]
        options.json_file.write_text(json.dumps(rows, indent=1) + "\n")


def _median(several: list[Figures]) -> Figures:
    return min(several, key=lambda one: abs(one.rate - statistics.median(o.rate for o in several)))


def _print(medians: dict[tuple[str, str], Figures]) -> None:
    print("| scenario | answered | requests/s | ratio | p50 µs | CPU µs a request | failures |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for (scenario, name), figures in medians.items():
        straight = medians[scenario, "straight"]
        print(
            f"| {scenario} | {name} | {figures.rate:,.0f} | {figures.rate / straight.rate:.2f} "
            f"| {figures.p50:,.0f} | {figures.cpu:,.0f} | {figures.failures:.0f} |"
        )


if __name__ == "__main__":
    made = parser()
    made.set_defaults(scenarios=[("plain", 1), ("plain", 32), ("stream", 32)])
    run(Options(**vars(made.parse_args())))
