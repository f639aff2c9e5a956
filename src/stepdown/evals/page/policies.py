"""The page's table of the policies: the route beside what any router has to beat."""

from stepdown.evals.page.markup import Child, Html, el
from stepdown.evals.page.table import table
from stepdown.evals.report import Policy, Report
from stepdown.evals.words import cost_of_thousand, percent


def policies_section(report: Report) -> Html | None:
    """None where no row has a score of every rung."""
    if not report.policies:
        return None
    heading = ["policy", "sent down", "mean score", "regret", "cost of 1,000 rows"]
    return el(
        "section",
        el("h2", "Beside what any router has to beat", id="policies"),
        table(
            "Over the rows that every rung has a score for",
            heading,
            [_cells(policy) for policy in report.policies],
        ),
        el(
            "p",
            "Random and prompt length send as many rows down as make them cost what the route "
            "costs (or, where costs are unknown, answer as many rows by the last rung); random is "
            "an expectation. The oracle takes the cheapest rung that is within the margin.",
            class_="note",
        ),
        aria_labelledby="policies",
    )


def _cells(policy: Policy) -> list[Child]:
    quality = f"{policy.quality:.3f}"
    if policy.spread is not None:
        quality += f" ± {policy.spread:.3f}"
    cost = cost_of_thousand(policy.cost)
    return [policy.name, percent(policy.down), quality, percent(policy.regret), cost]
