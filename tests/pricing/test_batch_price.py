"""What requests cost in batches: the catalogue's prices, and a share where it has none."""

from datetime import UTC, datetime
from decimal import Decimal

from genai_prices.data_snapshot import get_snapshot

from stepdown.pricing.batch_price import Discounted
from stepdown.pricing.book import PriceBook
from stepdown.pricing.catalogue import Catalogue
from stepdown.pricing.price import TokenPrice
from stepdown.types import Usage

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
USAGE = Usage(input=1000, output=100)


def test_a_share_of_another_price() -> None:
    price = TokenPrice(Decimal("0.001"), Decimal("0.002"))
    assert Discounted(price).cost(USAGE) == price.cost(USAGE) / 2
    assert Discounted(price, Decimal("0.25")).cost(USAGE) == price.cost(USAGE) / 4


def test_every_batch_price_of_the_catalogue_is_at_most_the_ordinary_one() -> None:
    catalogue = Catalogue.bundled()
    known = 0
    for provider in get_snapshot().providers:
        for info in provider.models:
            price = catalogue.batch(info.id, provider.id, NOW)
            ordinary = catalogue.find(info.id, provider.id)
            if price is None or ordinary is None:
                continue
            known += 1
            assert price.cost(USAGE) <= ordinary.schedule.at(NOW).cost(USAGE), info.id
    assert known > 20


def test_what_the_catalogue_does_not_know() -> None:
    catalogue = Catalogue.bundled()
    assert catalogue.batch("my-model", None, NOW) is None
    book = PriceBook({"claude-haiku-4-5": TokenPrice(Decimal(1), Decimal(1))})
    assert book.batch("claude-haiku-4-5", "anthropic") is None  # overrides say nothing of it
    assert book.batch("claude-haiku-4-5", "nobody") is None
    known = PriceBook().batch("claude-haiku-4-5", "anthropic")
    assert known is not None
    assert known.cost(Usage(input=1_000_000)) == Decimal("0.5")
