"""Progress is bars on a terminal, and a line now and then elsewhere."""

from io import StringIO

from rich.console import Console

from stepdown.demo.progress import Bars, Lines, shown_on


def test_lines_are_few() -> None:
    out = StringIO()
    with shown_on(Console(file=out)) as progress:
        assert isinstance(progress, Lines)
        for done in range(101):
            progress.at("Model: fetching", done * 1_000_000, 100_000_000)
        progress.at("Model: fetching", 100_000_000, 100_000_000)
        progress.note("Another process is fetching.")
    assert out.getvalue().splitlines() == [
        "Model: fetching: 0 of 100 MB",
        "Model: fetching: 100 of 100 MB",
        "Another process is fetching.",
    ]


def test_a_terminal_gets_a_bar_for_each_piece_of_work() -> None:
    out = StringIO()
    with shown_on(Console(file=out, force_terminal=True, width=100)) as progress:
        assert isinstance(progress, Bars)
        progress.at("Model: fetching", 50_000_000, 100_000_000)
        progress.at("Model: checking", 100_000_000, 100_000_000)
    assert "50.0/100.0 MB" in out.getvalue()
    assert "100.0/100.0 MB" in out.getvalue()
