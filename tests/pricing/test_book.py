"""The price book: overrides, providers' names, and no price for what is not known."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from stepdown.pricing.book import PROVIDERS, PriceBook
from stepdown.pricing.price import TokenPrice

MILLION = Decimal(1_000_000)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> PriceBook:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        made = PriceBook()
        assert made.catalogue  # loaded while no refreshed catalogue is there
    return made


@pytest.mark.parametrize(
    ("model", "provider", "dollars"),
    [
        ("gpt-4o", None, "2.50"),
        ("gpt-4o", "openai", "2.50"),
        ("openai/gpt-4o-mini", None, "0.15"),
        ("gpt-4o-mini", "azure", "0.15"),
        ("gemini/gemini-2.5-pro", None, "1.25"),
        ("gemini-2.5-pro", "gemini", "1.25"),
        ("gemini/gemini-2.5-pro", "gemini", "1.25"),
        ("llama-3.3-70b-versatile", "groq", "0.59"),
        ("openai/gpt-4o", "openrouter", "2.50"),
        ("openrouter/openai/gpt-4o", None, "2.50"),
    ],
)
def test_prices_by_name(book: PriceBook, model: str, provider: str | None, dollars: str) -> None:
    price = book.price(model, provider)
    assert price is not None
    assert price.input * MILLION == Decimal(dollars)


@pytest.mark.parametrize(
    ("model", "provider"),
    [("gpt-4o", "ollama"), ("gpt-4o", "hosted_vllm"), ("gpt-4o", "groq"), ("nothing", None)],
)
def test_unknown_is_none_not_zero(book: PriceBook, model: str, provider: str | None) -> None:
    assert book.price(model, provider) is None
    assert book.follow(model, provider) is None


def test_every_mapped_provider_is_in_the_catalogue(book: PriceBook) -> None:
    assert set(PROVIDERS.values()) <= book.catalogue.providers()


def test_overrides_come_first() -> None:
    own = TokenPrice(Decimal(1), Decimal(2))
    book = PriceBook({"gpt-4o": own, "local": own})
    assert book.price("gpt-4o", "openai") is own
    assert book.follow("local") is own


def test_a_running_price_is_the_price_of_now(book: PriceBook) -> None:
    kept, now = book.follow("deepseek-chat", "deepseek"), book.price("gpt-4o")
    assert kept is not None
    assert now is not None
    assert len(kept.periods) > 1  # type: ignore[union-attr]  # DeepSeek's nights are cheaper


def test_no_catalogue_and_no_network_at_import(tmp_path: Path) -> None:
    code = (
        "import sys, socket\n"
        "socket.socket.connect = lambda *a: sys.exit('the network was asked')\n"
        "import stepdown.pricing.book as b; book = b.PriceBook()\n"
        "assert 'genai_prices' not in sys.modules\n"
        "assert book.price('gpt-4o') is not None\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
