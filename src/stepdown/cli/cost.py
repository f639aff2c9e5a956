"""``stepdown cost``: the planning calculator: what sending a share to a cheap model saves."""

import json
from decimal import Decimal

import click
from msgspec import Struct

from stepdown.cli.quantities import dollars, percent, plain, share, tokens
from stepdown.pricing.book import PriceBook
from stepdown.pricing.price import TokenPrice
from stepdown.types import Usage


class Plan(Struct, frozen=True):
    """A month's bill with everything on the strong model, and with a share on the cheap one."""

    strong: Decimal
    blended: Decimal

    @property
    def saved(self) -> Decimal:
        return self.strong - self.blended


def plan(cheap: TokenPrice, strong: TokenPrice, usage: Usage, share: Decimal) -> Plan:
    """The bills in US dollars for ``usage``, ``share`` (0..1) of which goes to the cheap model.

    Both models are taken to use the same number of tokens, in requests below any tier's size.
    """
    all_cheap, all_strong = _flat(cheap).cost(usage), _flat(strong).cost(usage)
    return Plan(all_strong, share * all_cheap + (1 - share) * all_strong)


def _flat(price: TokenPrice) -> TokenPrice:
    """Without tiers and fees: those are for single calls, and this is a month of them."""
    return TokenPrice(price.input, price.output)


@click.command(name="cost")
@click.option("--output", "output", type=tokens, required=True, help="Output tokens: 100B.")
@click.option("--input", "input_", type=tokens, default="0", help="Input tokens: 400B.")
@click.option("--share", "down", type=share, required=True, help="Share sent down: 0.7 or 70%.")
@click.option("--cheap", required=True, metavar="MODEL", help="The cheap model: gpt-4o-mini.")
@click.option("--strong", required=True, metavar="MODEL", help="The strong model: gpt-4o.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; amounts are exact strings.")
def command(
    output: int, input_: int, down: Decimal, cheap: str, strong: str, as_json: bool
) -> None:
    """Work out what routing would save on a number of tokens, say a month's."""
    book = PriceBook()
    cheap_price, strong_price = _price(book, cheap, "--cheap"), _price(book, strong, "--strong")
    bill = plan(cheap_price, strong_price, Usage(input=input_, output=output), down)
    if as_json:
        click.echo(
            _as_json(bill, {"output_tokens": output, "input_tokens": input_}, down, cheap, strong)
        )
        return
    counted = f"{output:,} output tokens" + (f" and {input_:,} input tokens" if input_ else "")
    click.echo(f"For {counted}:")
    click.echo(f"  all on {strong}: {dollars(bill.strong)}")
    click.echo(f"  {percent(down, 1)} on {cheap}, the rest on {strong}: {dollars(bill.blended)}")
    click.echo(
        f"{dollars(bill.strong)} → {dollars(bill.blended)}, "
        f"{percent(bill.saved, bill.strong)} saved ({dollars(bill.saved)})"
    )
    click.echo(f"Prices: {_rates(cheap, cheap_price)}; {_rates(strong, strong_price)}")


def _price(book: PriceBook, model: str, option: str) -> TokenPrice:
    price = book.price(model)
    if price is None:
        from stepdown.cli.prices import suggestion

        raise click.BadParameter(
            f"no price is known for {model!r}.{suggestion(book, model)}", param_hint=option
        )
    return price


def _rates(model: str, price: TokenPrice) -> str:
    million = Decimal(1_000_000)
    return (
        f"{model} {dollars(price.input * million)} in, {dollars(price.output * million)} out "
        f"per million ({price.source}, {price.date})"
    )


def _as_json(bill: Plan, counts: dict[str, int], down: Decimal, cheap: str, strong: str) -> str:
    return json.dumps(
        {
            **counts,
            "share": plain(down),
            "cheap": cheap,
            "strong": strong,
            "all_strong": plain(bill.strong),
            "blended": plain(bill.blended),
            "saved": plain(bill.saved),
            "saved_share": plain((bill.saved / bill.strong).quantize(Decimal("0.0001")))
            if bill.strong
            else None,
        }
    )
