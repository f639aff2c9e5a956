"""The guard live over two real models: ``python benchmarks/guard_pair.py --directory DIR``.

Four kinds of requests, each claimed by a rule of its own, go through a gateway with the demo's
models: two that the weak model answers as well as the strong one, and two that it does not. All
rules begin under observation, and a fifth of what each claims is answered by both models. Nobody
judges: two answers that say the same are a tie, and labels that differ are a regret.

Requests are sent until every rule is certified or has tripped, or ``--most`` of each kind are
answered. What the guard then holds is set beside the truth: the right answers are known, so both
answers of each pair can be checked. Writes a Markdown table.
"""

import argparse
import itertools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, cast

import yaml
from msgspec import Struct
from rich.console import Console

from checkable import pair, tasks
from checkable.tasks import Task, normal
from stepdown.demo.ask import new_client
from stepdown.demo.processes import answers, free_port, python_child
from stepdown.quality.records.history import pairs_with_texts
from stepdown.quality.records.selection import Selection
from stepdown.storage.database import open_database

if TYPE_CHECKING:
    from openai import OpenAI

KINDS = ("language", "parcel", "yesno", "spam")
BUDGET = 0.2
SHADOWED = 0.2
GATEWAY_SECONDS = 30.0
SETTLED = ("active", "tripped")
told = Console(stderr=True)

WORDS: Mapping[str, Sequence[tuple[str, str]]] = {
    "language": (
        ("German", "Der Zug nach Hamburg hat heute wegen {b} wieder zwanzig Minuten Verspätung."),
        ("German", "{b} hat gestern im Hafen einen alten Schlüssel gefunden."),
        ("French", "Hier soir, {b} a trouvé une vieille clé dans le jardin."),
    ),
    "yesno": (
        ("no", "The {a} is closed on Mondays. Question: can I visit the {a} on a Monday with {b}?"),
        ("yes", "{b} sells tickets for the {a}. Question: can I buy such a ticket from {b}?"),
        ("no", "{b} has never been to the {a}. Question: has {b} seen the {a} from inside?"),
        ("yes", "The {a} is free for children. {b} is a child. Question: does {b} get in free?"),
    ),
    "spam": (
        ("ham", "Hi {b}, shall we meet at the {a} at six? I will be a bit late."),
        ("spam", "{b}, YOU WON a trip to the {a}!!! Click here within 10 minutes to claim it!"),
        ("ham", "Dear {b}, the minutes of our visit to the {a} are attached. Regards, Tom"),
        ("spam", "Cheap pills and a free {a} for {b}! Reply now, this offer ends today!!!"),
    ),
}
PLACES = ("museum", "zoo", "castle", "library", "theatre", "market", "harbour", "station", "garden")
NAMES = ("Anna", "Ben", "Carla", "David", "Elena", "Felix", "Greta", "Hugo", "Ida", "Jonas", "Kai")
PARCELS = (
    "Where is {number}?",
    "Client {client} returned {number}.",
)


class Asked(Struct, frozen=True):
    """One request and its right answer."""

    kind: str
    messages: list[dict[str, str]]
    answer: str


def main() -> None:
    options = parser().parse_args()
    directory: Path = options.directory
    directory.mkdir(parents=True, exist_ok=True)
    right: dict[str, str] = {}
    with (
        pair.upstreams(options.weak, options.strong, directory, options.threads) as urls,
        gateway(urls, directory) as (client, config),
    ):
        began = time.monotonic()
        for asked in itertools.islice(requests(), options.most * len(KINDS)):
            right[key(asked.messages)] = asked.answer
            if settled(client, asked.kind):
                continue
            ask(client, asked)
            if all(settled(client, kind) for kind in KINDS):
                break
        seconds = time.monotonic() - began
        time.sleep(GATEWAY_SECONDS / 3)  # what is still being answered a second time
        states = standing(client)
    print("\n".join(table(config, states, right)))
    told.print(f"{len(right)} requests in {seconds / 60:.1f} minutes")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--directory", type=Path, required=True)
    made.add_argument("--weak", metavar="URL", help="an upstream in place of the demo's weak model")
    made.add_argument("--strong", metavar="URL", help="the same for the strong one")
    made.add_argument("--threads", type=int, help="of each model; default: every processor")
    made.add_argument("--most", type=int, default=250, metavar="N", help="requests of each kind")
    return made


# ── What is asked ────────────────────────────────────────────────────────────────────────────


def requests() -> Iterator[Asked]:
    """One request of each kind after the other, for ever; no two are the same for long."""
    random = Random(0)
    examples = {kind: shown(kind) for kind in KINDS}
    while True:
        for kind in KINDS:
            filled = {"a": random.choice(PLACES), "b": random.choice(NAMES)}
            if kind == "parcel":
                letters = "".join(random.choices("ABCDEFGHJKLMNPRSTUVWXYZ", k=2))
                answer = f"{letters}-{random.randrange(1000, 10_000)}"
                client = random.randrange(10_000, 100_000)
                text = random.choice(PARCELS).format(number=answer, client=client)
            else:
                answer, pattern = random.choice(WORDS[kind])
                text = pattern.format(**filled)
            yield Asked(kind, [*examples[kind], {"role": "user", "content": text}], answer)


def shown(kind: str) -> list[dict[str, str]]:
    """The instruction and its examples, as ``checkable.jsonl`` has them."""
    if kind == "parcel":
        return [
            {"role": "system", "content": "Reply with the parcel's number and nothing else."},
            {"role": "user", "content": "Where is BC-7710?"},
            {"role": "assistant", "content": "BC-7710"},
            {"role": "user", "content": "Client 12345 returned SW-2040."},
            {"role": "assistant", "content": "SW-2040"},
        ]
    first: Task = next(task for task in tasks.load() if task.id == f"{kind}-01")
    return first.messages[:-1]


def key(messages: Any) -> str:
    return json.dumps(messages, sort_keys=True, ensure_ascii=False)


def ask(client: "OpenAI", asked: Asked) -> None:
    client.chat.completions.create(
        model="auto",
        messages=cast("Any", asked.messages),
        temperature=0,
        max_tokens=12,
        extra_headers={"x-stepdown-intent": asked.kind},
    )


# ── The gateway ──────────────────────────────────────────────────────────────────────────────


class gateway:  # noqa: N801 - reads as the function that it stands for
    """A gateway with the guarded route; gives a client and the configuration's file."""

    def __init__(self, urls: Mapping[str, str], directory: Path) -> None:
        self._config = directory / "config.yaml"
        self._config.write_text(yaml.safe_dump(configuration(urls, directory), sort_keys=False))
        self._port = free_port()
        serve = ["-m", "stepdown.demo.tethered", "serve", f"--config={self._config}"]
        serve += [f"--port={self._port}", "--host=127.0.0.1"]
        self._running = python_child("The gateway", serve, directory / "gateway.log")

    def __enter__(self) -> tuple["OpenAI", Path]:
        child = self._running.__enter__()
        child.wait_until(lambda: answers(self._port, "/health/ready"), GATEWAY_SECONDS)
        return new_client(f"http://127.0.0.1:{self._port}/v1"), self._config

    def __exit__(self, *raised: Any) -> None:
        self._running.__exit__(*raised)


def configuration(urls: Mapping[str, str], directory: Path) -> dict[str, Any]:
    rules = [{"name": kind, "when": {"intent": kind}, "rung": "cheap"} for kind in KINDS]
    route = {
        "ladder": ["weak", "strong"],
        "rules": rules,
        "sessions": False,
        "regret": {"budget": BUDGET},
        "shadow": {"rate": SHADOWED, "observe_rate": SHADOWED},
    }
    return {
        **pair.configuration(urls, directory, {"auto": route}),
        "shadow": {"store_texts": True, "scorers": ["normalised"], "pause_busy": 1.0},
    }


def standing(client: "OpenAI") -> dict[str, str]:
    """Each rule's state, as the gateway's own page has it."""
    status = cast("dict[str, Any]", client.get("../admin/status", cast_to=object))
    return {each["rule"]: each["state"] for each in status["guard"]["wards"]}


def settled(client: "OpenAI", kind: str) -> bool:
    return standing(client).get(kind) in SETTLED


# ── What came of it ──────────────────────────────────────────────────────────────────────────


def table(config: Path, states: Mapping[str, str], right: Mapping[str, str]) -> Iterator[str]:
    url = yaml.safe_load(config.read_text())["ledger"]["url"]
    yield "| rule | state | pairs | differences | weak right | strong right | true regrets |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    found = list(pairs_with_texts(open_database(url), Selection()))
    for kind in KINDS:
        own = [(each, texts) for each, texts in found if each.rule == kind]
        seen = sum(bool(each.regret) for each, _ in own)
        marks: list[tuple[bool, bool]] = []
        for _, texts in own:
            if texts is not None:
                answer = right[key(json.loads(texts.prompt)["messages"])]
                both = texts.candidate[0].text, texts.reference[0].text
                marks.append((normal(both[0]) == normal(answer), normal(both[1]) == normal(answer)))
        weak, strong = (sum(mark[place] for mark in marks) for place in (0, 1))
        true = sum(mark[1] and not mark[0] for mark in marks)
        yield (
            f"| {kind} | {states.get(kind, 'observing')} | {len(own)} | {seen} | {weak} | {strong} "
            f"| {true} of {len(marks)} |"
        )


if __name__ == "__main__":
    main()
