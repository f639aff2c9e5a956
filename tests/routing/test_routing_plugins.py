"""Entries of lists, and the code that they name."""

from typing import Any

import pytest

from stepdown.cli import main
from stepdown.routing.plugins import Entry, imported, made, named, read_entry, told
from stepdown.routing.problems import Problems


class Outer:
    class Inner:
        pass


@pytest.mark.parametrize(
    ("given", "entry"),
    [
        ("exact", Entry("exact", None, "list[0]")),
        ({"exact": {"strip": True}}, Entry("exact", {"strip": True}, "list[0].exact")),
        ({"exact": None}, Entry("exact", None, "list[0].exact")),
    ],
)
def test_an_entry_is_a_name_or_one_name_with_options(given: Any, entry: Entry) -> None:
    problems = Problems()
    assert read_entry(given, "list[0]", "scorer", problems) == entry
    assert problems.lines == []


@pytest.mark.parametrize("given", ["", 7, None, {}, {"a": 1, "b": 2}, {7: {}}, ["exact"]])
def test_what_is_no_entry(given: Any) -> None:
    problems = Problems()
    assert read_entry(given, "list[0]", "scorer", problems) is None
    [line] = problems.lines
    assert line.startswith("list[0]: expected a scorer's name, or one name with its options, got ")


def test_a_dotted_path_leads_into_a_module() -> None:
    assert imported(f"{__name__}:Outer.Inner") is Outer.Inner
    assert named(f"{__name__}:Outer", "stepdown.none") is Outer
    with pytest.raises(AttributeError):
        imported(f"{__name__}:Outer.Innre")
    with pytest.raises(ModuleNotFoundError):
        imported("no.such.module:name")


def test_an_entry_points_name_stands_for_what_a_package_offers() -> None:
    assert named("stepdown", "console_scripts") is main
    assert named("nobody-offers-this", "stepdown.none") is None


def test_options_are_given_by_keyword_or_as_the_one_argument() -> None:
    assert made(dict, None) == {}
    assert made(dict, {"a": 1}) == {"a": 1}
    assert made(list, ["a"]) == ["a"]


def test_an_error_in_one_line() -> None:
    assert told(ValueError("no")) == "ValueError: no"
