"""Variables: resolved anywhere, reported where unset, never shown."""

from stepdown.config.environment import FromEnvironment, Resolver, with_file_variables
from stepdown.config.notes import UNSET


def test_values_are_resolved_wherever_they_stand() -> None:
    resolver = Resolver({"A": "1", "B": "2"})
    tree = {"x": "os.environ/A", "y": [{"z": "os.environ/B"}, "plain"], "n": 3}
    assert resolver.resolve(tree) == {"x": "1", "y": [{"z": "2"}, "plain"], "n": 3}
    assert resolver.notes == []


def test_unset_and_empty_variables_are_no_value_and_are_noted() -> None:
    resolver = Resolver({"EMPTY": ""})
    resolved = resolver.resolve({"a": [{"b": "os.environ/GONE"}], "c": "os.environ/EMPTY"})
    assert resolved == {"a": [{"b": None}], "c": None}
    assert [(note.path, note.what) for note in resolver.notes] == [
        ("a[0].b", UNSET),
        ("c", UNSET),
    ]
    assert "GONE" in resolver.notes[0].why


def test_a_value_knows_its_variable_and_hides_itself() -> None:
    value = Resolver({"KEY": "secret"}).resolve("os.environ/KEY")
    assert isinstance(value, FromEnvironment)
    assert value == "secret"
    assert repr(value) == "<the value of os.environ/KEY>"


def test_the_files_own_variables_go_first() -> None:
    section = {"A": "file", "B": 5, "C": "os.environ/HOME", "D": "os.environ/GONE"}
    merged = with_file_variables({"A": "process", "HOME": "/h"}, section)
    assert merged == {"A": "file", "B": "5", "C": "/h", "HOME": "/h"}
