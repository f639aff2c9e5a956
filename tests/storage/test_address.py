"""Database addresses: what is understood, and what is said about the rest."""

from pathlib import Path

import pytest

from stepdown.storage.address import DatabaseUnavailable, default_url, parse


def test_a_file() -> None:
    assert parse("sqlite:////var/lib/a%20b.db").file == Path("/var/lib/a b.db")
    assert parse("/var/lib/ledger.db").file == Path("/var/lib/ledger.db")
    assert parse("sqlite:///ledger.db").file == Path("ledger.db").absolute()
    assert parse("~/ledger.db").file == Path.home() / "ledger.db"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql(scheme: str) -> None:
    address = parse(f"{scheme}://me:secret@db:5432/costs?sslmode=require&password=secret")
    assert address.url.startswith("postgresql://me:secret@db")
    assert address.sqlalchemy_url.startswith("postgresql+psycopg://me:secret@db")
    assert str(address) == "postgresql://db:5432/costs"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlitte:///x.db", "the scheme 'sqlitte'. Did you mean 'sqlite'"),
        ("mysql://db/x", "expected sqlite:///FILE or postgresql://"),
        ("sqlite://x.db", "three slashes"),
        ("sqlite:///:memory:", "the path of a file"),
        ("sqlite:///", "the path of a file"),
        ("", "the path of a file"),
    ],
)
def test_wrong_addresses(url: str, said: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"^database: ") as caught:
        parse(url)
    assert said in str(caught.value)


def test_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEPDOWN_DATABASE", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert parse().file == Path("/data/stepdown/ledger.db")
    monkeypatch.delenv("XDG_DATA_HOME")
    assert parse().file == Path.home() / ".local/share/stepdown/ledger.db"
    monkeypatch.setenv("STEPDOWN_DATABASE", "postgresql://db/costs")
    assert default_url() == "postgresql://db/costs"
