"""What the demo shows of each prompt, and what it all comes to."""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct


class Row(Struct, frozen=True):
    """One prompt and how it was answered. Costs are US dollars, None where they are unknown.

    ``rule`` is the decision's name. ``error`` is why there was no answer.
    """

    kind: str
    prompt: str
    model: str
    rule: str
    seconds: float
    attempts: int = 0
    cost: Decimal | None = None
    saved: Decimal | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    answer: str = ""
    error: str | None = None


class RuleShare(Struct, frozen=True):
    """What one rule did."""

    model: str
    requests: int
    cost: Decimal
    saved: Decimal


class Summary(Struct, frozen=True):
    """The whole run. Shares are 0..1, money is US dollars over the requests that have a price.

    ``all_strong_cost`` is what the strong model would have cost for the same tokens;
    ``saved_percent`` is None where that is zero. ``down_*`` are the requests sent down alone.
    """

    simulated: bool
    prompts: int
    answered: int
    failed: int
    unpriced: int
    sent_down: int
    share_down: float
    cost: Decimal
    all_strong_cost: Decimal
    saved: Decimal
    saved_percent: float | None
    down_saved_percent: float | None
    seconds: float
    by_rule: dict[str, RuleShare]
    rows: list[Row]


def summarize(rows: Sequence[Row], *, cheap: str, simulated: bool, seconds: float) -> Summary:
    """Add the rows up. ``cheap`` is the cheap model's name, ``seconds`` the time of the run."""
    answered = [row for row in rows if row.error is None]
    down = [row for row in answered if row.model == cheap]
    priced = [row for row in answered if row.cost is not None and row.saved is not None]
    return Summary(
        simulated=simulated,
        prompts=len(rows),
        answered=len(answered),
        failed=len(rows) - len(answered),
        unpriced=len(answered) - len(priced),
        sent_down=len(down),
        share_down=len(down) / len(answered) if answered else 0.0,
        cost=_cost(priced),
        all_strong_cost=_cost(priced) + _saved(priced),
        saved=_saved(priced),
        saved_percent=_percent_saved(priced),
        down_saved_percent=_percent_saved([row for row in priced if row.model == cheap]),
        seconds=seconds,
        by_rule=_by_rule(answered),
        rows=list(rows),
    )


def _by_rule(rows: Sequence[Row]) -> dict[str, RuleShare]:
    """The rules that decided, the busiest first."""
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row.rule, []).append(row)
    busiest = sorted(grouped.items(), key=lambda group: -len(group[1]))
    return {
        rule: RuleShare(its[0].model, len(its), _cost(its), _saved(its)) for rule, its in busiest
    }


def _cost(rows: Sequence[Row]) -> Decimal:
    return sum((row.cost for row in rows if row.cost is not None), Decimal(0))


def _saved(rows: Sequence[Row]) -> Decimal:
    return sum((row.saved for row in rows if row.saved is not None), Decimal(0))


def _percent_saved(rows: Sequence[Row]) -> float | None:
    reference = _cost(rows) + _saved(rows)
    return float(100 * _saved(rows) / reference) if reference else None
