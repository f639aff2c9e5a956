"""Prompts out of the ledger: which ones, what of them, and a sample that is the same again."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import Raw
from sqlalchemy import Engine, update

from stepdown.evals.data import from_ledger as module
from stepdown.evals.data.faults import BadDataset
from stepdown.evals.data.from_ledger import from_ledger
from stepdown.ledger.writer import Ledger
from stepdown.storage.address import parse
from stepdown.storage.database import make_engine, open_database
from stepdown.storage.tables import prompt_log
from stepdown.types import Journey
from support.databases import database_url, empty_url, sqlite_url
from support.journeys import make_journey

__all__ = ["database_url", "empty_url", "sqlite_url"]

NOW = time.time()


def journey(number: int, body: dict[str, Any] | None = None, **given: Any) -> Journey:
    made = make_journey(at=NOW + number, **given)
    asked: dict[str, Any] = {"messages": [{"role": "user", "content": f"{number}?"}]}
    fields = {"model": "auto", **(asked if body is None else body)}
    made.request.fields = {name: Raw(json.dumps(value).encode()) for name, value in fields.items()}
    return made


def store(url: str, *journeys: Journey, store_prompts: bool = True) -> None:
    ledger = Ledger(url, store_prompts=store_prompts)
    for each in journeys:
        ledger.record(each)
    ledger.close()


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    opened = open_database(sqlite_url)
    yield opened
    opened.dispose()


def test_prompts_with_their_details(database_url: str) -> None:
    body = {
        "messages": [{"role": "user", "content": "Total?"}],
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    first, second = journey(1, body, tags=["b", "a"]), journey(2)
    first.request.intent = "invoices"
    store(database_url, second, first)
    engine = open_database(database_url)
    dataset = from_ledger(engine, None)
    engine.dispose()
    assert (dataset.name, dataset.format, dataset.bad) == ("ledger", "ledger", ())
    one, two = dataset.items
    assert (one.id, one.line) == (first.request.id, 1)
    assert one.body == {"messages": body["messages"], "temperature": 0}
    assert (one.intent, one.tags, one.known) == ("invoices", ("a", "b"), {})
    assert (two.id, two.intent, two.tags) == (second.request.id, None, ())


def test_a_window_and_a_route(sqlite_url: str, engine: Engine) -> None:
    journeys = [journey(n, route="auto" if n % 2 else "other") for n in range(8)]
    store(sqlite_url, *journeys, journey(9, route="auto", outcome="failed"))
    ids = [each.request.id for each in journeys]
    assert [each.id for each in from_ledger(engine, None).items] == ids
    assert [each.id for each in from_ledger(engine, NOW + 4).items] == ids[4:]
    assert [each.id for each in from_ledger(engine, NOW + 2, "auto").items] == ids[3::2]


def test_a_sample_is_the_same_again(sqlite_url: str, engine: Engine) -> None:
    store(sqlite_url, *(journey(n) for n in range(200)))
    first = from_ledger(engine, None, most=20)
    assert len(first.items) == 20
    assert [each.line for each in first.items] == list(range(1, 21))
    assert from_ledger(engine, None, most=20) == first
    other = from_ledger(engine, None, most=20, seed=1)
    assert other.digest != first.digest
    assert {each.id for each in from_ledger(engine, None, most=10).items} < {
        each.id for each in first.items
    }
    assert len(from_ledger(engine, None, most=1_000).items) == 200


def test_a_sample_is_uniform(sqlite_url: str, engine: Engine) -> None:
    """Over 40 seeds each of 50 prompts is drawn about 8 times, spread as chi-square is."""
    store(sqlite_url, *(journey(n) for n in range(50)))
    drawn: dict[str, int] = {}
    for seed in range(40):
        for each in from_ledger(engine, None, most=10, seed=seed).items:
            drawn[each.id] = drawn.get(each.id, 0) + 1
    spread = sum((drawn.get(each.id, 0) - 8) ** 2 / 8 for each in from_ledger(engine, None).items)
    assert len(drawn) == 50
    assert spread < 100  # about 40 expected


def test_details_without_prompts_do_not_thin_the_sample(sqlite_url: str, engine: Engine) -> None:
    store(sqlite_url, *(journey(n) for n in range(200)), store_prompts=False)
    store(sqlite_url, *(journey(n) for n in range(12)))
    assert len(from_ledger(engine, None, most=10).items) == 10
    assert len(from_ledger(engine, None).items) == 12


def test_too_many(sqlite_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 5)
    store(sqlite_url, *(journey(n) for n in range(6)))
    with pytest.raises(BadDataset, match="expected at most 5 prompts, got more"):
        from_ledger(engine, None)
    assert len(from_ledger(engine, None, most=9).items) == 5
    assert len(from_ledger(engine, NOW + 1).items) == 5


def test_what_cannot_be_asked_is_listed(sqlite_url: str, engine: Engine) -> None:
    empty = journey(1, {"messages": []})
    store(sqlite_url, empty, journey(2))
    dataset = from_ledger(engine, None)
    assert len(dataset.items) == 1
    [bad] = dataset.bad
    assert (bad.line, bad.why) == (1, "messages: expected something to ask, got only empty texts")


# ── Nothing stored ───────────────────────────────────────────────────────────────────────────


def test_no_prompt_is_stored(sqlite_url: str, engine: Engine) -> None:
    store(sqlite_url, journey(1), store_prompts=False)
    with pytest.raises(BadDataset, match=r"`ledger: \{store_prompts: true\}` in the configuration"):
        from_ledger(engine, None)


def test_no_prompt_of_the_route(sqlite_url: str, engine: Engine) -> None:
    store(sqlite_url, journey(1, route="support"), journey(2, route="auto", outcome="failed"))
    with pytest.raises(
        BadDataset, match=r"no request of the route 'suport'. Did you mean 'support'"
    ):
        from_ledger(engine, None, "suport")
    with pytest.raises(BadDataset, match="no prompt of a request that was answered"):
        from_ledger(engine, None, "auto")


def test_only_prompts_that_cannot_be_used(sqlite_url: str, engine: Engine) -> None:
    store(sqlite_url, journey(1, {"messages": []}))
    with pytest.raises(BadDataset, match=r"no stored prompt can be used. messages: "):
        from_ledger(engine, None)


def test_a_damaged_segment(sqlite_url: str, engine: Engine) -> None:
    store(sqlite_url, journey(1))
    writer = make_engine(parse(sqlite_url), writes=True)
    with writer.begin() as connection:
        connection.execute(update(prompt_log).values(body=b"nonsense"))
    writer.dispose()
    with pytest.raises(BadDataset, match="the ledger cannot be read: a damaged segment"):
        from_ledger(engine, None)
