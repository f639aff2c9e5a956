"""The summary is the sum of its rows."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from stepdown.demo.rows import Row, summarize

money = st.decimals(0, 1, places=6)
rows = st.builds(
    Row,
    kind=st.just("kind"),
    prompt=st.just("prompt"),
    model=st.sampled_from(["weak", "strong"]),
    rule=st.sampled_from(["short-task", "default", "long"]),
    seconds=st.floats(0, 9),
    cost=st.none() | money,
    saved=st.none() | money,
    error=st.none() | st.just("upstream_failed"),
)


@given(st.lists(rows))
def test_the_summary_adds_up(given_rows: list[Row]) -> None:
    total = summarize(given_rows, cheap="weak", simulated=False, seconds=1.0)
    assert total.answered + total.failed == total.prompts == len(given_rows)
    assert total.all_strong_cost == total.cost + total.saved
    assert 0 <= total.sent_down <= total.answered
    assert 0 <= total.share_down <= 1
    assert sum(share.requests for share in total.by_rule.values()) == total.answered
    assert total.saved_percent is None or 0 <= total.saved_percent <= 100


def row(model: str, cost: str | None, saved: str | None, error: str | None = None) -> Row:
    return Row(
        "kind",
        "prompt",
        model,
        "rule-" + model,
        0.5,
        cost=None if cost is None else Decimal(cost),
        saved=None if saved is None else Decimal(saved),
        error=error,
    )


def test_a_run_in_figures() -> None:
    total = summarize(
        [row("weak", "0.01", "0.09"), row("strong", "0.10", "0"), row("", None, None, "gone")],
        cheap="weak",
        simulated=False,
        seconds=1.0,
    )
    assert (total.prompts, total.answered, total.failed, total.sent_down) == (3, 2, 1, 1)
    assert (total.cost, total.all_strong_cost) == (Decimal("0.11"), Decimal("0.20"))
    assert (total.saved_percent, total.down_saved_percent) == (45.0, 90.0)
    assert list(total.by_rule) == ["rule-weak", "rule-strong"]


def test_an_unknown_price_is_counted_and_not_taken_for_zero() -> None:
    total = summarize(
        [row("weak", None, None), row("weak", "0.01", "0.09")],
        cheap="weak",
        simulated=False,
        seconds=1.0,
    )
    assert total.unpriced == 1
    assert total.all_strong_cost == Decimal("0.10")
