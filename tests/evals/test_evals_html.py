"""The page: complete, alone, and deaf to what the texts in it would like it to do."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser

import pytest
from hypothesis import given
from msgspec import json, structs

from stepdown.evals.html import html
from stepdown.evals.items import BadRow
from stepdown.evals.page.groups import MOST_GROUPS
from stepdown.evals.page.pairs import MOST_PAIRS, worst_of
from stepdown.evals.report import Corrected, Report
from stepdown.evals.rows import Row, Rung
from stepdown.evals.words import headline
from stepdown.quality.shares import Share
from support.eval_rows import mixed, numbered, report, row, rows_of

VOID = {"meta", "line", "circle", "polyline"}
ATTACK = "</pre></script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&<!--"


class Page(HTMLParser):
    """A page as a browser takes it apart. Fails where elements are not closed in their order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.append((tag, ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.append((self.open[-1], data))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def says(self, text: str) -> bool:
        return any(text in said for _, said in self.texts)

    @property
    def text(self) -> str:
        return "".join(said for _, said in self.texts)


def page(rows: Sequence[Row], **fields: object) -> Page:
    return Page(html(report(rows, **fields)))


# ── What it shows ────────────────────────────────────────────────────────────────────────────


def test_the_headline_is_there() -> None:
    made = report(mixed(40, 8))
    read = Page(html(made))
    for sentence in headline(made):
        assert read.says(sentence)
    assert read.says("small → large")


def test_every_section_has_its_heading() -> None:
    read = page(mixed(40, 8))
    headings = [said for tag, said in read.texts if tag == "h2" and said]
    assert headings == [
        "What quality costs",
        "Beside what any router has to beat",
        "Where it hurts",
        "What is not sure",
        "The worst downgrades",
        "How it was made",
    ]
    labels = {attributes["aria-labelledby"] for attributes in read.named("section")}
    assert labels <= {attributes["id"] for attributes in read.named("h2") if "id" in attributes}


def test_the_curves_are_drawn_by_cost_and_by_share_and_described() -> None:
    read = page(mixed(40, 8))
    lines = [str(each["class"]) for each in read.named("polyline")]
    assert lines == ["curve oracle", "curve random", "curve prompt-length", "curve route"] * 2
    for line in read.named("polyline"):
        places = [tuple(map(float, place.split(","))) for place in str(line["points"]).split()]
        assert all(0 <= x <= 100 and 0 <= y <= 100 for x, y in places)
    plots = [each for each in read.named("svg") if each.get("role") == "img"]
    assert ["by cost" in str(each["aria-label"]) for each in plots] == [True, False]


def test_without_costs_the_curves_are_drawn_by_share_only() -> None:
    rows = [structs.replace(each, rungs=tuple(map(free, each.rungs))) for each in mixed(40, 8)]
    read = page(rows)
    assert len(read.named("polyline")) == 4
    assert not read.says("US dollars")


def free(rung: Rung) -> Rung:
    return structs.replace(rung, cost=None)


def test_a_group_of_few_has_counts_and_no_rate() -> None:
    few = page(numbered([*mixed(40, 8), *[row((0.0, 1.0), decision="rare")] * 3]))
    assert few.says("rare")
    assert few.says("3 of 3")
    cells = [said for tag, said in few.texts if tag == "b"]
    assert "3 of 3" in cells
    assert "20.0 %" in cells


def test_unscored_and_bad_rows_are_shown_with_the_worst_case() -> None:
    made = report(numbered([*mixed(40, 8), row((None, 1.0), why="small: 503")]))
    source = structs.replace(made.source, bad=(BadRow(7, "prompt: missing"),))
    read = Page(html(structs.replace(made, source=source)))
    for text in ("Worst case", "1 ×: small: 503", "line 7: prompt: missing", "worst case"):
        assert read.says(text)


def test_the_judges_errors_are_shown() -> None:
    share = Share(3, 100, 0.01, 0.08)
    known = Corrected("rogan-gladen", 0.031, 0.012, 0.054, 200, 0, share, share)
    read = page(mixed(40, 8), corrected=known, judged=40, flips=4)
    assert read.says("Without the judge's errors")
    assert read.says("on 4 (10.0 %) it contradicted itself")


def test_a_run_that_was_stopped_says_so_first() -> None:
    text = page(mixed(40, 8), stopped="The budget is spent.").text
    assert text.index("The budget is spent.") < text.index("Downgrade regret")


def test_what_is_needed_to_make_it_again() -> None:
    read = page(mixed(40, 8))
    for text in ("2026-11-25 12:00 UTC", "3f" * 32, "0123456789ab", "exact: 50", "name: short"):
        assert read.says(text)


def test_rules_of_a_preset_go_by_its_name() -> None:
    read = page(mixed(5, 1), rules="standard")
    assert ("pre", "standard") in read.texts


@pytest.mark.parametrize(
    "rows", [[], [row((None, None))], [row((1.0, 1.0), 1)], [row((1.0,))]], ids=len
)
def test_reports_with_little_in_them(rows: list[Row]) -> None:
    read = page(rows)
    assert read.says("The worst downgrades")


@given(rows_of(rungs=3, scored=False, most=8))
def test_any_report_is_a_whole_page(rows: list[Row]) -> None:
    read = page(rows)
    regretted = [each for each in rows if each.downgraded and each.regretted(0.1)]
    assert len(read.named("details")) >= len(regretted)


# ── The worst downgrades ─────────────────────────────────────────────────────────────────────


def test_the_worst_come_first() -> None:
    rows = numbered([row((0.5, 1.0)), row((0.0, 1.0)), row((0.95, 1.0)), row((0.0, 1.0), 1)])
    made = report(rows)
    assert [each.id for each in worst_of(made)] == ["r2", "r1"]
    said = Page(html(made)).text
    assert said.index("1. r2") < said.index("2. r1")


def test_each_can_be_read_without_scripts() -> None:
    rows = numbered([row((0.0, 1.0), prompt="Which?", tags=("x", "y"))])
    read = page(rows)
    for text in ("Which?", "small says", "large says", "scored by exact", "tags: x, y"):
        assert read.says(text)
    [controls] = read.named("form")
    assert "hidden" in controls
    [pair] = [each for each in read.named("li") if "data-rule" in each]
    assert pair["data-rule"] == "short"
    assert json.decode(str(pair["data-tags"])) == ["x", "y"]


def test_an_answer_that_is_not_known_is_said_to_be() -> None:
    rungs = (Rung("small", 0.0, error="503"), Rung("large", 1.0))
    read = page(numbered([row((0.0, 1.0), rungs=rungs)]))
    assert read.says("503")
    assert read.says("The answer's text is not known.")


def test_a_large_report_stays_small_and_says_what_it_leaves_out() -> None:
    rows = numbered(
        [row((0.0, 1.0), prompt="x" * 4000, tags=(f"t{place}",)) for place in range(1000)]
    )
    source = html(report(rows))
    read = Page(source)
    assert len([each for each in read.named("li") if "data-rule" in each]) == MOST_PAIRS
    assert read.says(f"The first {MOST_PAIRS} are shown.")
    assert read.says(f"The {MOST_GROUPS} largest are shown, 940 more are not.")
    assert len(source) < 2_000_000


# ── Alone, and safe ──────────────────────────────────────────────────────────────────────────


def hostile() -> Report:
    rungs = tuple(
        Rung(f"{name}{ATTACK}", score, None, ATTACK) for name, score in (("a", 0), ("b", 1))
    )
    rows = [
        row(
            (0.0, 1.0),
            rungs=rungs,
            prompt=ATTACK,
            decision=ATTACK,
            tags=(ATTACK,),
            scorer=ATTACK,
            intent=ATTACK,
            id=ATTACK,
        ),
        row((None, 1.0), why=ATTACK, decision="javascript:alert(1)"),
    ]
    made = report(rows, route=ATTACK, stopped=ATTACK, rules={ATTACK: ATTACK}, policy=ATTACK)
    bad = (BadRow(1, ATTACK),)
    source = structs.replace(made.source, name=ATTACK, bad=bad, digest=ATTACK, format=ATTACK)
    return structs.replace(made, source=source, ladder=(ATTACK, ATTACK))


def test_what_texts_hold_stays_text() -> None:
    source = html(hostile())
    read = Page(source)
    assert len(read.named("script")) == len(read.named("style")) == 1
    assert read.named("img") == []
    assert "<script>alert" not in source
    assert sum(said.count(ATTACK) for _, said in read.texts) >= 10
    handlers = [name for _, attributes in read.tags for name in attributes if name.startswith("on")]
    assert handlers == []


def test_nothing_is_loaded_from_anywhere() -> None:
    read = Page(html(hostile()))
    loading: set[str] = {"src", "href", "xlink:href", "action", "srcset", "poster", "style", "data"}
    assert [attributes for _, attributes in read.tags if loading & attributes.keys()] == []
    own = [said for tag, said in read.texts if tag in ("script", "style")]
    assert not re.search(r"https?:|//[a-z]|url\(|@import|fetch|import\(", "".join(own))


def test_only_its_own_style_and_script_may_run() -> None:
    source = html(report(mixed(40, 8)))
    policy = content_policy(Page(source).named("meta"))
    assert policy["default-src"] == "'none'"
    assert policy["base-uri"] == policy["form-action"] == "'none'"
    for name in ("style", "script"):
        [own] = re.findall(f"<{name}>(.*?)</{name}>", source, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
        assert policy[f"{name}-src"] == f"'sha256-{digest}'"


def content_policy(metas: Sequence[Mapping[str, str | None]]) -> dict[str, str]:
    [told] = [
        str(each["content"])
        for each in metas
        if each.get("http-equiv") == "Content-Security-Policy"
    ]
    return dict(part.strip().split(" ", 1) for part in told.split(";"))


def test_the_page_can_be_written_whatever_the_texts_hold() -> None:
    rows = [row((0.0, 1.0), prompt="\ud800\0\x1b", id="\udfff", tags=("\ud800",))]
    assert html(report(rows)).encode()
