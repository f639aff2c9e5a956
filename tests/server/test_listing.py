"""The parameters of lists."""

import pytest
from starlette.requests import Request

from stepdown.errors import InvalidField
from stepdown.server.listing import limit_of, order_of


def asked(query: str) -> Request:
    return Request({"type": "http", "query_string": query.encode(), "headers": []})


def test_what_is_not_asked_for_has_a_default() -> None:
    assert limit_of(asked(""), 20) == 20
    assert order_of(asked("")) == "desc"


def test_what_is_asked_for() -> None:
    assert limit_of(asked("limit=5"), 20) == 5
    assert order_of(asked("order=asc")) == "asc"


@pytest.mark.parametrize(
    "query", ["limit=", "limit=-1", "limit=1.5", "limit=ten", "limit=1" + "0" * 9]
)
def test_a_limit_is_a_number(query: str) -> None:
    with pytest.raises(InvalidField) as caught:
        limit_of(asked(query), 20)
    assert caught.value.param == "limit"
    assert "expected a whole number, got" in caught.value.message


def test_an_order_is_one_of_two() -> None:
    with pytest.raises(InvalidField) as caught:
        order_of(asked("order=newest"))
    assert caught.value.param == "order"
    assert caught.value.message == "order: expected asc or desc, got 'newest'."
