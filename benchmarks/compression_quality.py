"""Answers kept by compression, on a real model: ``python benchmarks/compression_quality.py``.

Questions over documents with known answers (``compression_documents.py``), asked of the demo's
strong model with the whole prompt, with half of its tokens and with 35 %: cut at the end, and
extracted by relevance. Every answer is checked exactly. ``--record FILE`` keeps each answer as a
line of JSON, goes on where a run was cut off, and is what the table is made from.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import Struct
from rich.console import Console

from compression_arms import extracts, shortened
from compression_documents import REVERSED, WAYS, Question, is_right, prompt, questions
from stepdown.binomial import lower_bound, upper_bound
from stepdown.demo.ask import new_client
from stepdown.demo.serve_models import serve_model
from stepdown.demo.weights import ensure_weights

if TYPE_CHECKING:
    from openai import OpenAI

WHOLE = "whole"
SHARES = (0.5, 0.35)
MOST_ANSWER = 12  # tokens
ERROR = 0.05
SHORTENED = ("truncation", "TF-IDF + static")
ASKED_WAYS = ("named", "unnamed", REVERSED)
told = Console(stderr=True)


class Answered(Struct, frozen=True):
    """One answer: to which question, with the prompt in which form, and what it took."""

    question: str
    way: str
    share: float
    answer: str
    right: bool
    input: int
    seconds: float
    kept: float
    """Of the sentences that are needed, the share that was in the prompt."""


def main() -> None:
    options = parser().parse_args()
    asked = chosen(options.questions, options.seed)
    record: Path = options.record
    done = {(each.question, each.way, each.share) for each in read(record)}
    with TemporaryDirectory(prefix="stepdown-compression-") as directory:
        if options.upstream:
            ask_all(new_client(options.upstream), asked, options.ways, record, done)
        else:
            log = Path(directory) / "strong.log"
            weights = ensure_weights("strong")["strong"]
            with serve_model(weights, threads=options.threads, context=2048, log=log) as url:
                ask_all(new_client(url), asked, options.ways, record, done)
    ids = {each.id for each in asked}
    print("\n".join(table([each for each in read(record) if each.question in ids])))


def chosen(count: int, seed: int) -> list[Question]:
    """Questions that the whole prompt lets the model answer: it does no better than chance where
    two numbers are to be compared."""
    documents = -(-count // len(ASKED_WAYS))
    ways = [*WAYS, REVERSED]
    made = questions(documents * len(ways), seed, ways=ways)
    return [each for each in made if each.way in ASKED_WAYS][:count]


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--record", type=Path, required=True, metavar="FILE")
    made.add_argument("--questions", type=int, default=60, metavar="N")
    made.add_argument(
        "--ways", nargs="+", default=SHORTENED, choices=list(extracts()), metavar="WAY"
    )
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--threads", type=int)
    made.add_argument("--upstream", metavar="URL", help="a server in place of the demo's model")
    return made


def read(record: Path) -> list[Answered]:
    if not record.exists():
        return []
    return [msgspec.json.decode(line, type=Answered) for line in record.read_bytes().splitlines()]


# ── Asking ───────────────────────────────────────────────────────────────────────────────────


def forms(
    asked: Sequence[Question], ways: Sequence[str]
) -> Iterator[tuple[Question, str, float, str]]:
    """The prompts whole, and shortened in each way; one document's stand together, and what begins
    alike among them, for the model reads a beginning once."""
    for _, own in groupby(asked, key=lambda each: each.document):
        group = list(own)
        yield from ((each, WHOLE, 1.0, prompt(each)) for each in group)
        for way in ways:
            extract = extracts()[way]
            for share in SHARES:
                for each in group:
                    yield each, way, share, shortened(each, way, share, extract)


def ask_all(
    client: "OpenAI",
    asked: Sequence[Question],
    ways: Sequence[str],
    record: Path,
    done: set[tuple[str, str, float]],
) -> None:
    with record.open("ab") as lines:
        for number, (each, way, share, text) in enumerate(forms(asked, ways), 1):
            if (each.id, way, share) not in done:
                lines.write(msgspec.json.encode(ask(client, each, way, share, text)) + b"\n")
                lines.flush()
                told.print(f"{number} prompts answered")


def ask(client: "OpenAI", asked: Question, way: str, share: float, text: str) -> Answered:
    began = time.monotonic()
    reply = client.chat.completions.create(
        model="strong",
        messages=cast("Any", [{"role": "user", "content": text}]),
        temperature=0,
        max_tokens=MOST_ANSWER,
        extra_body={"cache_prompt": True},
    )
    answer = reply.choices[0].message.content or ""
    tokens = 0 if reply.usage is None else reply.usage.prompt_tokens
    kept = sum(sentence in text for sentence in asked.needed) / len(asked.needed)
    return Answered(
        asked.id,
        way,
        share,
        answer,
        is_right(asked, answer),
        tokens,
        time.monotonic() - began,
        kept,
    )


# ── What came of it ──────────────────────────────────────────────────────────────────────────


def table(answered: Sequence[Answered]) -> Iterator[str]:
    """By form: right answers in all and by kind of question, and what became of the whole
    prompt's right ones."""
    whole = {each.question: each.right for each in answered if each.way == WHOLE}
    ways = sorted({kind(each) for each in answered})
    yield (
        "| prompt | tokens | answers' sentences kept | right | 95 % interval | "
        + " | ".join(ways)
        + " | lost | gained |"
    )
    yield "|---|---:|---:|---:|---|" + "---:|" * (len(ways) + 2)
    for way, share in dict.fromkeys((each.way, each.share) for each in answered):
        own = [each for each in answered if (each.way, each.share) == (way, share)]
        both = [each for each in own if each.question in whole]
        right, size = sum(each.right for each in own), len(own)
        low, high = lower_bound(right, size, ERROR / 2), upper_bound(right, size, ERROR / 2)
        tokens = sum(each.input for each in own) / size
        by_way = Counter(kind(each) for each in own if each.right)
        sizes = Counter(map(kind, own))
        yield (
            f"| {way}, {share:.0%} | {tokens:.0f} | {sum(each.kept for each in own) / size:.2f} "
            f"| {right} of {size} | {low:.0%} to {high:.0%} | "
            + " | ".join(f"{by_way[name]} of {sizes[name]}" for name in ways)
            + f" | {sum(whole[each.question] and not each.right for each in both)} "
            f"| {sum(each.right and not whole[each.question] for each in both)} |"
        )


def kind(answered: Answered) -> str:
    return answered.question.partition("-")[0]


if __name__ == "__main__":
    main()
