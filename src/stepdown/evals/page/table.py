"""A table of the page. Where it is narrow, each row becomes a block, each cell with its name."""

from collections.abc import Sequence

from stepdown.evals.page.markup import Child, Html, el


def table(
    caption: Child, heading: Sequence[Child], rows: Sequence[Sequence[Child]], note: Child = None
) -> Html:
    """The first cell of each row names it. All others are numbers, or drawings of them.

    Where a column's name is markup, its cells have none of their own.
    """
    return el(
        "table",
        el("caption", caption, None if note is None else el("span", note, class_="note")),
        el("thead", el("tr", [el("th", name, scope="col") for name in heading])),
        el("tbody", [_row(heading, row) for row in rows]),
    )


def _row(heading: Sequence[Child], row: Sequence[Child]) -> Html:
    name, *cells = row
    return el(
        "tr",
        el("th", name, scope="row", dir="auto"),
        [
            el("td", cell, data_name=None if isinstance(title, Html) else title)
            for title, cell in zip(heading[1:], cells, strict=True)
        ],
    )
