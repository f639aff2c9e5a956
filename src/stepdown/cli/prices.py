"""``stepdown prices``: what models cost, where the figure comes from, and refreshing the book."""

import json
from collections.abc import Sequence
from decimal import Decimal

import click

from stepdown.cli.quantities import dollars, plain
from stepdown.names import nearest
from stepdown.pricing.book import PriceBook
from stepdown.pricing.catalogue import Entry
from stepdown.pricing.price import RATES, TokenPrice

MILLION = Decimal(1_000_000)


@click.command(name="prices")
@click.argument("model", required=False, metavar="[MODEL | update]")
@click.option("--provider", metavar="NAME", help="Only this provider: openai, groq, azure …")
@click.option("--url", metavar="URL", help="With update: fetch the catalogue from here.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, US dollars per token.")
def command(model: str | None, provider: str | None, url: str | None, as_json: bool) -> None:
    """Show prices with their source and date; ``update`` fetches the newest.

    Without MODEL: every priced model. A part of a model's name lists all that contain it.
    """
    if model == "update":
        _update(url)
        return
    if url is not None:
        raise click.UsageError("--url belongs to `stepdown prices update`.")
    book = PriceBook()
    rows = _rows(book, model, provider)
    if as_json:
        click.echo(json.dumps([_fields(seller, name, price) for seller, name, price in rows]))
    else:
        _print(rows)


def suggestion(book: PriceBook, model: str) -> str:
    """The priced names nearest to an unknown one, as a sentence, or nothing."""
    return nearest(model, {entry.model for entry in book.catalogue.entries()})


Row = tuple[str, str, TokenPrice]


def _rows(book: PriceBook, model: str | None, provider: str | None) -> list[Row]:
    if provider is not None and book.provider_id(provider) is None:
        known = nearest(provider, book.catalogue.providers())
        raise click.BadParameter(
            f"{provider!r} is not a provider with known prices.{known}", param_hint="--provider"
        )
    if model is not None:
        exact = book.entry(model, provider)
        if exact is not None:
            return [_row(exact)]
    wanted = None if provider is None else book.provider_id(provider)
    found = [
        _row(entry)
        for entry in book.catalogue.entries()
        if (wanted is None or entry.provider == wanted)
        and (model is None or model.lower() in entry.model.lower())
    ]
    if not found:
        raise click.BadParameter(
            f"no price is known for {model!r}.{suggestion(book, model or '')}", param_hint="MODEL"
        )
    return found


def _row(entry: Entry) -> Row:
    return entry.provider, entry.model, entry.schedule.now()


def _print(rows: Sequence[Row]) -> None:
    from rich.table import Table

    from stepdown.cli.tables import console

    table = Table(title="US dollars per million tokens")
    for heading in ("provider", "model"):
        table.add_column(heading, overflow="fold")
    for heading in ("input", "cached", "cache write", "output"):
        table.add_column(heading, justify="right")
    table.add_column("more", overflow="fold")
    table.add_column("since")
    for seller, name, price in rows:
        rates = (price.input, price.cached_input, price.cache_write, price.output)
        shown = ["–" if rate is None else dollars(rate * MILLION) for rate in rates]
        table.add_row(seller, name, *shown, _more(price), price.date)
    table.caption = "Source: " + ", ".join(sorted({price.source for _, _, price in rows}))
    out = console()
    out.print(table)


def _more(price: TokenPrice) -> str:
    rates = {
        "audio in": price.audio_input,
        "audio out": price.audio_output,
        "reasoning": price.reasoning,
    }
    notes = [
        f"{name} {dollars(rate * MILLION)}" for name, rate in rates.items() if rate is not None
    ]
    if price.request:
        notes.append(f"{dollars(price.request)} a request")
    notes += [
        f"above {tier.above:,} input tokens {dollars(tier.price.input * MILLION)}"
        f" / {dollars(tier.price.output * MILLION)}"
        for tier in reversed(price.tiers)
    ]
    return ", ".join(notes)


def _fields(seller: str, name: str, price: TokenPrice) -> dict[str, object]:
    return {
        "provider": seller,
        "model": name,
        **_rates(price),
        "tiers": [{"above": tier.above, **_rates(tier.price)} for tier in reversed(price.tiers)],
        "source": price.source,
        "date": price.date,
    }


def _rates(price: TokenPrice) -> dict[str, str | None]:
    rates = {name: getattr(price, name) for name in RATES}
    return {name: None if rate is None else plain(rate) for name, rate in rates.items()}


def _update(url: str | None) -> None:
    from stepdown.pricing.refresh import DEFAULT_UPDATE_URL, PricesUnavailable, cached_file, update

    try:
        catalogue = update(url or DEFAULT_UPDATE_URL)
    except PricesUnavailable as error:
        raise click.ClickException(f"{error}\nThe prices in use stay as they were.") from error
    count = sum(1 for _ in catalogue.entries())
    click.echo(f"{count} prices fetched on {catalogue.date}, kept in {cached_file()}.")
