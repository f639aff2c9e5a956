"""Follows LiteLLM's ``include:``, which adds other files to the main one."""

from collections import deque
from pathlib import Path
from typing import Any

from stepdown.config.shapes import is_list, is_mapping
from stepdown.config.yaml_reader import read_yaml
from stepdown.errors import ConfigError

MAX_FILES = 50


def read_with_includes(path: Path) -> tuple[dict[str, Any], list[Path]]:
    """The file with what it includes, and the files read. Raises ConfigError.

    As in LiteLLM: names are relative to the file they stand in, each file is read once, lists
    (``model_list``) are joined, and any other section of an included file replaces the main one's.
    """
    document: dict[str, Any] = {}
    files: list[Path] = []
    waiting = deque([path])
    while waiting:
        file = waiting.popleft()
        if file.resolve() in [known.resolve() for known in files]:
            continue
        files.append(file)
        if len(files) > MAX_FILES:
            raise ConfigError([f"include: expected at most {MAX_FILES} files, got more"])
        sections = _sections(file)
        waiting.extend(file.parent / name for name in _names(sections.pop("include", None), file))
        for key, value in sections.items():
            earlier = document.get(key)
            document[key] = [*earlier, *value] if is_list(earlier) and is_list(value) else value
    return document, files


def _sections(file: Path) -> dict[str, Any]:
    document = read_yaml(file)
    if document is None:
        return {}
    if not is_mapping(document):
        kind = "a list" if is_list(document) else "a single value"
        raise ConfigError([f"{file}: expected a mapping of sections, got {kind}"])
    return {str(key): value for key, value in document.items()}


def _names(value: Any, file: Path) -> list[str]:
    if value is None:
        return []
    if is_list(value) and all(isinstance(name, str) for name in value):
        return value
    raise ConfigError([f"{file}: include: expected a list of file names, got another value"])
