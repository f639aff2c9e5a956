"""Turns the bed's figures into a table, with ratios to each peer."""

import platform
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

OURS = "stepdown"


class Figures(Struct):
    """One gateway under one load.

    ``rate`` is requests a second, ``p50`` and ``p99`` microseconds, ``cpu`` milliseconds of the
    gateway's own CPU for 1,000 requests, ``strangers`` the cores that other processes used.
    """

    rate: float
    p50: float
    p99: float
    cpu: float
    megabytes: float
    failures: float
    strangers: float


def as_markdown(
    medians: Mapping[tuple[str, str], Figures],
    starts: Mapping[str, float],
    versions: Mapping[str, str],
) -> str:
    """A table for each scenario, and one of start-up times."""
    lines = [f"Python {platform.python_version()}, {platform.machine()}, {_processor()}", ""]
    for scenario in dict.fromkeys(scenario for _, scenario in medians):
        rows = {name: m for (name, s), m in medians.items() if s == scenario}
        lines += [f"### {scenario}", "", *_table(rows), ""]
    lines += ["### Start to first answer", "", "| gateway | version | seconds |", "|---|---|---|"]
    lines += [f"| {name} | {versions[name]} | {took:.2f} |" for name, took in starts.items()]
    return "\n".join(lines)


def _table(rows: Mapping[str, Figures]) -> list[str]:
    ours = rows.get(OURS)
    lines = [
        "| gateway | requests/s | Stepdown's ratio | p50 µs | p99 µs | CPU ms per 1,000 "
        "| memory MB | failures | strangers |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in rows.items():
        ratio = "" if ours is None or name == OURS else f"{ours.rate / max(row.rate, 0.1):.2f} x"
        lines.append(
            f"| {name} | {row.rate:,.0f} | {ratio} | {row.p50:,.0f} | {row.p99:,.0f} "
            f"| {row.cpu:,.1f} | {row.megabytes:,.0f} | {row.failures:.0f} | {row.strangers:.2f} |"
        )
    return lines


def _processor() -> str:
    with Path("/proc/cpuinfo").open() as told:
        names = [line.partition(":")[2].strip() for line in told if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else "unknown processor"
