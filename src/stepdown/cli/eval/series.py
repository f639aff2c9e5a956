"""Prints runs of a series of evaluations: a line for one, a table and a curve for many, JSON."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from stepdown.cli.quantities import plain
from stepdown.evals.drift import Look
from stepdown.evals.history import Run
from stepdown.evals.words import UNKNOWN, interval, level, percent, rows

MOST_ROWS = 30
"""Runs in a table: the newest."""
MOST_POINTS = 80
"""Runs in a curve."""
_BARS = "▁▂▃▄▅▆▇█"


def moment(time: float) -> str:
    """A time (seconds since 1970) for people, in UTC."""
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M}"


def run_line(look: Look) -> str:
    """The latest run in one line."""
    run, regret = look.latest, look.latest.regret
    means = ", ".join(f"{model} {_mean(run, model)}" for model in run.series.ladder)
    told = [f"regret {percent(regret.value)}"]
    if regret.trials:
        told = [f"{told[0]} ({interval(regret)}; {regret.events:,} of {regret.trials:,})"]
    told += [f"{_saved(run)} saved", f"mean scores {means}"]
    if run.unscored:
        told.append(f"{rows(run.unscored)} sent down not scored")
    subject = f"{run.series.route} on {run.dataset}, run {len(look.runs):,}"
    return f"{moment(run.time)} {subject}: {'; '.join(told)}"


def json_line(run: Run, number: int, look: Look | None = None, **more: Any) -> str:
    """A run as one line of JSON; with the look at its series, what that shows.

    Money is exact text in US dollars, rates and scores are in 0..1, null where unknown.
    """
    series, regret = run.series, run.regret
    fields: dict[str, Any] = {
        "series": series.key,
        "run": number,
        "slot": run.slot,
        "time": run.time,
        "route": series.route,
        "dataset": run.dataset,
        "digest": series.digest,
        "policy": series.policy,
        "setup": series.setup,
        "ladder": series.ladder,
        "margin": series.margin,
        "confidence": run.confidence,
        "rows": run.rows,
        "down": run.down,
        "scored": run.scored,
        "unscored": run.unscored,
        "regrets": run.regrets,
        "regret": regret.value,
        "low": regret.low,
        "high": regret.high,
        "scores": dict(run.means),
        "cost": None if run.cost is None else plain(run.cost),
        "reference_cost": None if run.reference_cost is None else plain(run.reference_cost),
    }
    if look is not None:
        fields["above_limit"] = look.above
        fields["flags"] = [
            {name: getattr(flag, name) for name in flag.__struct_fields__} for flag in look.flags
        ]
    return json.dumps({**fields, **more})


def print_series(look: Look, out: Console) -> None:
    """A table of a series' newest runs, its curves, and what it shows."""
    out.print(_table(look))
    for line in (*_curves(look.runs), _shown(look), *look.alarms):
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def sparkline(values: Sequence[float | None]) -> str:
    """One character a value, from the lowest to the highest; a space where there is none."""
    known = [value for value in values if value is not None]
    if not known:
        return " " * len(values)
    low, span = min(known), max(known) - min(known)
    return "".join(" " if value is None else _BARS[_step(value - low, span)] for value in values)


def _step(above: float, span: float) -> int:
    return round(above / span * (len(_BARS) - 1)) if span else 0


def _table(look: Look) -> Table:
    latest, earlier = look.latest, max(0, len(look.runs) - MOST_ROWS)
    series = latest.series
    table = Table(
        title=f"{series.route} on {latest.dataset}",
        caption=f"data {series.digest[:12]}, policy {series.policy}, "
        + f"setup {series.setup}, " * bool(series.setup)
        + f"margin {series.margin:g}"
        + f"; {earlier:,} earlier runs are not in the table" * bool(earlier),
    )
    table.add_column("run", justify="right")
    table.add_column("time (UTC)", no_wrap=True)
    headings = ["rows", "sent down", "regret", f"{level(latest.confidence)} interval", "saved"]
    for heading in (*headings, *series.ladder):
        table.add_column(heading, justify="right")
    for number, run in list(enumerate(look.runs, 1))[earlier:]:
        table.add_row(f"{number:,}", *_cells(run))
    return table


def _cells(run: Run) -> list[str]:
    return [
        moment(run.time),
        f"{run.rows:,}",
        percent(run.down / run.rows if run.rows else None),
        percent(run.regret.value),
        interval(run.regret),
        _saved(run),
        *(_mean(run, model) for model in run.series.ladder),
    ]


def _curves(runs: Sequence[Run]) -> list[str]:
    ladder = runs[-1].series.ladder
    shown = runs[-MOST_POINTS:]
    width = max(len(name) for name in ("regret", *ladder))
    lines = [_curve("regret".ljust(width), [run.regret.value for run in shown], percent)]
    for model in ladder:
        values = [run.means.get(model) for run in shown]
        lines.append(_curve(model.ljust(width), values, "{:.3f}".format))
    return lines


def _curve(name: str, values: Sequence[float | None], said: Callable[[float], str]) -> str:
    known = [value for value in values if value is not None]
    ends = f"{said(min(known))} to {said(max(known))}" if known else UNKNOWN
    return f"{name}  {sparkline(values)}  {ends}"


def _shown(look: Look) -> str:
    count = len(look.runs)
    runs = "1 run" if count == 1 else f"{count:,} runs"
    error = f"any of it false with {percent(1.0 - look.latest.confidence)} at most, over all looks"
    if look.flags:
        return f"In {runs} this moved ({error}):"
    return f"In {runs} nothing is shown to have moved."


def _saved(run: Run) -> str:
    if run.cost is None or not run.reference_cost:
        return UNKNOWN
    return percent(float(1 - run.cost / run.reference_cost))


def _mean(run: Run, model: str) -> str:
    mean = run.means.get(model)
    return UNKNOWN if mean is None else f"{mean:.3f}"
