"""What requests cost in a provider's batch: a share of the ordinary price."""

from decimal import Decimal

from stepdown.ports import Price
from stepdown.types import Usage

HALF = Decimal("0.5")
"""What OpenAI and Anthropic take of the ordinary price, for every kind of token.

Sources: developers.openai.com/api/docs/pricing, platform.claude.com/docs/en/about-claude/pricing
"""


class Discounted:
    """Implements ``ports.Price``: a share (0 to 1) of another price."""

    def __init__(self, price: Price, factor: Decimal = HALF) -> None:
        self.price = price
        self.factor = factor

    def cost(self, usage: Usage) -> Decimal:
        return self.price.cost(usage) * self.factor
