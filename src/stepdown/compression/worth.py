"""Whether a shorter prompt pays, where it loses what the provider has cached."""

from stepdown.ports import Price
from stepdown.types import Usage


def worth(removed: int, prefix_tokens_lost: int, price: Price | None) -> bool:
    """Whether taking ``removed`` tokens away saves more than the lost discount costs.

    ``prefix_tokens_lost`` are tokens that would have been read from the provider's cache at the
    price of cached input, and will be read afresh. Of a model without a known price nothing that
    is cached is given up.
    """
    if removed <= 0:
        return False
    if prefix_tokens_lost <= 0:
        return True
    if price is None:
        return False
    lost = prefix_tokens_lost
    dearer = price.cost(Usage(input=lost)) - price.cost(Usage(input=lost, cached_input=lost))
    saved = price.cost(Usage(input=removed)) - price.cost(Usage())
    return saved > dearer
