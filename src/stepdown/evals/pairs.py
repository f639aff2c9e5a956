"""Pairs of an evaluation for people to label: the judge is then measured on what it judged."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stepdown.evals.drawing import drawn
from stepdown.evals.items import Item
from stepdown.evals.rows import TEXT_SHOWN, Row
from stepdown.quality.registry import JUDGES

TO_LABEL = "served | reference | tie"
"""Stands in place of the label: a row that still has it is not read as one."""


def pairs_to_label(
    rows: Sequence[Row], items: Sequence[Item], most: int, seed: int = 0
) -> Iterator[Mapping[str, Any]]:
    """Pairs as ``quality.labelled`` reads them, of downgrades that were scored: a random part.

    Where a judge scored any, only what judges scored: its errors are to be found. Random, since a
    correction by hand-picked pairs would correct for them alone. Left out are pairs that stand
    there already, and those with an answer that the row has cut: people would not see what the
    judge saw.
    """
    scored = [row for row in rows if row.downgraded and row.lead() is not None]
    judged = [row for row in scored if row.scorer in JUDGES or row.judged]
    fit = {row.pair: row for row in reversed(judged or scored) if _is_whole(row)}
    by_id = {item.id: item for item in items}
    for row in drawn(list(reversed(fit.values())), most, lambda row: row.id, seed):
        item = by_id[row.id]
        known = {} if item.expected is None else {"expected": item.expected}
        yield {
            "id": row.id,
            "messages": item.body["messages"],
            "served": row.served.answer,
            "reference": row.reference.answer,
            **known,
            "better": TO_LABEL,
        }


def _is_whole(row: Row) -> bool:
    answers = row.served.answer, row.reference.answer
    return all(answer is not None and len(answer) < TEXT_SHOWN for answer in answers)
