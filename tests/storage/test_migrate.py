"""Migrations: they make the tables that the code expects, once, whoever starts together."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text

from stepdown.storage import migrate as module
from stepdown.storage.address import DatabaseUnavailable, parse
from stepdown.storage.columns import EXPIRED_PAIRS, REVISION, ROLLUP, SEGMENT, SHADOW, TRIES
from stepdown.storage.database import make_engine, open_database
from stepdown.storage.migrate import migrate, migrate_apart, revision
from stepdown.storage.tables import (
    expired_pairs,
    metadata,
    prompt_log,
    request_log,
    rollup,
    shadow_counters,
    tries,
)


def test_the_migrations_make_the_tables(database_url: str) -> None:
    engine = open_database(database_url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        indexes = inspect(connection).get_indexes("request_log")
    engine.dispose()
    assert [index["name"] for index in indexes] == ["request_log_last_time"]


def test_columns_agree_with_the_tables() -> None:
    for table, summed in (
        (rollup, ROLLUP),
        (tries, TRIES),
        (shadow_counters, SHADOW),
        (expired_pairs, EXPIRED_PAIRS),
    ):
        assert table.name == summed.name
        assert [column.name for column in table.columns] == [*summed.key, *summed.sums]
    for log in (request_log, prompt_log):
        assert [column.name for column in log.columns] == ["id", *SEGMENT]


def test_revision(empty_url: str) -> None:
    address = parse(empty_url)
    assert revision(address) is None
    migrate(address)
    assert revision(address) == REVISION
    migrate(address)


def test_a_ledger_from_before_cascades_keeps_its_sums(empty_url: str) -> None:
    address = parse(empty_url)
    config = Config()
    config.set_main_option("script_location", str(Path(module.__file__).parent / "migrations"))
    engine = make_engine(address, writes=True)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        then = [name for name in ROLLUP.sums if not name.startswith("saved_")]
        values = {"bucket": 60, "rung": 0, **dict.fromkeys(then, 3)}
        texts = dict.fromkeys(("route", "decision", "model", "outcome", "tags"), "x")
        names, rows = [*values, *texts], [*values.values(), *texts.values()]
        listed = ", ".join(f"'{each}'" if each == "x" else str(each) for each in rows)
        connection.execute(text(f"INSERT INTO rollup ({', '.join(names)}) VALUES ({listed})"))
    assert revision(address) == "0001"
    migrate(address)
    with engine.begin() as connection:
        assert connection.execute(select(rollup.c.requests)).scalars().all() == [3]
        assert connection.execute(select(rollup.c.saved_batch)).scalars().all() == [0]
        assert connection.execute(select(tries)).all() == []
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
        left = set(inspect(connection).get_table_names())
        assert left == {"alembic_version", "rollup", "request_log", "prompt_log"}
    engine.dispose()


def test_evidence_from_before_stints_had_their_name_keeps_counting(empty_url: str) -> None:
    address = parse(empty_url)
    config = Config()
    config.set_main_option("script_location", str(Path(module.__file__).parent / "migrations"))
    engine = make_engine(address, writes=True)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
        connection.execute(text("INSERT INTO expired_pairs VALUES ('key', 7, 0.5, 40, 2)"))
    migrate(address)
    with engine.begin() as connection:
        [row] = connection.execute(select(expired_pairs.c.stint, expired_pairs.c.pairs)).all()
        assert tuple(row) == (7, 40)
        config.attributes["connection"] = connection
        command.downgrade(config, "0005")
        assert connection.execute(text("SELECT epoch FROM expired_pairs")).scalars().all() == [7]
    engine.dispose()


def test_replicas_that_start_together(empty_url: str) -> None:
    address = parse(empty_url)
    failures: list[Exception] = []

    def start() -> None:
        try:
            migrate_apart(address)
        except DatabaseUnavailable as error:
            failures.append(error)

    replicas = [threading.Thread(target=start) for _ in range(3)]
    for replica in replicas:
        replica.start()
    for replica in replicas:
        replica.join()
    assert failures == []
    assert revision(address) == REVISION


def test_a_database_of_a_newer_version(database_url: str) -> None:
    engine = make_engine(parse(database_url), writes=True)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    for open_it in (migrate, migrate_apart):
        with pytest.raises(DatabaseUnavailable, match="a revision that this version does not know"):
            open_it(parse(database_url))


def test_no_directory_to_write_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseUnavailable, match="cannot be opened"):
        migrate_apart(parse(str(tmp_path / "file" / "ledger.db")))


def test_not_a_database(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("something else entirely, and long enough to be read" * 9)
    with pytest.raises(DatabaseUnavailable, match="not a database"):
        migrate(parse(str(tmp_path / "ledger.db")))


def test_no_server() -> None:
    with pytest.raises(DatabaseUnavailable, match=r"127\.0\.0\.1:9/x cannot be opened"):
        migrate(parse("postgresql://me:secret@127.0.0.1:9/x"))


def test_the_serving_process_does_without_sqlalchemy(sqlite_url: str) -> None:
    code = (
        "import sys\n"
        "from stepdown.ledger.writer import Ledger\n"
        "ledger = Ledger(sys.argv[1]); ledger.start(); ledger.close()\n"
        "assert ledger.status().failures == 0, ledger.status()\n"
        "print([m for m in ('sqlalchemy', 'alembic') if m in sys.modules])\n"
    )
    command = [sys.executable, "-c", code, sqlite_url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
