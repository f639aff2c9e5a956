"""Parsers of code for the ``code`` validator: each says in words why a text does not parse.

Answers are hostile input: their size is bounded, and what nests too deeply does not parse.
"""

import ast
import logging
import re
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from stepdown.cascade.json_prefix import JsonPrefix

Parser = Callable[[str], str | None]
"""Why a text is no code of its language, or None where it is."""

MOST_CODE = 128 * 1024
"""Characters: parsing takes the event loop's time, 150 ms for so many of Python."""

MOST_SQL = 32 * 1024
"""The same, of a parser that is itself written in Python."""

TOO_DEEP = "the code is nested too deeply"

ALIASES: Mapping[str, str] = {
    "py": "python",
    "js": "javascript",
    "ts": "typescript",
    "golang": "go",
    "rs": "rust",
    "rb": "ruby",
    "sh": "bash",
    "shell": "bash",
    "c++": "cpp",
    "c#": "c_sharp",
    "csharp": "c_sharp",
}
BUILT_IN = ("python", "json", "sql")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class NoParser(ValueError):
    """There is no parser for the language; says what is missing."""


def parser_for(language: str, dialect: str | None = None) -> Parser:
    """The parser of a language, by its usual name in lower case. Raises NoParser."""
    language = ALIASES.get(language, language)
    if language == "python":
        return parse_python
    if language == "json":
        return parse_json
    if language == "sql":
        return sql_parser(dialect)
    return grammar_parser(language)


def parse_python(code: str) -> str | None:
    if len(code) > MOST_CODE:
        return f"the code has more than {MOST_CODE} characters"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a doubtful escape is no error, and not ours to tell
            ast.parse(code)
    except SyntaxError as error:
        return f"not Python: {_kind(error)} in line {error.lineno}"
    except (RecursionError, MemoryError):
        return TOO_DEEP
    except ValueError:
        return "not Python: it cannot be encoded"
    return None


def _kind(error: SyntaxError) -> str:
    """The kind of fault: the message itself may quote the code."""
    return "a wrong indent" if isinstance(error, IndentationError) else "a syntax error"


def parse_json(code: str) -> str | None:
    prefix = JsonPrefix()
    return prefix.feed(code) or prefix.end()


def sql_parser(dialect: str | None = None) -> Parser:
    """Raises NoParser without sqlglot, and where it has no such dialect."""
    try:
        library: Any = import_module("sqlglot")
        expressions: Any = import_module("sqlglot.expressions")
        errors: Any = import_module("sqlglot.errors")
    except ImportError:
        raise NoParser("needs `pip install 'stepdown[code]'`") from None
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # its warnings quote the code
    try:
        library.Dialect.get_or_raise(dialect)
    except ValueError:
        raise NoParser(f"sqlglot has no dialect {dialect!r:.40}") from None
    # Prose of two words parses as a column with an alias: such is an expression, no statement.
    loose = (expressions.Condition, expressions.Alias, expressions.Tuple, expressions.Identifier)

    def parse(code: str) -> str | None:
        if len(code) > MOST_SQL:
            return f"the code has more than {MOST_SQL} characters"
        try:
            statements = [each for each in library.parse(code, read=dialect) if each is not None]
        except errors.SqlglotError:
            return "not SQL: a syntax error"
        except (RecursionError, MemoryError):
            return TOO_DEEP
        if not statements:
            return "there is no SQL statement"
        if any(isinstance(each, loose) for each in statements):
            return "not SQL: an expression, not a statement"
        return None

    return parse


def grammar_parser(language: str) -> Parser:
    """By the tree-sitter grammar of the language. Raises NoParser without it."""
    if not _NAME.fullmatch(language):
        raise NoParser("expected the name of a language in lower case")
    try:
        library: Any = import_module("tree_sitter")
    except ImportError:
        raise NoParser("needs `pip install 'stepdown[code]'`") from None
    package = f"tree-sitter-{language.replace('_', '-')}"
    try:
        module: Any = import_module(f"tree_sitter_{language}")
    except ImportError:
        raise NoParser(
            f"no grammar of {language!r:.40} is installed: needs `pip install {package}`"
        ) from None
    load = getattr(module, "language", None) or getattr(module, f"language_{language}", None)
    if load is None:
        raise NoParser(f"the package {package} offers no grammar of that name")
    grammar = library.Language(load())

    def parse(code: str) -> str | None:
        if len(code) > MOST_CODE:
            return f"the code has more than {MOST_CODE} characters"
        tree = library.Parser(grammar).parse(code.encode("utf-8", "replace"))
        return f"not {language}: a syntax error" if tree.root_node.has_error else None

    return parse
