"""Suggestions of names."""

from stepdown.names import FEW, LONGEST, known_names, nearest


def test_the_nearest_names_are_suggested() -> None:
    assert nearest("chaep", ["cheap", "strong"]) == " Did you mean 'cheap'?"
    assert nearest("xyz", ["cheap", "strong"]) == ""


def test_a_few_names_are_listed_where_none_is_near() -> None:
    assert known_names("xyz", ["cheap", "strong"]) == " There are 'cheap', 'strong'."
    assert known_names("xyz", []) == ""
    assert known_names("xyz", [f"m{n}" for n in range(FEW + 1)]).endswith("'m11', ….")


def test_names_that_are_far_too_long_are_compared_with_none() -> None:
    long = "x" * LONGEST
    assert nearest(long, [long + "y"]) == f" Did you mean {long + 'y'!r}?"
    assert nearest(long + "x", [long + "y"]) == ""
