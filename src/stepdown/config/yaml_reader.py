"""Reads one YAML file, safely: bounded in size, depth and aliases, and each key only once."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from stepdown.errors import ConfigError

MAX_BYTES = 1024 * 1024
"""Bytes of one file."""
MAX_DEPTH = 50
"""Levels of nesting, aliases followed."""
MAX_NODES = 100_000
"""Values of one file, each alias counted as often as it is used."""

_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_MERGE = "tag:yaml.org,2002:merge"


def read_yaml(path: Path) -> Any:
    """The file's one document as plain dicts, lists and scalars. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError([f"{path}: expected a readable file, got: {error.strerror}"]) from None
    if len(data) > MAX_BYTES:
        raise ConfigError([f"{path}: expected at most {MAX_BYTES} bytes, got more"])
    try:
        return parse_yaml(data.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        problem = f"{path}: expected UTF-8 text, got another byte at position {error.start}"
    raise ConfigError([problem])


def parse_yaml(text: str, name: str) -> Any:
    """The text's one document. Raises ConfigError; its lines never quote a value of the text."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _measure(node)
        return loader.construct_document(node)  # pyright: ignore[reportUnknownMemberType]
    except yaml.MarkedYAMLError as error:
        problem = f"{_place(name, error.problem_mark)}: {error.problem}"
    except yaml.reader.ReaderError as error:
        problem = f"{name}: expected text without control characters, got one at {error.position}"
    except (ValueError, OverflowError):
        problem = f"{name}: expected plain values, got one that does not fit its YAML tag"
    # Raised out here, for the parser's own error carries the lines around it, keys and all.
    raise ConfigError([problem])


class _Loader(yaml.SafeLoader):
    """The safe loader, with a limit on nesting, without dates, and strict about double keys."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(
                problem=f"expected at most {MAX_DEPTH} levels of nesting",
                problem_mark=self.get_mark(),
            )
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[str, yaml.Node] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _wrong(key, "expected a plain word as a key")
            if key.value in seen:
                first = seen[key.value].start_mark.line + 1
                raise _wrong(
                    key, f"expected each key once, got {key.value!r} again (first in line {first})"
                )
            if key.tag != _MERGE:
                seen[key.value] = key
        return super().construct_mapping(node, deep=deep)


# A date such as `api_version: 2024-10-21` is meant as text.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _measure(root: yaml.Node) -> None:
    """Refuse a document that aliases would blow up: count what they stand for, expand nothing."""
    sizes: dict[int, tuple[int, int]] = {}
    under_way: set[int] = set()

    def size(node: yaml.Node) -> tuple[int, int]:
        known = sizes.get(id(node))
        if known is not None:
            return known
        if id(node) in under_way:
            raise _wrong(node, "expected a finite document, got an alias inside what it names")
        under_way.add(id(node))
        nodes, depth = 1, 0
        for child in _children(node):
            child_nodes, child_depth = size(child)
            nodes, depth = nodes + child_nodes, max(depth, child_depth)
        if nodes > MAX_NODES:
            raise _wrong(node, f"expected at most {MAX_NODES} values, aliases counted at each use")
        if depth >= MAX_DEPTH:
            raise _wrong(node, f"expected at most {MAX_DEPTH} levels of nesting")
        under_way.discard(id(node))
        sizes[id(node)] = nodes, depth + 1
        return sizes[id(node)]

    size(root)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _wrong(place: Any, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=place.start_mark)


def _place(name: str, mark: yaml.Mark | None) -> str:
    return name if mark is None else f"{name}, line {mark.line + 1}, column {mark.column + 1}"
