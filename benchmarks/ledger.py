"""How to write 20,000 details a second beside an event loop: segments against rows.

    python benchmarks/ledger.py [--rate 20000] [--seconds 5]

Each variant runs in a process of its own: a uvloop records journeys at the rate, a millisecond's
worth at a time, while the writer's thread keeps them in a SQLite file. Printed: what one ``record``
costs, the CPU of the whole process (both threads) without making the journeys, how late the loop's
timer fires, and the bytes kept for a request. ``idle`` makes the journeys and records nothing.
"""

import argparse
import asyncio
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import uvloop

from stepdown.ledger.detail import Detail, detail_of
from stepdown.ledger.writer import Ledger
from stepdown.types import Attempt, Decision, Journey, Message, Prompt, Reading, Request, Usage

Record = Callable[[Journey], None]

PROMPT = Prompt("auto", [Message("user", "Is this mail spam? Answer yes or no.")])
COLUMNS = Detail.__struct_fields__


def journey() -> Journey:
    """A request as the gateway leaves it: routed down, one attempt, four readings."""
    now = time.monotonic()
    usage = Usage(input=123, output=17)
    attempt = Attempt("gpt-4o-mini", "gpt-4o-mini/1", now, now + 0.2, now + 0.3, 200)
    attempt.usage, attempt.cost = usage, Decimal("0.00002865")
    made = Journey(Request(f"req_{uuid.uuid4().hex}", PROMPT, {}), now, time.time(), "auto")
    made.decision = Decision("short-label", "gpt-4o-mini", 0, False, "9f8e7d6c")
    made.readings = {
        "tokens": Reading(123.4, saw="517 characters", error=12.0),
        "task": Reading(frozenset({"classify"}), 0.9, "'is this' at 0"),
        "output": Reading("yes-no", 0.9, "'yes or no' at 26"),
        "turns": Reading(1),
    }
    made.reference_model, made.attempts, made.outcome = "gpt-4o", [attempt], "answered"
    made.usage, made.cost, made.reference_cost = usage, attempt.cost, Decimal("0.0004775")
    made.ended = now + 0.3
    return made


class Rows:
    """The alternative: one row per request, by ``executemany`` or by one ``json_each``."""

    def __init__(self, path: Path, *, by_json: bool) -> None:
        self.path, self.by_json = path, by_json
        self.queue: list[Detail] = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def record(self, made: Journey) -> None:
        self.queue.append(detail_of(made))

    def start(self) -> None:
        self.thread.start()

    def close(self) -> None:
        self.stopping.set()
        self.thread.join()

    def run(self) -> None:
        db = sqlite3.connect(self.path, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(f"CREATE TABLE log ({', '.join(COLUMNS)})")
        db.execute("CREATE INDEX log_time ON log (time)")
        while not self.stopping.wait(0.2):
            self.flush(db)
        self.flush(db)

    def flush(self, db: sqlite3.Connection) -> None:
        taken, self.queue = self.queue, []
        db.execute("BEGIN IMMEDIATE")
        if self.by_json:
            fields = ", ".join(f"value ->> '$[{i}]'" for i in range(len(COLUMNS)))
            blob = msgspec.json.encode(taken).decode()
            db.execute(f"INSERT INTO log SELECT {fields} FROM json_each(?)", (blob,))
        else:
            marks = ", ".join("?" * len(COLUMNS))
            db.executemany(f"INSERT INTO log VALUES ({marks})", map(row_of, taken))
        db.execute("COMMIT")


def row_of(detail: Detail) -> list[object]:
    return [
        value
        if value is None or isinstance(value, (str, int, float))
        else msgspec.json.encode(value)
        for value in msgspec.structs.astuple(detail)
    ]


async def load(record: Record, rate: int, seconds: float) -> dict[str, float]:
    """Record at the rate; the loop's lateness in ms, the µs of a record, the count."""
    late: list[float] = []
    spent, count = 0.0, 0
    begin = time.perf_counter()
    while (now := time.perf_counter()) - begin < seconds:
        made = [journey() for _ in range(int((now - begin) * rate) - count)]
        count += len(made)
        started = time.perf_counter()
        for one in made:
            record(one)
        spent += time.perf_counter() - started
        due = time.perf_counter() + 0.001
        await asyncio.sleep(0.001)
        late.append((time.perf_counter() - due) * 1000)
    late.sort()
    return {
        "records/s": count / seconds,
        "record µs": spent / count * 1e6,
        "late p50 ms": late[len(late) // 2],
        "late p99 ms": late[int(len(late) * 0.99)],
        "late max ms": late[-1],
        "count": count,
    }


def make(variant: str, path: Path) -> "Ledger | Rows | None":
    match variant:
        case "segments":
            return Ledger(str(path), queue=100_000)
        case "executemany" | "json_each":
            return Rows(path, by_json=variant == "json_each")
        case _:
            return None


def run(variant: str, rate: int, seconds: float) -> dict[str, float]:
    """One variant in this process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        writer = make(variant, path)
        if writer is not None:
            writer.start()
            time.sleep(3)  # until the tables are made
        cpu = _cpu()
        result = uvloop.run(load(writer.record if writer else lambda _: None, rate, seconds))
        if writer is not None:
            writer.close()
        result["CPU %"] = (_cpu() - cpu) / seconds * 100
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
        result["bytes each"] = size / result.pop("count")
        return result


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    options = argparse.ArgumentParser(description="How to write 20,000 details a second.")
    options.add_argument("--rate", type=int, default=20_000)
    options.add_argument("--seconds", type=float, default=5.0)
    options.add_argument("--only", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.only:
        print(json.dumps(run(given.only, given.rate, given.seconds)))
        return
    idle = 0.0
    for variant in ("idle", "segments", "executemany", "json_each"):
        out = subprocess.run(
            [sys.executable, __file__, "--only", variant, *sys.argv[1:]],
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
        result = json.loads(out)
        idle = idle or result["CPU %"]
        result["ledger CPU %"] = result["CPU %"] - idle
        print(variant.ljust(12), "  ".join(f"{name} {value:.2f}" for name, value in result.items()))


if __name__ == "__main__":
    main()
