"""What compression removes, keeps and costs: ``python benchmarks/compression.py``.

Markdown tables: the share of the sentences that hold an answer which is left at half and at 35 % of
the tokens (``compression_documents.py``); o200k tokens removed by the techniques that change the
form alone; and the CPU time that each takes. Needs the extras ``tokens`` and ``toon``, and numpy.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from random import Random
from typing import Any

from compression_arms import exact_tokens, extracts, shortened
from compression_documents import REWORDED, Question, prompt, questions
from stepdown.compression.compression import Compression, Plan
from stepdown.compression.counting import load
from stepdown.compression.draft import rewritten
from stepdown.compression.shrink import Made, Target, shrink
from stepdown.compression.technique import Technique
from stepdown.compression.techniques.duplicates import Duplicates
from stepdown.compression.techniques.minify import Minify
from stepdown.compression.techniques.tables import Tables
from stepdown.pricing.price import TokenPrice
from stepdown.requests import request_of
from stepdown.types import Decision, Journey, Request

SHARES = (0.5, 0.35)
ASKED = "What stands out in this, and why?"
WORDS = (
    "order shipped invoice customer warehouse delayed address parcel refund driver morning label "
    "weight damaged returned signed neighbour pickup scanned route"
)


def main() -> None:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--questions", type=int, default=120, metavar="N")
    made.add_argument("--rounds", type=int, default=15, metavar="N", help="of each timing")
    options = made.parse_args()
    for table in (
        kept(questions(options.questions, seed=1), "400 tokens"),
        kept(questions(options.questions, seed=2, things=12), "1,000 tokens"),
        kept(questions(options.questions, seed=3, ways=[REWORDED]), "400 tokens, reworded"),
        removed(),
        took(options.rounds),
    ):
        print("\n".join(table), end="\n\n", flush=True)


# ── What is left of the answers ──────────────────────────────────────────────────────────────


def kept(asked: Sequence[Question], size: str) -> Iterator[str]:
    yield (
        f"| documents of {size}, {len(asked)} questions | "
        + " | ".join(f"{share:.0%}" for share in SHARES)
        + " | CPU ms |"
    )
    yield "|---|" + "---:|" * (len(SHARES) + 1)
    for way, extract in extracts().items():
        shares: list[str] = []
        times: list[float] = []
        for share in SHARES:
            found: list[float] = []
            for each in asked:
                began = time.process_time()
                text = shortened(each, way, share, extract)
                times.append(time.process_time() - began)
                found.append(statistics.fmean(sentence in text for sentence in each.needed))
            shares.append(f"{statistics.fmean(found):.2f}")
        yield f"| {way} | " + " | ".join(shares) + f" | {1000 * statistics.median(times):.1f} |"


# ── What the form alone takes ────────────────────────────────────────────────────────────────


def samples() -> dict[str, str]:
    random = Random(3)
    words = WORDS.split()

    def order(number: int) -> dict[str, Any]:
        return {
            "id": 10_000 + number,
            "customer": f"{random.choice(words).title()} {random.choice(words).title()}",
            "total": round(random.uniform(5, 400), 2),
            "paid": random.random() < 0.8,
            "note": " ".join(random.choices(words, k=4)),
        }

    rows = [order(number) for number in range(40)]
    nested = [
        {**row, "lines": [{"sku": f"A-{n}", "count": n + 1} for n in range(at % 3 + 1)]}
        for at, row in enumerate(rows[:20])
    ]
    config = {
        f"section_{at}": {"on": at % 2 == 0, **({"limit": at} if at % 3 else {"mode": "x"})}
        for at in range(20)
    }
    chunks = [each.document.split("\n\n") for each in questions(3, seed=5)]
    overlapping = "\n\n".join(
        "\n\n".join(chunk[at : at + 3]) for chunk in chunks for at in range(len(chunk) - 2)
    )
    mail = overlapping[:3000].replace(". ", ".  ").replace("\n\n", "   \r\n\r\n\r\n\r\n")
    return {
        "table, 40 rows, indented by 2": json.dumps(rows, indent=2),
        "the same, spaces behind commas": json.dumps(rows),
        "the same, compact": json.dumps(rows, separators=(",", ":")),
        "nested orders, indented by 2": json.dumps(nested, indent=2),
        "irregular configuration, indented by 4": json.dumps(config, indent=4),
        "overlapping chunks of text": overlapping,
        "an e-mail with empty lines": mail,
    }


def removed() -> Iterator[str]:
    columns: dict[str, list[Technique]] = {
        "minify": [Minify()],
        "minify, tables": [Minify(), Tables()],
        "minify, duplicates": [Minify(), Duplicates()],
    }
    yield "| sample | tokens | " + " | ".join(columns) + " |"
    yield "|---|---:|" + "---:|" * len(columns)
    for name, text in samples().items():
        request = asking(text)
        tokens = load()(text)
        cells: list[str] = []
        for techniques in columns.values():
            shrunk = made(request, techniques)
            cells.append(f"−{shrunk.fewer / tokens:.0%}" if shrunk.fewer else "0")
        yield f"| {name} | {tokens:,} | " + " | ".join(cells) + " |"


def asking(text: str) -> Request:
    """A tool's output, and a question about it."""
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": text},
        {"role": "user", "content": ASKED},
    ]
    return request_of({"model": "auto", "messages": messages})


def made(request: Request, techniques: Sequence[Technique], share: float = 0.01) -> Made:
    shrunk = shrink(request, techniques, load(), exact_tokens(request), target=Target(share))
    if shrunk.failed:
        raise RuntimeError(shrunk.failed[0])
    return shrunk


# ── What it costs ────────────────────────────────────────────────────────────────────────────


def took(rounds: int) -> Iterator[str]:
    yield "| work | prompt | CPU ms |"
    yield "|---|---|---:|"
    texts = samples()
    table, prose = texts["table, 40 rows, indented by 2"], texts["overlapping chunks of text"]
    for what, text in (
        ("`compression: true`, prose of 2 KB, nothing to remove", prose[:2000]),
        ("`compression: true`, indented JSON of 2 KB", indented(2000)),
        ("`compression: true`, indented JSON of 7 KB", table),
    ):
        yield row(what, asking(text), rounds, journeys(Plan()))
    for things in (12, 50, 200):
        request = request_of(
            {"model": "auto", "messages": [{"role": "user", "content": longer(things)}]}
        )
        for way, extract in extracts().items():
            if extract is not None:
                yield row(f"`extract`, {way}, to 35 %", request, rounds, shrinking(extract))
    for technique in (Duplicates(), Tables()):
        text = prose if technique.name == "duplicates" else table
        yield row(f"`{technique.name}`", asking(text), rounds, shrinking(technique))


def indented(size: int) -> str:
    """JSON of about so many characters."""
    rows = json.loads(samples()["the same, compact"])
    count = max(at for at in range(len(rows)) if len(json.dumps(rows[:at], indent=2)) <= size)
    return json.dumps(rows[:count], indent=2)


def longer(things: int) -> str:
    """A prompt over as many things as it takes, from several documents."""
    parts = questions(-(-things // 12), seed=4, things=12)
    return prompt(parts[0], "\n\n".join(each.document for each in parts))


Work = Callable[[Request], None]


def row(what: str, request: Request, rounds: int, work: Work) -> str:
    work(request)
    times: list[float] = []
    for _ in range(rounds):
        began = time.process_time()
        work(request)
        times.append(time.process_time() - began)
    size = f"{exact_tokens(request):,} tokens, {request.size / 1000:.1f} KB"
    return f"| {what} | {size} | {1000 * statistics.median(times):.2f} |"


def shrinking(technique: Technique) -> Work:
    def work(request: Request) -> None:
        rewritten(request, made(request, [technique], 0.35).forms)

    return work


def journeys(plan: Plan) -> Work:
    """The compressor as the pipeline asks it, a conversation that is new each time."""
    price = TokenPrice(Decimal(1), Decimal(4))
    own = Compression(plan, price_of=lambda model: price)
    own.prepare()
    loop = asyncio.new_event_loop()

    def work(request: Request) -> None:
        journey = Journey(request, 0.0, 0.0, decision=Decision("default", "strong"))
        loop.run_until_complete(own.compress(journey))

    return work


if __name__ == "__main__":
    main()
