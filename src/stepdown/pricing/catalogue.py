"""Reads genai-prices' catalogue, the one in the package or a refreshed one, as Stepdown's prices.

Nothing here is imported before a price is asked for: the catalogue takes half a second to load.
Source: github.com/pydantic/genai-prices
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal

import genai_prices
from genai_prices.data_snapshot import DataSnapshot, get_snapshot
from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)
from msgspec import Struct

from stepdown.pricing.price import Tier, TokenPrice
from stepdown.pricing.schedule import Period, Schedule

MILLION = Decimal(1_000_000)

_FIELDS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached_input": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "audio_input": "input_audio_mtok",
    "audio_output": "output_audio_mtok",
    "reasoning": "output_reasoning_mtok",
}

_BATCH = {"processing": "batch"}
"""genai-prices' word for requests in batches."""


class Entry(Struct, frozen=True):
    """One priced model of one provider."""

    provider: str
    model: str
    schedule: Schedule


class Catalogue:
    """The prices of one snapshot. ``date`` is the ISO date that the snapshot is known to cover."""

    def __init__(self, snapshot: DataSnapshot, source: str, date: str) -> None:
        self._snapshot = snapshot
        self.source = source
        self.date = date

    @classmethod
    def bundled(cls) -> "Catalogue":
        """The catalogue inside the installed package; its date is its newest price's."""
        snapshot = get_snapshot()
        return cls(snapshot, f"genai-prices {genai_prices.__version__}", _newest(snapshot))

    def providers(self) -> frozenset[str]:
        """The ids of the providers it knows."""
        return frozenset(provider.id for provider in self._snapshot.providers)

    def find(self, model: str, provider: str | None) -> Entry | None:
        """The model's entry by genai-prices' own matching of names, or None.

        ``provider`` is genai-prices' id; None lets the model's name tell.
        """
        try:
            seller, info = self._snapshot.find_provider_model(model, None, provider, None)
        except LookupError:
            return None
        return self._entry(seller, info)

    def batch(self, model: str, provider: str | None, at: datetime) -> TokenPrice | None:
        """What the model costs in batches at a moment, or None where no such price is known."""
        try:
            _, info = self._snapshot.find_provider_model(model, None, provider, None)
        except LookupError:
            return None
        known = [
            variant
            for variant in info.price_variants or ()
            if variant.when == _BATCH
            and (variant.constraint is None or variant.constraint.active(at))
        ]
        return self._price(info.get_prices(at, _BATCH), None) if known else None

    def entries(self) -> Iterator[Entry]:
        """Every model that has a price for input and output, provider by provider."""
        for provider in self._snapshot.providers:
            for info in provider.models:
                entry = self._entry(provider, info)
                if entry is not None:
                    yield entry

    def _entry(self, provider: Provider, info: ModelInfo) -> Entry | None:
        priced = info.prices if isinstance(info.prices, list) else [_always(info.prices)]
        periods = [self._period(conditional) for conditional in priced]
        known = [period for period in periods if period is not None]
        if len(known) != len(periods) or not known:
            return None  # a model priced only at times, or in other units, is not priced
        return Entry(provider.id, info.id, Schedule(known))

    def _period(self, conditional: ConditionalPrice) -> Period | None:
        constraint = conditional.constraint
        since = constraint.start_date if isinstance(constraint, StartDateConstraint) else None
        hours = (
            (_utc(constraint.start_time), _utc(constraint.end_time))
            if isinstance(constraint, TimeOfDateConstraint)
            else None
        )
        price = self._price(conditional.prices, since)
        return None if price is None else Period(price, since, hours)

    def _price(self, prices: ModelPrice, since: date | None) -> TokenPrice | None:
        if prices.input_mtok is None or prices.output_mtok is None:
            return None
        day = self.date if since is None else since.isoformat()
        starts = sorted({start for name in _FIELDS for start in _tier_starts(prices, name)})
        tiers = tuple(Tier(start, self._flat(prices, start, day)) for start in starts)
        return self._flat(prices, 0, day, tiers)

    def _flat(
        self, prices: ModelPrice, above: int, day: str, tiers: tuple[Tier, ...] = ()
    ) -> TokenPrice:
        """The rates of a call with more than ``above`` input tokens."""
        rates = {name: _rate(getattr(prices, key), above) for name, key in _FIELDS.items()}
        fee = _rate(prices.requests_kcount, above)
        return TokenPrice(
            **rates,  # type: ignore[arg-type]  # input and output are known here
            request=Decimal(0) if fee is None else fee * 1000,  # per million → per thousand
            tiers=tiers,
            source=self.source,
            date=day,
        )


def _always(prices: ModelPrice) -> ConditionalPrice:
    return ConditionalPrice(prices=prices)


def _rate(price: Decimal | TieredPrices | None, above: int) -> Decimal | None:
    """Dollars per token where a call has more than ``above`` input tokens."""
    if price is None:
        return None
    if isinstance(price, TieredPrices):
        reached = [tier.price for tier in price.tiers if tier.start <= above]
        price = reached[-1] if above and reached else price.base
    return price / MILLION


def _tier_starts(prices: ModelPrice, name: str) -> list[int]:
    price = getattr(prices, _FIELDS[name])
    return [tier.start for tier in price.tiers] if isinstance(price, TieredPrices) else []


def _utc(moment: time) -> time:
    if moment.tzinfo is None:
        return moment
    return datetime.combine(date(2000, 1, 1), moment).astimezone(UTC).time()


def _newest(snapshot: DataSnapshot) -> str:
    today = datetime.now(UTC).date()
    starts = [
        conditional.constraint.start_date
        for provider in snapshot.providers
        for info in provider.models
        if isinstance(info.prices, list)
        for conditional in info.prices
        if isinstance(conditional.constraint, StartDateConstraint)
    ]
    return max((day for day in starts if day <= today), default=today).isoformat()
