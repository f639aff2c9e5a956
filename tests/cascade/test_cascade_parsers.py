"""Parsers: what parses, what does not, and that hostile code costs little."""

import logging
import time

import pytest

from stepdown.cascade.parsers import MOST_CODE, MOST_SQL, TOO_DEEP, NoParser, parser_for


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "def f(x: int) -> int:\n    return x + 1\n"),
        ("py", r"pattern = '\d'"),
        ("json", '{"a": [1, 2]}'),
        ("sql", "SELECT a, count(*) FROM t WHERE b > 3 GROUP BY a"),
        ("sql", "CREATE TABLE t (a int); INSERT INTO t VALUES (1);"),
        ("sql", "EXPLAIN SELECT 1"),
        ("javascript", "const f = async (x) => `${x}`;"),
        ("js", "export default function f() {}"),
    ],
)
def test_good_code_parses(language: str, code: str) -> None:
    assert parser_for(language)(code) is None


@pytest.mark.parametrize(
    ("language", "code", "reason"),
    [
        ("python", "x = 1\ndef confidential(:", "not Python: a syntax error in line 2"),
        ("python", "if x:\npass", "not Python: a wrong indent in line 2"),
        ("python", "Here is the function", "not Python: a syntax error in line 1"),
        ("python", "'\ud800'", "not Python: it cannot be encoded"),
        ("json", "{'a': 1}", "expected a key in quotes or '}', got \"'\" at character 2"),
        ("json", '{"a": 1', "expected ',' or '}', got the end of the answer"),
        ("sql", "SELECT FROM WHERE", "not SQL: a syntax error"),
        ("sql", "SELECT 'a", "not SQL: a syntax error"),
        ("sql", "Certainly friend", "not SQL: an expression, not a statement"),
        ("sql", "-- nothing", "there is no SQL statement"),
        ("javascript", "function f( { return 1", "not javascript: a syntax error"),
        ("javascript", "Here is the function", "not javascript: a syntax error"),
    ],
)
def test_bad_code_is_told_without_quoting_it(language: str, code: str, reason: str) -> None:
    assert parser_for(language)(code) == reason


def test_sql_that_the_library_gives_up_on_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        parser_for("sql")("SHOW confidential")
    assert "confidential" not in caplog.text


def test_a_dialect_has_its_own_syntax() -> None:
    code = "SELECT `a` FROM `t`"
    assert parser_for("sql", "mysql")(code) is None
    assert parser_for("sql", "postgres")(code) is not None


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "-" * 100_000 + "1"),
        ("python", "1" + "+1" * 50_000),
        ("python", "x" + ".a" * 50_000),
        ("python", "lambda:" * 3000 + "1"),
        ("sql", "SELECT " + "(" * 5000),
        ("sql", "SELECT " + "CASE WHEN 1 THEN " * 1000),
    ],
)
def test_what_nests_too_deeply_does_not_parse(language: str, code: str) -> None:
    assert parser_for(language)(code) == TOO_DEEP


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "(" * 100_000),
        ("python", "9" * 100_000),
        ("json", "[" * 100_000),
        ("javascript", "(" * 100_000),
        ("javascript", "@#$%^&*(" * 10_000),
        ("javascript", "`${" * 10_000),
        ("python", "x" * (MOST_CODE + 1)),
        ("javascript", "x" * (MOST_CODE + 1)),
        ("sql", "SELECT 1" + " " * MOST_SQL),
    ],
)
def test_hostile_code_is_turned_down_quickly(language: str, code: str) -> None:
    parse = parser_for(language)
    began = time.process_time()
    assert parse(code) is not None
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("language", "dialect", "reason"),
    [
        (
            "cobol",
            None,
            "no grammar of 'cobol' is installed: needs `pip install tree-sitter-cobol`",
        ),
        ("c#", None, "needs `pip install tree-sitter-c-sharp`"),
        ("os.path", None, "expected the name of a language in lower case"),
        ("sql", "klingon", "sqlglot has no dialect 'klingon'"),
    ],
)
def test_a_missing_parser_is_named(language: str, dialect: str | None, reason: str) -> None:
    with pytest.raises(NoParser) as caught:
        parser_for(language, dialect)
    assert reason in str(caught.value)


@pytest.mark.parametrize(("language", "module"), [("sql", "sqlglot"), ("go", "tree_sitter")])
def test_without_the_extra_it_is_named(
    language: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(NoParser, match=r"needs `pip install 'stepdown\[code\]'`"):
        parser_for(language)
