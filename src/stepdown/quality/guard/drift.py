"""Notices that what is certified regrets more than it did, however long it did not.

**Why a second test.** ``transitions.step`` trips on the evidence of a whole stint. What was good
for 10,000 pairs has a low regret on the whole for as long again after it turned bad.

**How.** The stint's pairs are cut into blocks. At each block j a fresh capital w_j, with
w_j = 1 / (j (j + 1)), begins to bet on a regret above the limit, like in ``evidence``. The
capitals, 1 together, are a mixture over when the change came; so their worth now is an e-value, and
reaches 1 / alpha ever with probability ``alpha`` at most while the regret is within the limit. It
may be looked at in the middle of a block. A change at block j costs log(1 / w_j) of evidence, about
2 log j: what is asked grows, but hardly.

With equal weights instead this is Shiryaev's and Roberts's detector, whose false alarms are bounded
in how often they come. Here each is a certificate lost and an attempt at certification spent, so
that they had better be bounded for good. Source: Shin, Ramdas & Rinaldo 2023, "E-detectors: a
nonparametric framework for sequential change detection", New England Journal of Statistics in Data
Science 2 (2), arXiv 2203.03532 (e-detectors, and mixtures over change points); Page 1954,
"Continuous inspection schemes", Biometrika 41 (since when).

**Against what.** The certificate's upper bound, which is at most the budget, or the limit on what
the judge says; a change below it is nobody's loss. Half of ``terms.error`` is for that bound to be
too low, half for the e-value. What is trusted has to be shown above its budget, certified or not.

**Blocks** are whole stretches of the pairs in their order, cut by what does not depend on their
outcomes: every BLOCK pairs, or every hour. They are all that needs to be kept.
"""

import math
from collections.abc import Iterable

from msgspec import Struct

from stepdown.quality.betting import ABOVE, bets_above, log_sum
from stepdown.quality.evidence import Counts
from stepdown.quality.guard.hypotheses import enough, weighed, within
from stepdown.quality.guard.states import Standing, Transition
from stepdown.quality.guard.terms import Terms
from stepdown.quality.guard.transitions import reobserved

BLOCK = 100
"""Pairs in a block that suit budgets from 1 to 5 %. It matters little: with blocks of 50 to 200 a
change is noticed after about as many pairs, with one of 400 a greater one later."""

_TWICE = [times for times, _ in ABOVE].index(2.0)


class Watch(Struct, frozen=True):
    """What the blocks of a stint so far say against "the regret is ``limit`` or less".

    ``worth`` is, for each bet, the logarithm of what the capitals that began by now are worth.
    ``recent`` are the pairs since the regret seems to have changed: since Page's cumulative sum
    for twice the limit, ``rise``, was last 0.
    """

    limit: float
    least: float
    blocks: int = 0
    worth: tuple[float, ...] = ()
    rise: float = 0.0
    recent: Counts = Counts()

    def after(self, block: Counts) -> "Watch":
        """With one more block, or, to look now, with the part of it that is there.

        Raises ValueError where a propensity is below the least.
        """
        sizes = block.sizes(self.least)
        growths = [
            sum(bet.log_growth(regrets, pairs - regrets, size) for size, regrets, pairs in sizes)
            for bet in bets_above(self.limit)
        ]
        blocks = self.blocks + 1
        fresh = -math.log(blocks) - math.log(blocks + 1)
        before = self.worth or (-math.inf,) * len(growths)
        return Watch(
            self.limit,
            self.least,
            blocks,
            tuple(log_sum((old, fresh)) + more for old, more in zip(before, growths, strict=True)),
            max(0.0, self.rise + growths[_TWICE]),
            block if self.rise == 0.0 else self.recent + block,
        )

    def log_e(self) -> float:
        """The logarithm of the e-value; what has not begun to bet is kept, 1 / (blocks + 1)."""
        begun = [
            math.log(bet.share) + worth
            for bet, worth in zip(bets_above(self.limit), self.worth, strict=False)
        ]
        return log_sum((*begun, -math.log(self.blocks + 1)))


def watched(standing: Standing, blocks: Iterable[Counts], terms: Terms) -> Watch | None:
    """The blocks of the present stint, oldest first; None where there is nothing to watch."""
    watch = _watch(standing, terms)
    if watch is None:
        return None
    for block in blocks:
        watch = watch.after(block)
    return watch


def drifted(standing: Standing, watch: Watch, terms: Terms) -> Transition | None:
    """Back to observing, in a new epoch, where the watch of the present stint says so; or None."""
    alpha = terms.error / 2.0
    log_e = watch.log_e()
    if _watch(standing, terms) is None or log_e < enough(alpha):
        return None
    shown = weighed(watch.recent, terms, watch.limit, alpha, log_e)
    why = (
        f"drift: {shown.counts.regrets} regrets in the {shown.counts.pairs} pairs since it seems "
        f"to have begun, where {100 * watch.limit:.3g} % were to be expected at most"
    )
    return Transition(standing, reobserved(standing), "drift", why, shown)


def _watch(standing: Standing, terms: Terms) -> Watch | None:
    if standing.state == "trusted":
        return Watch(within(terms).limit, terms.least)
    if standing.state == "tripped" or standing.certificate is None:
        return None
    return Watch(standing.certificate.high, terms.least)
