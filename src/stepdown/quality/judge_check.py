"""How good a judge is: its verdicts on pairs that people judged, set against theirs."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from stepdown.quality.kappa import Kappa, kappa
from stepdown.quality.labelled import BETTER, Better, LabelledPair
from stepdown.quality.shares import Share, share
from stepdown.types import Scores

MARGIN = 0.1
CONFIDENCE = 0.95
NO_REASON = "the judge could not tell"
_ROUNDING = 1e-9
"""A lead of just the margin is none, whatever subtraction makes of it."""

Verdicts = Sequence[tuple[LabelledPair, Better]]
"""Pairs with what the judge found better."""


class LengthBias(Struct, frozen=True):
    """Whether the judge leans to the longer answer, by characters without space at the edges.

    Pairs whose answers have the same length are left out. ``longer_at_ties`` and
    ``shorter_at_ties``: of the pairs that people called a tie, those on which the judge preferred
    the longer answer, and the shorter; the two are alike where length does not sway it.
    ``errors_to_longer``: of the pairs on which the judge and people differ, those on which its
    verdict is nearer to the longer answer than theirs (a tie stands between the answers).
    """

    longer_at_ties: Share
    shorter_at_ties: Share
    errors_to_longer: Share


class JudgeCheck(Struct, frozen=True):
    """A judge, measured on pairs that people judged. Shares are of the pairs that it could judge.

    ``unjudged`` of the ``pairs`` it could not: ``why`` counts the reasons. ``agreement`` is the
    share with the verdict that people gave (served, tie, reference); ``kappa`` is that beyond
    chance. ``confusion`` counts pairs by people's verdict, then the judge's. ``flips``: of the
    comparisons asked in both orders, those in which it contradicted itself. The judge says *regret*
    where it scores the reference higher by more than ``margin``: ``false_positive`` is how often it
    does where people did not find the reference better, ``false_negative`` how often it does not
    where they did. Each interval by itself holds with ``confidence``.
    """

    pairs: int
    unjudged: int
    margin: float
    confidence: float
    agreement: Share
    kappa: Kappa
    confusion: Mapping[Better, Mapping[Better, int]]
    flips: Share
    false_positive: Share
    false_negative: Share
    length: LengthBias
    why: Mapping[str, int] = {}


def check_judge(
    judged: Iterable[tuple[LabelledPair, Scores]],
    margin: float = MARGIN,
    confidence: float = CONFIDENCE,
) -> JudgeCheck:
    """Measures a judge by its scores of each pair's answers: the served one, then the reference.

    Raises ValueError where the margin is not in 0..1 or the confidence is not between 0 and 1.
    """
    verdicts: list[tuple[LabelledPair, Better]] = []
    why: Counter[str] = Counter()
    flips = comparisons = 0
    for pair, scores in judged:
        found = verdict(scores, margin)
        flips += scores.flips
        comparisons += scores.judged
        if found is None:
            why[scores.why or NO_REASON] += 1
        else:
            verdicts.append((pair, found))
    confusion = _confusion(verdicts)
    table = [[confusion[people][judge] for judge in BETTER] for people in BETTER]
    by_people = {each: sum(confusion[each].values()) for each in BETTER}
    false_alarms = confusion["served"]["reference"] + confusion["tie"]["reference"]
    missed = by_people["reference"] - confusion["reference"]["reference"]
    return JudgeCheck(
        pairs=len(verdicts) + why.total(),
        unjudged=why.total(),
        margin=margin,
        confidence=confidence,
        agreement=share(sum(confusion[each][each] for each in BETTER), len(verdicts), confidence),
        kappa=kappa(table, confidence),
        confusion=confusion,
        flips=share(flips, comparisons, confidence),
        false_positive=share(false_alarms, by_people["served"] + by_people["tie"], confidence),
        false_negative=share(missed, by_people["reference"], confidence),
        length=_length_bias(verdicts, confidence),
        why=dict(why.most_common()),
    )


def verdict(scores: Scores, margin: float = MARGIN) -> Better | None:
    """What a judge's scores of (served, reference) say is better; None where one is missing.

    ``reference`` is a regret: the reference leads by more than the margin. Raises ValueError.
    """
    if not 0.0 <= margin <= 1.0:
        raise ValueError(f"margin: expected 0 to 1, got {margin}")
    served, reference = scores.values
    if served is None or reference is None:
        return None
    lead = reference - served
    if abs(lead) <= margin + _ROUNDING:
        return "tie"
    return "reference" if lead > 0.0 else "served"


def _confusion(verdicts: Verdicts) -> dict[Better, dict[Better, int]]:
    counts = Counter((pair.better, found) for pair, found in verdicts)
    return {people: {judge: counts[people, judge] for judge in BETTER} for people in BETTER}


def _length_bias(verdicts: Verdicts, confidence: float) -> LengthBias:
    leanings = [
        (_leaning(pair, pair.better), _leaning(pair, found))
        for pair, found in verdicts
        if _longer(pair) is not None
    ]
    at_ties = [judge for people, judge in leanings if people == 0]
    return LengthBias(
        _among((judge > 0 for judge in at_ties), confidence),
        _among((judge < 0 for judge in at_ties), confidence),
        _among((judge > people for people, judge in leanings if judge != people), confidence),
    )


def _leaning(pair: LabelledPair, better: Better) -> int:
    """1 for the longer answer, -1 for the shorter, 0 for a tie."""
    if better == "tie":
        return 0
    return 1 if better == _longer(pair) else -1


def _longer(pair: LabelledPair) -> Better | None:
    served, reference = len(pair.served.strip()), len(pair.reference.strip())
    if served == reference:
        return None
    return "served" if served > reference else "reference"


def _among(events: Iterable[bool], confidence: float) -> Share:
    """The share of these that are true."""
    seen = list(events)
    return share(sum(seen), len(seen), confidence)
