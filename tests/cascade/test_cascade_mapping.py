"""Options by name."""

from stepdown.cascade.validators.mapping import read_mapping, read_number, read_text
from stepdown.routing.problems import Problems


def test_what_is_right_is_read() -> None:
    problems = Problems()
    given = read_mapping({"low": 1, "name": "x"}, ("low", "name"), "v", problems)
    assert read_number(given, "low", "v", problems, low=0, high=1) == 1.0
    assert read_text(given, "name", "v", problems) == "x"
    assert read_number(given, "absent", "v", problems) is None
    assert read_text(given, "absent", "v", problems) is None
    assert read_mapping(None, ("low",), "v", problems) == {}
    assert problems.lines == []


def test_what_is_wrong_is_told_where_it_stands() -> None:
    problems = Problems()
    given = read_mapping({"low": float("nan"), "name": " ", 3: 1}, ("low", "name"), "v", problems)
    assert read_number(given, "low", "v", problems) is None
    assert read_text(given, "name", "v", problems) is None
    read_mapping([1], ("low", "name"), "w", problems)
    assert problems.lines == [
        "v.3: no such option. There are 'low', 'name'.",
        "v.low: expected a number, got nan",
        "v.name: expected a text, got ' '",
        "w: expected a mapping of low, name, got [1]",
    ]
