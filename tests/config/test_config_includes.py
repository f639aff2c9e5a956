"""Included files: LiteLLM's merging, each file once."""

from pathlib import Path

import pytest

from stepdown.config.includes import MAX_FILES, read_with_includes
from support.documents import refused


def write(directory: Path, **files: str) -> Path:
    for name, text in files.items():
        (directory / f"{name}.yaml").write_text(text)
    return directory / "main.yaml"


def test_lists_are_joined_and_other_sections_replaced(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main="include: [more.yaml]\nmodel_list: [a]\nserver: {port: 1, host: x}",
        more="model_list: [b]\nserver: {port: 2}\nroutes: {}",
    )
    document, files = read_with_includes(main)
    assert document == {"model_list": ["a", "b"], "server": {"port": 2}, "routes": {}}
    assert [file.name for file in files] == ["main.yaml", "more.yaml"]


def test_names_are_relative_to_the_including_file(tmp_path: Path) -> None:
    main = write(tmp_path, main="include: [sub/one.yaml]")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "one.yaml").write_text("include: [two.yaml]")
    (tmp_path / "sub" / "two.yaml").write_text("server: {port: 7}")
    assert read_with_includes(main)[0] == {"server": {"port": 7}}


def test_circles_end(tmp_path: Path) -> None:
    main = write(tmp_path, main="include: [other.yaml]", other="include: [main.yaml, other.yaml]")
    assert read_with_includes(main)[0] == {}


def test_the_number_of_files_is_bounded(tmp_path: Path) -> None:
    names = ", ".join(f"f{i}.yaml" for i in range(MAX_FILES + 1))
    main = write(tmp_path, main=f"include: [{names}]")
    for i in range(MAX_FILES + 1):
        (tmp_path / f"f{i}.yaml").write_text("")
    assert f"expected at most {MAX_FILES} files" in refused(lambda: read_with_includes(main))[0]


@pytest.mark.parametrize("include", ["x.yaml", "[1]", "{a: b}"])
def test_include_must_list_names(tmp_path: Path, include: str) -> None:
    main = write(tmp_path, main=f"include: {include}")
    assert "include: expected a list of file names" in refused(lambda: read_with_includes(main))[0]


@pytest.mark.parametrize("text", ["[a]", "just text"])
def test_a_file_must_be_a_mapping(tmp_path: Path, text: str) -> None:
    main = write(tmp_path, main=text)
    assert "expected a mapping of sections" in refused(lambda: read_with_includes(main))[0]


def test_an_empty_file_has_no_sections(tmp_path: Path) -> None:
    assert read_with_includes(write(tmp_path, main=""))[0] == {}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    main = write(tmp_path, main="include: [gone.yaml]")
    assert "gone.yaml" in refused(lambda: read_with_includes(main))[0]
