"""How long the rule decision takes: signals, rules and sessions, for three prompt sizes.

    python benchmarks/decision.py [--json]

Prints the median and the 99th percentile in microseconds, beside a naive scan in the same run:
one case-insensitive regular expression over all the text with the same phrases.
"""

import argparse
import gc
import json
import re
import time
from collections.abc import Callable

import msgspec
from msgspec import Raw

from stepdown.routing.route import build_route
from stepdown.routing.vocabulary import OUTPUTS, TASKS
from stepdown.types import Prompt, Request

SIZES = {"0.5 KB": 500, "2 KB": 2_000, "50 KB": 50_000}
ROUNDS = 3_000
WARM_UP = 200
NAIVE_ROUNDS = 15
GOALS = {"2 KB": 100.0, "50 KB": 1_000.0}
"""Microseconds at the 99th percentile."""

QUESTION = (
    "Our night shift exports the readings of every pump to a spreadsheet, and each morning "
    "somebody has to find the pumps whose pressure fell. Please put together a short note for the "
    "engineers: "
    "which pumps they ought to visit today, in what order, and what to bring along. "
)
LINES = (
    "Pump {n} at station {m} ran for {n} hours at {m}.4 bar; the valve was opened twice, once by "
    "hand, and the operator noted a faint noise from the bearing at the end of the shift.\n"
)


def body(size: int) -> bytes:
    """A chat request whose messages hold about ``size`` characters, most of them a document."""
    system = "You help the operators of a water works. Be exact and cite the station's number. "
    text = f"{system}{QUESTION}"
    document = ""
    while len(text) + len(document) < size:
        number = len(document) % 97
        document += LINES.format(n=number, m=number % 13)
    pasted = f"\n\n<readings>\n{document}</readings>" if size > 1_000 else ""
    user = (QUESTION + pasted)[: max(size - len(system), 100)]
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    return json.dumps({"model": "auto", "messages": messages, "temperature": 0}).encode()


def request(data: bytes) -> Request:
    prompt = msgspec.json.decode(data, type=Prompt)
    return Request("bench", prompt, msgspec.json.decode(data, type=dict[str, Raw]), len(data))


def measure(work: Callable[[Request], object], data: bytes, rounds: int) -> tuple[float, float]:
    """Median and 99th percentile in µs. Each round has a request of its own, as a gateway's has."""
    times: list[int] = []
    gc.disable()
    for _ in range(rounds):
        fresh = request(data)
        start = time.perf_counter_ns()
        work(fresh)
        times.append(time.perf_counter_ns() - start)
    gc.enable()
    times.sort()
    return times[len(times) // 2] / 1000, times[len(times) * 99 // 100] / 1000


def naive_scan() -> Callable[[Request], object]:
    """What one would write first: every phrase, in any case, anywhere in all of the text."""
    alternatives = [text for texts in (*TASKS.values(), *OUTPUTS.values()) for text in texts]
    pattern = re.compile(r"\b(?:" + "|".join(map(re.escape, alternatives)) + r")\b", re.IGNORECASE)
    return lambda request: [pattern.findall(message.text) for message in request.prompt.messages]


def decision() -> Callable[[Request], object]:
    route = build_route("auto", {"ladder": ["cheap", "strong"]}, price_of=lambda model: None)
    first = request(body(500))
    route.remember(
        first, route.decide(first, route.read(first)).rung
    )  # so that sessions are looked up
    return lambda request: route.decide(request, route.read(request))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    decide, scan = decision(), naive_scan()
    rows: list[dict[str, float | str]] = []
    for name, size in SIZES.items():
        data = body(size)
        measure(decide, data, WARM_UP)
        median, tail = measure(decide, data, ROUNDS)
        naive_median, _ = measure(scan, data, NAIVE_ROUNDS)
        rows.append(
            {
                "prompt": name,
                "p50_us": round(median, 1),
                "p99_us": round(tail, 1),
                "naive_p50_us": round(naive_median, 1),
                "times_faster": round(naive_median / median, 1),
            }
        )
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'prompt':>8} {'p50 µs':>9} {'p99 µs':>9} {'naive p50 µs':>13} {'faster':>8}  goal p99")
    for row in rows:
        goal = GOALS.get(str(row["prompt"]))
        print(
            f"{row['prompt']:>8} {row['p50_us']:>9} {row['p99_us']:>9} {row['naive_p50_us']:>13} "
            f"{row['times_faster']:>7}x  {'' if goal is None else f'{goal:g}'}"
        )


if __name__ == "__main__":
    main()
