"""A route: its ladder, its signals and its policy, built from the options of the configuration."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stepdown.names import nearest
from stepdown.ports import Price
from stepdown.routing.adviser import PythonAdviser, load_router
from stepdown.routing.asked import Asked
from stepdown.routing.deferring import Deferral, read_deferral
from stepdown.routing.guarded import GuardView
from stepdown.routing.options import (
    OPTIONS,
    SessionOptions,
    policy_hash,
    read_ladder,
    read_lexicons,
    read_policy,
    read_sessions,
)
from stepdown.routing.problems import Problems
from stepdown.routing.rules import DEFAULT, Choice, Policy
from stepdown.routing.sessions import Sessions
from stepdown.routing.shapes import is_number
from stepdown.routing.signals import SignalSet
from stepdown.routing.signals.tokens import TokensSignal
from stepdown.types import Decision, Reading, Request, Verdict

ROUTER_TIMEOUT = 0.05
"""Seconds that the user's own router may take."""

PriceOf = Callable[[str], Price | None]


class PolicyRoute:
    """Implements ``ports.Route``. ``hash`` names the policy that every decision records."""

    def __init__(
        self,
        name: str,
        ladder: Sequence[str],
        policy: Policy,
        signals: SignalSet,
        asked: Asked,
        *,
        sessions: Sessions | None = None,
        adviser: PythonAdviser | None = None,
        deferral: Deferral | None = None,
        hash: str = "",  # noqa: A002  the policy's hash is what it is
    ) -> None:
        self.name = name
        self.ladder = tuple(ladder)
        self.policy = policy
        self.signals = tuple(signals.all())
        self.sessions = sessions
        self.adviser = adviser
        self.deferral = deferral
        self.hash = hash
        self.guard: GuardView | None = None
        """What the guard says of the rules; replaced whole."""
        self.begins_cheap: Callable[[Request], bool] | None = None
        """Whether a request that no rule claims begins at the first rung of a cascade."""
        self._asked = asked
        self._reads = tuple((signal.name, signal.read) for signal in self.signals)
        self._tokens = next((s for s in self.signals if isinstance(s, TokensSignal)), None)
        self._decisions: dict[tuple[str, int, bool, int | None], Decision] = {}

    def read(self, request: Request) -> dict[str, Reading]:
        """The readings of the signals that the rules name."""
        readings = {name: read(request) for name, read in self._reads}
        self._asked.forget()
        signal = self._tokens
        if signal is not None and signal.is_near(readings["tokens"]):
            self._count(signal, request, readings)
        return readings

    def decide(self, request: Request, readings: Mapping[str, Reading]) -> Decision:
        """The rung for these readings; it is the conversation's own where a switch down would
        not pay."""
        choice = None if self.adviser is None else self._advised(readings)
        if choice is None:
            choice = self.policy.choose(readings)
        name, rung = choice.name, choice.rung
        if name == DEFAULT and self.begins_cheap is not None and self.begins_cheap(request):
            name, rung = "cascade", 0
        held = None
        if self.guard is not None and name in self.guard.held and rung < self.policy.top:
            held, rung = rung, self.policy.top
        if self.sessions is not None:
            kept = self.sessions.hold(request, rung, readings)
            if kept != rung:
                name, rung, held = "session", kept, None
        return self._decision(name, rung, choice.ambiguous, held)

    def deferred(self, request: Request) -> float | None:
        """Seconds within which the request is to be answered later; None: it is answered now."""
        deferral = self.deferral
        if deferral is None or not deferral.applies(self.read(request)):
            return None
        return deferral.within

    def explain(self, readings: Mapping[str, Reading]) -> list[Verdict]:
        return self.policy.verdicts(readings)

    def remember(self, request: Request, rung: int) -> None:
        if self.sessions is not None:
            self.sessions.remember(request, rung)

    def _advised(self, readings: Mapping[str, Reading]) -> Choice | None:
        advice = readings.get("router")
        if advice is None:
            return None
        if advice.value in self.ladder:
            return Choice("router", self.ladder.index(advice.value), False)
        return None if advice.confidence else Choice("router-failed", self.policy.top, False)

    def _count(self, signal: TokensSignal, request: Request, readings: dict[str, Reading]) -> None:
        """Count the tokens, if a rule hangs on them: most rules fail on something else."""
        if self.policy.is_borderline(readings):
            readings["tokens"] = signal.counted(request) or readings["tokens"]

    def _decision(self, name: str, rung: int, ambiguous: bool, held: int | None) -> Decision:
        """One object for each outcome: there are few, and building one costs time."""
        key = name, rung, ambiguous, held
        known = self._decisions.get(key)
        if known is None:
            model = self.ladder[rung]
            known = Decision(name, model, rung, ambiguous, self.hash, held=held)
            self._decisions[key] = known
        return known


def build_route(
    name: str, options: Mapping[str, Any], *, price_of: PriceOf, path: str | None = None
) -> PolicyRoute:
    """A route from its options (``docs/rules.md``).

    ``price_of`` gives a model's price, or None where it is unknown.
    Raises ConfigError with a line for each thing wrong; ``path`` begins each line.
    """
    at = path or f"routes.{name}"
    problems = Problems()
    for key in options:
        if key not in OPTIONS:
            suggestion = nearest(str(key), OPTIONS)
            problems.add(f"{at}.{key}", f"a route has no such option.{suggestion}")
    ladder = read_ladder(options.get("ladder"), f"{at}.ladder", problems)
    lexicons = read_lexicons(options.get("signals"), f"{at}.signals", problems)
    asked = Asked(lexicons["task"], lexicons["output"])
    signals = SignalSet(asked)
    policy = read_policy(options, ladder, signals, at, problems)
    deferral = read_deferral(options.get("defer"), f"{at}.defer", signals, problems)
    session_options = read_sessions(options.get("sessions"), f"{at}.sessions", problems)
    adviser = _read_adviser(options, ladder, at, problems)
    problems.check()
    return PolicyRoute(
        name,
        ladder,
        policy,
        signals,
        asked,
        sessions=_sessions(session_options, ladder, price_of),
        adviser=adviser,
        deferral=deferral,
        hash=policy_hash(options, lexicons),
    )


def _sessions(
    options: SessionOptions | None, ladder: Sequence[str], price_of: PriceOf
) -> Sessions | None:
    if options is None or len(ladder) < 2:
        return None
    return Sessions(ladder, price_of, most=options.max, ttl=options.ttl)


def _read_adviser(
    options: Mapping[str, Any], ladder: Sequence[str], path: str, problems: Problems
) -> PythonAdviser | None:
    timeout = options.get("router_timeout", ROUTER_TIMEOUT)
    if not is_number(timeout) or not timeout < float("inf") or timeout <= 0:
        problems.expected(f"{path}.router_timeout", "seconds above 0", timeout)
        return None
    if options.get("router") is None:
        return None
    router = load_router(options["router"], f"{path}.router", problems)
    return None if router is None else PythonAdviser(router, ladder, float(timeout))
