"""What a report says in plain sentences: the same on a terminal, on a page and in a test report.

A rate is never said without how many it is of, and where there are few no rate is said.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from stepdown.evals.report import By, Corrected, Curve, Group, Mean, Report
from stepdown.pricing.amounts import UNKNOWN as UNKNOWN
from stepdown.pricing.amounts import dollars
from stepdown.quality.shares import Share

FEW = 20
"""Of fewer scored downgrades than these no rate is told: counts and the interval only."""
A_THOUSAND = 1000
"""Costs are told of so many rows."""
SMALL_GAP = 0.05
"""In score. Below it a share of the gap says little."""
MOST_LISTED = 10
LONGEST_REASON = 300
"""Characters of why a row is not scored, or cannot be used."""
TITLES: Mapping[By, str] = {
    "rule": "By rule",
    "rung": "By rung that answered",
    "tag": "By tag",
    "length": "By length of the prompt, in tokens",
}
METHODS = {
    "rogan-gladen": "by its error rates (Rogan & Gladen)",
    "ppi": "by prediction-powered inference",
}

# ── Quantities ───────────────────────────────────────────────────────────────────────────────


def percent(share: float | None) -> str:
    """``15.3 %``, ``0.42 %`` below 1 %; a dash where it is unknown."""
    if share is None:
        return UNKNOWN
    points = 100 * share
    return f"{points:.2f} %" if 0.0 < abs(points) < 0.995 else f"{points:.1f} %"


def interval(share: Share) -> str:
    """``14.6 to 16.1 %``; a dash without trials."""
    if not share.trials:
        return UNKNOWN
    return f"{percent(share.low).removesuffix(' %')} to {percent(share.high)}"


def rate(share: Share) -> str:
    """The share in percent; a dash where there are too few trials for one."""
    return percent(share.value) if share.trials >= FEW else UNKNOWN


def signed(value: float) -> str:
    """A difference of scores: ``−0.062``, ``+0.010``, ``0.000``."""
    text = f"{value:+.3f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def signed_interval(mean: Mean) -> str:
    return f"{signed(mean.low)} to {signed(mean.high)}"


def points(value: float) -> str:
    """A difference of two shares, in percentage points: ``+2.1``, ``−0.4``, ``0.0``."""
    text = f"{100 * value:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "−")


def cost_of_thousand(cost: float | None) -> str:
    """Of 1,000 rows, given the US dollars of one."""
    return dollars(None if cost is None else A_THOUSAND * cost)


def level(confidence: float) -> str:
    """``95 %``, ``99.8 %``, ``99.91 %``."""
    return f"{round(100 * confidence, 2):g} %"


# ── Sentences ────────────────────────────────────────────────────────────────────────────────


def simulated_line(report: Report) -> str | None:
    """That nothing here is about quality, where simulated models took part."""
    if not report.simulated:
        return None
    names = ", ".join(report.simulated)
    return f"Simulated, with made-up answers: {names}. No figure here says anything of quality."


def headline(report: Report) -> list[str]:
    """How much went down, how often that hurt, and what it saved."""
    overall, last = report.overall, strong(report)
    told = [
        f"{report.route} answered {overall.down:,} of {overall.rows:,} rows "
        f"({percent(overall.down / overall.rows) if overall.rows else UNKNOWN}) below {last}.",
        regret_line(report),
    ]
    if report.corrected is not None:
        told.append(corrected_line(report.corrected, report.confidence))
    told.append(saving_line(overall, last))
    if overall.wasted.trials:
        told.append(_wasted(overall, report))
    if overall.delta is not None:
        told.append(
            f"Served score less {last}'s, on average over {overall.delta.rows:,} scored rows: "
            f"{signed(overall.delta.value)} ({level(report.confidence)} interval: "
            f"{signed_interval(overall.delta)})."
        )
    return told


def regret_line(report: Report) -> str:
    """The downgrade regret with its interval, margin and counts; or why there is none to tell."""
    overall, last = report.overall, strong(report)
    regret = overall.regret
    if not overall.down:
        return f"Nothing was answered below {last}, so there is nothing to regret."
    if not regret.trials:
        return f"No downgrade is scored: how often {last} would have been better is unknown."
    within = f"{level(report.confidence)} interval: {interval(regret)}"
    on = (
        f"on {regret.events:,} of {regret.trials:,} scored downgrades {last} was better by more "
        f"than {report.margin:g}"
    )
    if regret.trials < FEW:
        return f"Too few downgrades to say how often that hurt: {on} ({within})."
    return f"Downgrade regret {percent(regret.value)} ({within}): {on}."


def saving_line(overall: Group, last: str) -> str:
    """What the route cost beside the last rung alone, and which rows are left out of that."""
    share = overall.share_saved
    if share is None:
        return f"What that saves is unknown: no row has both its cost and {last}'s."
    change = f"{percent(share)} saved" if share >= 0 else f"{percent(-share)} more"
    line = (
        f"Cost {dollars(overall.cost)} instead of {dollars(overall.reference_cost)} with {last} "
        f"alone: {change}."
    )
    if overall.unpriced:
        line += f" In neither: {rows(overall.unpriced)} of unknown cost."
    return line


def gap_line(curves: Sequence[Curve]) -> str | None:
    """What the gap between all cheap and all strong means for the figures of the curves."""
    if not curves:
        return None
    cheap, strong = curves[0].points[0].quality, curves[0].points[-1].quality
    if curves[0].apgr is None:
        return "All strong is not better than all cheap here: there is no gap to recover."
    if strong - cheap < SMALL_GAP:
        return (
            f"The gap is only {strong - cheap:.3f} here, which makes APGR and CPT unstable: "
            "compare the scores."
        )
    return None


def _wasted(overall: Group, report: Report) -> str:
    wasted, risked = overall.wasted, overall.risked
    return (
        f"Of {wasted.trials:,} scored rows that {strong(report)} answered, a cheaper model was as "
        f"good on {wasted.events:,} ({level(report.confidence)} interval: {interval(wasted)}); "
        f"{report.ladder[0]} would have been regretted on {risked.events:,}."
    )


def unscored_lines(report: Report, *, worst_case: bool = True) -> list[str]:
    """How many rows are not scored, the worst that this can mean, and the commonest reasons."""
    overall = report.overall
    unscored = overall.rows - (0 if overall.delta is None else overall.delta.rows)
    if not unscored:
        return []
    told = [f"{rows(unscored)} not scored, {overall.unscored:,} of them sent down."]
    if worst_case and overall.unscored:
        told.append(worst_line(report))
    reasons = Counter(row.why or "unknown" for row in report.rows if row.lead() is None)
    told += [
        f"{count:,} ×: {why[:LONGEST_REASON]}" for why, count in reasons.most_common(MOST_LISTED)
    ]
    return told


def worst_line(report: Report) -> str:
    """The regret, were every unscored downgrade one."""
    worst = report.overall.worst
    return (
        f"Worst case, all unscored downgrades being regrets: {percent(worst.value)} "
        f"({level(report.confidence)} interval: {interval(worst)}), {worst.events:,} of "
        f"{worst.trials:,}."
    )


def bad_lines(report: Report) -> list[str]:
    """The rows of the file that cannot be used, as far as they are listed."""
    bad = report.source.bad
    if not bad:
        return []
    told = [f"{rows(len(bad))} of {report.source.name} cannot be used."]
    told += [f"line {row.line}: {row.why[:LONGEST_REASON]}" for row in bad[:MOST_LISTED]]
    if len(bad) > MOST_LISTED:
        told.append(f"… and {len(bad) - MOST_LISTED:,} more.")
    return told


def judge_lines(report: Report) -> list[str]:
    """How often the judge contradicted itself, and how often people."""
    told: list[str] = []
    if report.judged:
        told.append(
            f"The judge compared {report.judged:,} pairs in both orders; on {report.flips:,} "
            f"({percent(report.flips / report.judged)}) it contradicted itself, which counts as a "
            "tie."
        )
    if report.corrected is not None:
        told.append(
            "The judge saw a regret where people saw none: "
            f"{_of(report.corrected.false_positive)}. It missed one that people saw: "
            f"{_of(report.corrected.false_negative)}."
        )
    return told


def corrected_line(corrected: Corrected, confidence: float) -> str:
    """The regret without the judge's errors, and what it rests on."""
    known = Share(0, 1, corrected.low, corrected.high)
    here = f", {corrected.overlap:,} of them from this set" * bool(corrected.overlap)
    return (
        f"Without the judge's errors: {percent(corrected.value)} ({level(confidence)} interval: "
        f"{interval(known)}), corrected {METHODS[corrected.method]} from {corrected.labelled:,} "
        f"pairs that people labelled{here}."
    )


def _of(share: Share) -> str:
    return f"{share.events:,} of {share.trials:,} ({interval(share)})"


def spent_line(report: Report) -> str:
    """What this run itself took."""
    spent = report.spent
    if not spent.calls and not spent.from_cache and not spent.judge_calls:
        return "This run called no model."
    told = f"This run made {calls(spent.calls)} for {dollars(spent.cost)}"
    notes = [
        f"judges: {calls(spent.judge_calls)}, {dollars(spent.judge_cost)}"
        * bool(spent.judge_calls),
        f"from the cache: {spent.from_cache:,}" * bool(spent.from_cache),
        f"failed: {spent.failed:,}" * bool(spent.failed),
        f"of unknown price: {spent.unpriced:,}" * bool(spent.unpriced),
    ]
    listed = "; ".join(note for note in notes if note)
    return f"{told}{f' ({listed})' if listed else ''} in {duration(spent.seconds)}."


def grouping_line(each: float, confidence: float, groups: Sequence[Group]) -> str:
    """How sure a grouping's intervals are."""
    judged = sum(1 for group in groups if group.regret.trials)
    if judged < 2:
        return f"The interval has a confidence of {level(confidence)}."
    return (
        f"The {judged} intervals of the regret hold together with {level(confidence)}; "
        f"each has {level(each)}."
    )


def strong(report: Report) -> str:
    """The last rung's model."""
    return report.ladder[-1]


def rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"


def duration(seconds: float) -> str:
    """``34 s``, ``12 min``, ``3.4 h``."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
