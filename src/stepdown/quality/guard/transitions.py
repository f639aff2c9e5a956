"""What follows for something guarded, by its pairs, by time, or by hand: pure functions."""

from stepdown.names import known_names
from stepdown.quality.evidence import Counts
from stepdown.quality.guard.hypotheses import evidence, too_much, within
from stepdown.quality.guard.states import STATES, Evidence, Standing, Transition
from stepdown.quality.guard.terms import Terms
from stepdown.routing.guarded import State


def step(standing: Standing, counts: Counts, terms: Terms) -> Transition | None:
    """What follows from the pairs of the present stint, or None.

    May be asked after every pair. What is both shown above its budget and certified (by different
    limits of a judge that was labelled anew) trips. Raises ValueError (see ``Counts.sizes``).
    """
    if standing.state == "tripped":
        return None
    if (outdated := _outdated(standing, terms)) is not None:
        return outdated
    good = within(terms)
    if good.refuted(good.log_e(counts, terms)):
        shown = evidence(good, counts, terms)
        why = f"regret above the budget of {_percent(terms.budget)}: {_in_words(shown)}"
        return Transition(standing, _next(standing, "tripped"), "above budget", why, shown)
    if standing.state != "observing":
        return None
    if standing.certificate is not None:
        return _promoted(standing) if terms.auto_promote else None
    bad = too_much(terms, standing.epoch)
    if bad.refuted(bad.log_e(counts, terms)):
        return _certified(standing, evidence(bad, counts, terms))
    return None


def after_probation(
    standing: Standing, terms: Terms, *, requests: int, seconds: float
) -> Transition | None:
    """Back to observing, in a new epoch, once what tripped has waited long enough; or None.

    ``requests`` it would have claimed and ``seconds`` went by since the trip.
    """
    if standing.state != "tripped" or standing.held or terms.probation is None:
        return None
    if not terms.probation.over(requests, seconds):
        return None
    counted = f"{requests} requests and " if terms.probation.requests else ""
    why = f"probation is over, after {counted}{seconds:.0f} seconds"
    return Transition(standing, reobserved(standing), "probation over", why)


def set_state(standing: Standing, state: str, why: str, who: str, at: float) -> Transition:
    """A change by hand, at Unix time ``at``.

    To observe what is observed begins a new epoch. What is trusted keeps its certificate; what is
    tripped by hand stays tripped until it is set to something else. Only what holds a certificate
    can be made active. Raises ValueError.
    """
    if not why.strip():
        raise ValueError(f"why: expected why {standing.key} becomes {state}, got nothing")
    after = _by_hand(standing, _known(state))
    return Transition(standing, after, "by hand", why, standing.certificate, who, at)


def reobserved(standing: Standing) -> Standing:
    """A new attempt at certification, with twice the evidence needed."""
    return Standing(standing.key, "observing", standing.epoch + 1, standing.stint + 1)


# ── By its pairs ─────────────────────────────────────────────────────────────────────────────


def _certified(standing: Standing, certificate: Evidence) -> Transition:
    terms = certificate.terms
    state: State = "active" if terms.auto_promote else "observing"
    why = f"regret below the budget of {_percent(terms.budget)}: {_in_words(certificate)}"
    after = _next(standing, state, certificate)
    return Transition(standing, after, "certified", why, certificate)


def _promoted(standing: Standing) -> Transition:
    """Certified while it had to wait, which it no longer has to."""
    after = _next(standing, "active", standing.certificate)
    why = "certified before, and promoted without being asked now"
    return Transition(standing, after, "promoted", why, standing.certificate)


def _outdated(standing: Standing, terms: Terms) -> Transition | None:
    """Back to observing where a certificate does not do for stricter terms.

    Its pairs are tested against them: what refutes a budget refutes every larger one, so that
    testing one more takes no further error. A family that grew is no reason. Its new members spend
    their own errors, and would undo every certificate that is just enough.
    """
    held = standing.certificate
    if held is None or standing.state == "trusted":
        return None
    if terms.budget >= held.terms.budget and terms.confidence <= held.terms.confidence:
        return None
    bad = too_much(terms, standing.epoch)
    log_e = bad.against(held.counts, bad.limit, held.terms.least)
    if bad.refuted(log_e):
        return None
    why = (
        f"certified below {_percent(held.terms.budget)} at confidence {held.terms.confidence}; "
        f"now {_percent(terms.budget)} at {terms.confidence} is asked"
    )
    return Transition(standing, reobserved(standing), "other terms", why, held)


def _next(standing: Standing, state: State, certificate: Evidence | None = None) -> Standing:
    return Standing(standing.key, state, standing.epoch, standing.stint + 1, certificate)


def _in_words(shown: Evidence) -> str:
    where = f"{_percent(shown.low)} to {_percent(shown.high)}"
    return f"{shown.counts.regrets} of {shown.counts.pairs} pairs, {where}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


# ── By hand ──────────────────────────────────────────────────────────────────────────────────


def _known(state: str) -> State:
    for known in STATES:
        if state == known:
            return known
    raise ValueError(f"there is no state {state!r}.{known_names(state, list(STATES))}")


def _by_hand(standing: Standing, state: State) -> Standing:
    if state == "observing":
        return reobserved(standing)
    if state == standing.state and (state != "tripped" or standing.held):
        raise ValueError(f"{standing.key} is {state} already")
    if state == "active" and standing.certificate is None:
        raise ValueError(f"{standing.key} is not certified: set it to trusted, or let it observe")
    if state == "tripped":
        return Standing(standing.key, state, standing.epoch, standing.stint + 1, held=True)
    return _next(standing, state, standing.certificate)
