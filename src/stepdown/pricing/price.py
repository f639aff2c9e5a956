"""The price of a model's tokens: exact US dollars for the usage of one call."""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import force_setattr

from stepdown.types import Usage

ZERO = Decimal(0)

RATES = (
    "input",
    "output",
    "cached_input",
    "cache_write",
    "audio_input",
    "audio_output",
    "reasoning",
    "request",
)
"""The names of a price's rates, in the order in which they are shown."""


class Tier(Struct, frozen=True):
    """A call with more than ``above`` input tokens costs ``price`` for all its tokens."""

    above: int
    price: "TokenPrice"


class TokenPrice(Struct, frozen=True):
    """US dollars per token, by kind of token.

    A kind without a rate of its own (None) costs what the kind that includes it costs: cached,
    cache-writing and audio input cost ``input`` (as image input does), reasoning and audio output
    cost ``output``. ``request`` is a fee for each call. ``date`` is the ISO date since which the
    price holds, or that of the catalogue it was read from.
    Raises ValueError, naming the rate, where one is not a finite, non-negative Decimal.
    """

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    audio_input: Decimal | None = None
    audio_output: Decimal | None = None
    reasoning: Decimal | None = None
    request: Decimal = ZERO
    tiers: tuple[Tier, ...] = ()
    source: str = "config"
    date: str = ""

    def __post_init__(self) -> None:
        for name in RATES:
            _check_rate(name, getattr(self, name))
        force_setattr(self, "tiers", tuple(sorted(self.tiers, key=lambda tier: -tier.above)))

    def cost(self, usage: Usage) -> Decimal:
        """US dollars for one call; exact to the 28 digits of Decimal's arithmetic.

        ``usage.input`` includes the cached, cache-writing and audio tokens, ``usage.output`` the
        reasoning and audio ones. Where an upstream's counts contradict that (the parts exceed the
        whole), it counts the parts beside the whole, as some do, and both are billed: the dearer
        reading. A negative count is billed as none.
        """
        inputs = usage.cached_input | usage.cache_write | usage.audio_input
        outputs = usage.reasoning | usage.audio_output
        if (usage.input | usage.output | inputs | outputs) < 0:  # or-ed: any sign bit shows
            return self.cost(_without_negatives(usage))
        price = self._at(usage.input) if self.tiers else self
        total = price.input * usage.input + price.output * usage.output + price.request
        if inputs:
            total += price._input_parts(usage)
        if outputs:
            total += price._output_parts(usage)
        return total

    def _at(self, tokens: int) -> "TokenPrice":
        for tier in self.tiers:  # the highest first
            if tokens > tier.above:
                return tier.price
        return self

    def _input_parts(self, usage: Usage) -> Decimal:
        """What the input's parts cost beyond what the whole was billed for them."""
        cached, written, heard = usage.cached_input, usage.cache_write, usage.audio_input
        billed = self.input if cached + written + heard <= usage.input else ZERO
        return (
            (_rate(self.cached_input, self.input) - billed) * cached
            + (_rate(self.cache_write, self.input) - billed) * written
            + (_rate(self.audio_input, self.input) - billed) * heard
        )

    def _output_parts(self, usage: Usage) -> Decimal:
        thought, spoken = usage.reasoning, usage.audio_output
        billed = self.output if thought + spoken <= usage.output else ZERO
        return (_rate(self.reasoning, self.output) - billed) * thought + (
            _rate(self.audio_output, self.output) - billed
        ) * spoken


def _rate(own: Decimal | None, whole: Decimal) -> Decimal:
    return whole if own is None else own


def _without_negatives(usage: Usage) -> Usage:
    return Usage(
        input=max(usage.input, 0),
        output=max(usage.output, 0),
        cached_input=max(usage.cached_input, 0),
        cache_write=max(usage.cache_write, 0),
        reasoning=max(usage.reasoning, 0),
        audio_input=max(usage.audio_input, 0),
        audio_output=max(usage.audio_output, 0),
    )


def _check_rate(name: str, rate: object) -> None:
    if rate is None and name not in ("input", "output", "request"):
        return
    if not isinstance(rate, Decimal) or not rate.is_finite() or rate < 0:
        raise ValueError(f"{name}: expected a finite Decimal of at least 0, got {rate!r}")
