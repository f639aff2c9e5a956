"""Which deployments stand behind a name, and the price that none of them exceeds."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stepdown.config.build import build_deployments
from stepdown.config.serving import Dearest, Serving
from stepdown.config.upstreams import Upstreams
from stepdown.pricing.price import TokenPrice
from stepdown.types import Usage
from support.documents import entry, read

D = Decimal


def rates(input_: float, output: float) -> dict[str, float]:
    return {"input_cost_per_token": input_, "output_cost_per_token": output}


def serving(*entries: dict[str, Any], **aliases: str) -> Serving:
    return Serving(build_deployments(read(*entries), Upstreams()), aliases)


def test_what_stands_behind_a_name() -> None:
    found = serving(
        entry("gpt", "openai/gpt-5", api_base="http://a/v1"),
        entry("gpt", "openai/gpt-5-mini"),
        entry("team/*", "openai/*"),
        best="gpt",
    )
    for name in ("gpt", "best"):
        assert [each.upstream_model for each in found.behind(name)] == ["gpt-5", "gpt-5-mini"]
    assert [each.upstream_model for each in found.behind("team/x")] == ["x"]
    assert found.behind("nobody") == []


def test_the_dearest_deployment_counts() -> None:
    found = serving(
        entry("m", "openai/one", **rates(1e-6, 9e-6)),
        entry("m", "openai/two", **rates(2e-6, 4e-6)),
        entry("half", "openai/one", **rates(1e-6, 1e-6)),
        entry("half", "openai/nobody-knows-its-price"),
        entry("team/*", "openai/*", **rates(3e-6, 3e-6)),
        best="m",
    )
    for name in ("m", "best"):
        price = found.dearest(name)
        assert price is not None
        assert price.cost(Usage(input=1_000_000)) == 2
        assert price.cost(Usage(output=1_000_000)) == 9
    assert found.dearest("half") is None
    assert found.dearest("nobody") is None
    starred = found.dearest("team/x")
    assert starred is not None
    assert starred.cost(Usage(output=1_000_000)) == 3


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=5),
    st.integers(0, 9),
    st.integers(0, 9),
)
def test_no_price_exceeds_the_dearest(
    given_rates: list[tuple[int, int]], input_: int, output: int
) -> None:
    prices = [TokenPrice(input=D(one), output=D(other)) for one, other in given_rates]
    usage = Usage(input=input_, output=output)
    costs = [price.cost(usage) for price in prices]
    assert Dearest(prices).cost(usage) == max(costs)
