"""A ward: one thing that is guarded, and on which terms."""

from msgspec import Struct, structs

from stepdown.quality.evidence import Counts
from stepdown.quality.guard.states import Standing
from stepdown.quality.guard.terms import Terms
from stepdown.quality.pairs import Saver
from stepdown.routing.guarded import State


class Ward(Struct, frozen=True):
    """A rule of a route, or what else sends requests down there: ``rule`` names its decisions.

    ``terms`` have the least propensity with which its requests are sampled, ``observed`` is that
    while it is observed. ``trusted``: it saves from the beginning, until shown bad. ``models`` are
    those that are compared, by the configuration's names, the reference last. ``saver``: what it is
    a part of.
    """

    key: str
    route: str
    rule: str
    terms: Terms
    observed: float
    trusted: bool = False
    models: tuple[str, ...] = ()
    saver: Saver = "route"

    @property
    def decided(self) -> str | None:
        """The name of the decisions on its requests; None where it is in the way of all requests of
        the route, whatever was decided."""
        return None if self.saver == "compression" else self.rule

    def beginning(self) -> Standing:
        """Where it stands before anything has happened."""
        return Standing(self.key, "trusted" if self.trusted else "observing")

    def terms_in(self, state: State, counts: Counts) -> Terms:
        """The terms in a state, for these pairs.

        Pairs may have been sampled with less than now, where the configuration changed: they keep
        the least propensity down for the rest of their stint.
        """
        least = self.observed if state == "observing" else self.terms.least
        return structs.replace(self.terms, least=min((least, *counts.by_propensity)))
