"""Whether a prompt fits a window, and how many tokens a request sets aside."""

from stepdown.providers.demand import Demand
from stepdown.routing.tokens import estimate
from stepdown.types import Request
from support.fleets import request


def test_a_body_smaller_than_the_window_fits_without_an_estimate() -> None:
    asked = request("12345678 " * 100)
    demand = Demand(asked, strict=True)
    assert demand.fits(asked.size)
    assert demand.fits(None)
    assert demand._input is None
    assert not demand.fits(100)
    assert demand._input is not None


def test_digits_do_not_fit_where_as_many_letters_would() -> None:
    digits, letters = (Demand(request(text * 400), strict=False) for text in ("739201 ", "winter "))
    assert not digits.fits(550)
    assert letters.fits(550)


def test_a_request_of_unknown_size_is_estimated() -> None:
    known = request("word " * 3000)
    unknown = Request(id="r", prompt=known.prompt, fields=known.fields)
    assert not Demand(unknown, strict=False).fits(1000)


def test_tokens_are_the_prompt_with_its_error_and_the_output_allowed_times_n() -> None:
    asked = request("word " * 100, max_tokens=50, n=3)
    reading = estimate(asked.prompt, asked.fields)
    assert Demand(asked, strict=False).tokens(1e6) == round(reading.value + reading.error + 150)
    silent = request("word " * 100)
    assert Demand(silent, strict=False).tokens(80.0) == round(reading.value + reading.error + 80)
