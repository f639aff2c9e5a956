"""The number that an answer comes down to, as models write it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.final_number import MOST_DIGITS, READ, Number, final_number, lone_number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18", "18"),
        ("It costs 18.", "18"),
        ("So 9 * 2 = 18.", "18"),
        ("**18**", "18"),
        ("-18", "-18"),
        ("−2.5", "-2.5"),
        ("–3", "-3"),
        ("- 18 eggs", "18"),
        ("3-18", "18"),
        ("5–10", "10"),
        ("(-18)", "-18"),
        ("+3", "3"),
        (".5", "0.5"),
        ("1,234,567.89", "1234567.89"),
        ("1'000", "1000"),
        ("1 000", "1000"),
        ("1\u202f000\u202f000", "1000000"),
        ("1_000", "1000"),
        ("1, 2, 3", "3"),
        ("1,2,3", "3"),
        ("$18.50", "18.5"),
        ("-$18", "-18"),
        ("$-18", "-18"),
        ("€ 1,000", "1000"),
        ("3/4", "3/4"),
        ("1 3/4 cups", "7/4"),
        ("½", "1/2"),
        ("1½", "3/2"),
        ("2.5e3", "2500"),
        ("1E-2", "1/100"),
        ("1.2 × 10^5", "120000"),
        ("1.2*10**-2", "0.012"),
        ("10^6", "1000000"),
        ("9 m^2", "9"),
        ("9 m^{2}", "9"),
        ("H2O", None),
        ("3/0", None),
        ("none", None),
        ("", None),
        ("1e999", None),
    ],
)
def test_how_a_number_is_written(text: str, value: str | None) -> None:
    expected = None if value is None else Number(Fraction(value))
    assert final_number(text) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"\boxed{18}", "18"),
        (r"\boxed{\frac{3}{4}}", "3/4"),
        (r"$-\dfrac{3}{4}$", "-3/4"),
        (r"1\frac{1}{2}", "3/2"),
        (r"\frac34", "3/4"),
        (r"\boxed{x = 1{,}000}", "1000"),
        (r"\boxed{18\text{ eggs in } 2 \text{ boxes}}", "18"),
        (r"1\,000\,000", "1000000"),
        (r"\$18", "18"),
        (r"1.2\times 10^{-3}", "0.0012"),
    ],
)
def test_latex(text: str, value: str) -> None:
    assert final_number(text) == Number(Fraction(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("She has 3 and 4.\n#### 7\nThat was 1 step.", 7),
        ("#### 2. Sell\n9 * 2 = 18", 18),
        (r"\boxed{1} and then \boxed{7}, in 3 steps", 7),
        (r"\boxed{x} is 7", 7),
        (r"\boxed{7} #### 8", 7),
        (r"\boxed{7", 7),
        ("The answer is 18, as 16 - 3 - 4 = 9 and each costs 2.", 18),
        ("**Final answer:** $18 per day (9 eggs at $2)", 18),
        ("The answer to question 3 is **18** eggs of 20.", 18),
        ("Answer: 9 * 2 = 18 dollars, for 1 day", 18),
        ("Final Answer:\n\n18\n\nChecked 2 times.", 18),
        ("Answer: Let us see. 3 * 6 = 18.\nThen 18 + 2 = 20.", 20),
        ("The answer is unknown; there are 5.", 5),
    ],
)
def test_where_the_number_stands(text: str, value: int) -> None:
    assert final_number(text) == Number(Fraction(value))


@pytest.mark.parametrize("text", ["18%", "18 %", r"18\%", "18 percent", "18 per cent of it"])
def test_a_percentage_is_marked(text: str) -> None:
    assert final_number(text) == Number(Fraction(18), percent=True)


@pytest.mark.parametrize(
    ("text", "value"), [("18,50 €", "18.5"), ("1.234,5", "1234.5"), ("2.000", "2000")]
)
def test_a_decimal_comma(text: str, value: str) -> None:
    assert final_number(text, decimal_comma=True) == Number(Fraction(value))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4), st.text("abc .,\n"))
def test_a_number_is_read_as_it_is_written(number: object, before: str) -> None:
    assert final_number(f"{before} {number:,}") == Number(Fraction(str(number)))


@given(st.text("0123456789.,-−/ ^{}\\=#$%e*answer:frcboxd\n×½", max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    found = final_number(text)
    assert found is None or isinstance(found.value, Fraction)


def test_what_is_larger_than_any_float_is_no_number() -> None:
    assert final_number("9" * MOST_DIGITS) is not None
    assert final_number("9" * (MOST_DIGITS + 1)) is None


def test_only_the_end_is_read() -> None:
    assert final_number("5" + " " * READ) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("#### " + " ." * READ, None),
        ("1," * READ, 1),
        (r"\frac{" * READ, None),
        ("answer " * READ, None),
        ("1 1/" * READ, 1),
        (r"\boxed{" * READ + "1", 1),
    ],
)
def test_long_and_hostile_answers_are_read(text: str, value: int | None) -> None:
    expected = None if value is None else Number(Fraction(value))
    assert final_number(text) == expected


@pytest.mark.parametrize(
    ("text", "lone"),
    [
        ("18", True),
        (" -$1,000.50 ", True),
        ("3/4", True),
        ("18 %", True),
        (r"\frac{3}{4}", True),
        ("18 eggs", False),
        ("Q3", False),
        ("2024-05-01", False),
        ("", False),
        ("3/0", False),
        ("1" * (MOST_DIGITS + 1), False),
    ],
)
def test_a_number_and_nothing_else(text: str, lone: bool) -> None:
    assert lone_number(text) is lone
