"""Sums in the database: exact where they do not fit its integers, and zero of nothing."""

from decimal import Decimal

from sqlalchemy import select

from stepdown.storage.database import open_database
from stepdown.storage.sums import read_sums, sums_of
from stepdown.storage.tables import shadow_counters

LARGEST = 2**63 - 1


def total(url: str) -> dict[str, object]:
    engine = open_database(url)
    with engine.connect() as connection:
        row = connection.execute(select(*sums_of(shadow_counters, ("amount",), ("cost",)))).one()
    engine.dispose()
    return read_sums(("amount",), ("cost",), row)


def test_of_nothing(database_url: str) -> None:
    assert total(database_url) == {"amount": 0, "cost": Decimal(0)}


def test_of_more_than_an_integer_holds(database_url: str) -> None:
    engine = open_database(database_url)
    with engine.begin() as connection:
        for bucket in range(3):
            values = {"bucket": bucket, "route": "auto", "reason": "paired"}
            connection.execute(shadow_counters.insert().values(values | SUMS))
    engine.dispose()
    assert total(database_url) == {"amount": 6, "cost": Decimal(3 * LARGEST).scaleb(-12)}


SUMS = {"amount": 2, "cost": LARGEST}
