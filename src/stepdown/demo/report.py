"""Shows a run: a live table on a terminal, plain lines elsewhere, a summary at the end.

Of a simulated run every line says so; that is why its table has no lines of box drawing.
"""

from collections.abc import Iterator
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from stepdown.demo.gateway import Gateway, Rung
from stepdown.demo.prompts import DemoPrompt
from stepdown.demo.rows import Row, Summary

ROOM_FOR_MORE = 8  # lines of the terminal that the live table leaves free
PROMPT_WIDTH = 60


class Report:
    """What is printed of one run, on one console."""

    def __init__(self, console: Console, rungs: list[Rung], *, simulated: bool) -> None:
        self._console = console
        self._rungs = rungs
        self._mark = "simulated " if simulated else ""
        self._simulated = simulated

    # ── while it runs ────────────────────────────────────────────────────────────────────────

    def say(self, text: str, style: str = "") -> None:
        """Print a text; of a simulated run, each of its lines says so."""
        for line in text.splitlines():
            marked = f"simulated: {line}" if self._simulated and "simulated" not in line else line
            self._console.print(Text(marked, style=style), soft_wrap=True)

    def follow(self, rows: Iterator[Row], prompts: list[DemoPrompt], *, answers: bool) -> list[Row]:
        """Take the rows as they come and show them; return them all."""
        self.say(self.title)
        if answers or not self._console.is_terminal:
            return [self._line(row, n, len(prompts), answers) for n, row in enumerate(rows, 1)]
        done: list[Row] = []
        with Live(console=self._console, transient=True, refresh_per_second=8) as live:
            live.update(self._under_way(done, prompts))
            for row in rows:
                done.append(row)
                live.update(self._under_way(done, prompts))
        self._console.print(self._table(done))
        return done

    @property
    def title(self) -> str:
        """What runs here, and whose prices are charged."""
        models = " and ".join(
            r.name if served == r.name else f"{r.name} ({served})"
            for r in self._rungs
            for served in [r.upstream_model.rpartition("/")[2]]
        )
        prices = " / ".join(r.priced_as for r in self._rungs)
        return f"{models}: costs are those of {prices} for the same tokens"

    def _line(self, row: Row, number: int, total: int, answers: bool) -> Row:
        cells = (
            f"{number:>{len(str(total))}}/{total}",
            f"{self._model(row):<{self._model_width}}",
            f"{row.rule:<24}",
            f"{row.seconds:>6.2f} s",
            f"{dollars(row.cost):>11}",
            f"saved {dollars(row.saved):>11}",
            row.error or shortened(row.prompt),
        )
        self.say("  ".join(cells))
        if answers and row.error is None:
            self.say(row.answer)
        return row

    def _under_way(self, done: list[Row], prompts: list[DemoPrompt]) -> RenderableType:
        room = max(3, self._console.height - ROOM_FOR_MORE)
        cost = sum((row.cost or Decimal(0) for row in done), Decimal(0))
        saved = sum((row.saved or Decimal(0) for row in done), Decimal(0))
        so_far = f"{len(done)} of {len(prompts)}  cost {dollars(cost)}  saved {dollars(saved)}"
        asking = f"  asking: {prompts[len(done)].shown}" if len(done) < len(prompts) else ""
        status = Text(self._mark + so_far + asking, style="dim", no_wrap=True, overflow="ellipsis")
        return Group(self._table(done[-room:]), status)

    def _table(self, rows: list[Row]) -> Table:
        table = Table(box=None if self._simulated else SIMPLE_HEAD, expand=True)
        table.add_column(f"{self._mark}model", no_wrap=True, min_width=self._model_width)
        table.add_column("prompt", no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column("decided by", no_wrap=True, overflow="ellipsis", max_width=24)
        table.add_column("latency", justify="right", no_wrap=True)
        table.add_column("cost", justify="right", no_wrap=True)
        table.add_column("saved", justify="right", no_wrap=True)
        for row in rows:
            table.add_row(
                Text(self._model(row), style=self._style(row)),
                Text(row.error or row.prompt, style="red" if row.error else ""),
                Text(row.rule),
                f"{row.seconds:.2f} s",
                dollars(row.cost),
                dollars(row.saved),
            )
        return table

    def _model(self, row: Row) -> str:
        name = row.model or "none"
        return name if name.startswith(self._mark.strip()) else self._mark + name

    @property
    def _model_width(self) -> int:
        return max(len(rung.name) for rung in self._rungs)

    def _style(self, row: Row) -> str:
        if row.error is not None:
            return "red"
        return "green" if row.model == self._rungs[0].name else ""

    # ── at the end ───────────────────────────────────────────────────────────────────────────

    def summary(self, summary: Summary) -> None:
        """Print the split, and what it cost against all-strong."""
        cheap, strong = self._rungs[0].name, self._rungs[-1].name
        stayed = summary.answered - summary.sent_down
        self.say(
            f"Split: {summary.answered} prompts answered in {summary.seconds:.0f} s: "
            f"{summary.sent_down} by {cheap} ({summary.share_down:.0%}), {stayed} by {strong}",
            style="bold",
        )
        if summary.failed:
            self.say(f"Failed: {summary.failed} prompts got no answer")
        for rule, share in summary.by_rule.items():
            self.say(f"  {rule}: {share.requests} to {share.model}, saved {dollars(share.saved)}")
        self.say(
            f"Cost: {dollars(summary.cost)} against {dollars(summary.all_strong_cost)} with "
            f"{strong} alone: {percent(summary.saved_percent)} saved"
            f" ({percent(summary.down_saved_percent)} on the prompts sent down)",
            style="bold",
        )
        if summary.unpriced:
            self.say(f"Unpriced: {summary.unpriced} answers have no known price")

    def next_steps(self, gateway: Gateway, *, stays: bool) -> None:
        """Print what to do next. ``stays``: the gateway remains up."""
        if stays:
            self.say(f"The gateway is up: base_url {gateway.base_url}, model auto. Ctrl-C stops it")
            for line in snippets(gateway.base_url):
                self.say(line)
        self.say("Next:")
        if not stays:
            self.say("  stepdown demo --serve               keep it up for your own client")
        self.say('  stepdown explain "YOUR PROMPT"       which model, and why')
        self.say(f"  stepdown savings --database {gateway.database}")
        self.say("  stepdown serve --config FILE         with your own keys: docs/quickstart.md")
        self.say(f"  a configuration to begin with:       {gateway.config}")


def snippets(base_url: str) -> list[str]:
    """How to ask this gateway, by hand and from Python."""
    return [
        f"  curl {base_url}/chat/completions -H 'content-type: application/json' -d "
        '\'{"model": "auto", "messages": [{"role": "user", "content": "Is 7 prime? Yes or no"}]}\'',
        f'  OpenAI(base_url="{base_url}", api_key="none-needed")'
        '.chat.completions.create(model="auto", messages=[...])',
    ]


def dollars(amount: Decimal | None) -> str:
    """An amount to a millionth of a dollar."""
    if amount is None:
        return "unpriced"
    return f"-${-amount:.6f}" if amount < 0 else f"${amount:.6f}"


def percent(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.1f} %"


def shortened(text: str, width: int = PROMPT_WIDTH) -> str:
    """The text on at most this many characters."""
    return text if len(text) <= width else text[: width - 1] + "…"
