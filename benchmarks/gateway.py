"""Measures Stepdown beside other gateways in one run: ``python benchmarks/gateway.py --help``.

Every gateway is up for the whole run, alone on one core; the instant upstream and the load
generator share the other. Each round measures all gateways one after the other, so that a slow
spell of the machine hits them alike; figures are medians over the rounds.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import asdict

from bed import peers, prompt
from bed.report import Figures, as_markdown
from bed.running import Bed, Options, Running, bed_with

DISTURBED = 0.15
"""Cores that strangers may use during a measurement before it is done again."""


def run(options: Options) -> None:
    """Measure everything, print the table."""
    rounds: dict[tuple[str, str], list[Figures]] = {}
    with bed_with(options) as (bed, running):
        for kind, connections in options.scenarios:
            for _ in range(options.rounds):
                for one in running:
                    figures = _undisturbed(bed, one, kind, connections)
                    scenario = f"{kind}:{connections}"
                    rounds.setdefault((one.gateway.name, scenario), []).append(figures)
                    print(f"  {one.gateway.name} {scenario} {figures.rate:,.0f}/s", file=sys.stderr)
        starts = {one.gateway.name: one.start_seconds for one in running}
        versions = {one.gateway.name: one.gateway.version for one in running}
    medians = {key: _median(several) for key, several in rounds.items()}
    print(as_markdown(medians, starts, versions))
    if options.json_file is not None:
        rows = [
            {"gateway": name, "scenario": scenario, **asdict(figures)}
            for (name, scenario), figures in medians.items()
        ]
        options.json_file.write_text(json.dumps(rows, indent=1) + "\n")


def _undisturbed(bed: Bed, one: Running, kind: str, connections: int, tries: int = 3) -> Figures:
    """Measure again while strangers use the machine; the least disturbed of a few."""
    best: Figures | None = None
    for _ in range(tries):
        figures = bed.measure(one, kind, connections)
        if best is None or figures.strangers < best.strangers:
            best = figures
        if best.strangers <= DISTURBED:
            break
    assert best is not None
    return best


def _median(several: Sequence[Figures]) -> Figures:
    return Figures(
        **{
            name: statistics.median(getattr(one, name) for one in several)
            for name in Figures.__struct_fields__
        }
    )


def _scenarios(text: str) -> list[tuple[str, int]]:
    pairs = [word.partition(":") for word in text.split(",")]
    for kind, _, count in pairs:
        name, at, rate = kind.partition("@")
        rated = rate.isdecimal() if at else True
        if name not in prompt.KINDS or not rated or not count.isdecimal():
            known = ", ".join(prompt.KINDS)
            raise argparse.ArgumentTypeError(
                f"expected KIND[@RATE]:CONNECTIONS, KIND one of {known}, RATE in requests/s"
            )
    return [(kind, int(count)) for kind, _, count in pairs]


def _peers(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in peers.PEERS:
            raise argparse.ArgumentTypeError(f"no peer {name!r}; known: {', '.join(peers.PEERS)}")
    return names


def parser() -> argparse.ArgumentParser:
    """The command line, shared with ``memory.py``."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--peers", type=_peers, default=[], help=f"of {','.join(peers.PEERS)}")
    made.add_argument(
        "--scenarios",
        type=_scenarios,
        default="plain:1,plain:32,plain:128,stream:1,stream:32,stream:128,hidden:32",
    )
    made.add_argument("--seconds", type=float, default=2.0, help="of one measurement")
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--gateway-core", type=int, default=0)
    made.add_argument("--load-core", type=int, default=1)
    made.add_argument("--first-port", type=int, default=9400)
    made.add_argument("--json", dest="json_file", type=Path, help="write the figures here too")
    return made


if __name__ == "__main__":
    run(Options(**vars(parser().parse_args())))
