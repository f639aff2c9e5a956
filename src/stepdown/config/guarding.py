"""Builds what shadows the routes and guards their rules, and keeps it over a reload.

It is imported where a route has ``regret`` or ``shadow``, and nowhere else.
"""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from stepdown.cascade.plan import Cascades
from stepdown.config.alarms import WebhookAlarms
from stepdown.config.build import webhook_targets
from stepdown.config.document import Config
from stepdown.config.evaluation import judge_options
from stepdown.config.schema import ShadowSettings
from stepdown.config.serving import Serving
from stepdown.config.totals import Totals
from stepdown.config.wards import check_watched, margin_of, rates_of, wards_of
from stepdown.deferral.alerts import Alerts
from stepdown.deferral.webhooks import Target
from stepdown.names import known_names
from stepdown.ports import Fleet, Judge, Scorer
from stepdown.providers.deployment import Deployment
from stepdown.providers.openai import OpenAIDialect
from stepdown.quality.guard.keeper import Keeper, nothing_known
from stepdown.quality.guard.wards import Ward
from stepdown.quality.records.writer import DAY, Records
from stepdown.quality.registry import build_scorers
from stepdown.quality.settle import is_judge
from stepdown.quality.shadow.admission import Room
from stepdown.quality.shadow.excluded import Exclusions
from stepdown.quality.shadow.money import DayBudget
from stepdown.quality.shadow.shadow import Shadow, StandingOf
from stepdown.quality.shadow.tally import JUDGED
from stepdown.quality.shadow.terms import Shadowed, ShadowTerms
from stepdown.routing.guarded import Guarded
from stepdown.routing.problems import Problems
from stepdown.routing.route import PolicyRoute
from stepdown.storage.address import parse

DRAIN = 120.0
"""Seconds that the shadows of an earlier configuration get to end after its last request."""
PATIENCE = 5.0
"""Seconds that a caller waits for what the guard knows."""
LEAVE = 2.0
"""Seconds that shadows get to end when the server stops."""

COUNTERS = {
    "shadow": ("sampled", "paired", "skips", "unscored"),
    "pairs": ("written", "dropped", "dropped_texts", "unrecorded"),
    "guard": ("events", "failures"),
    "alerts": ("delivered", "failed", "dropped"),
}
"""What of each status only rises while the process lives, whatever is reloaded."""

if TYPE_CHECKING:
    from stepdown.compression.compression import Compression

Routes = Mapping[str, PolicyRoute]


class Lasting(Struct, eq=False):
    """What goes on over a reload, as long as the ``settings`` by which it was made stay.

    ``budget`` and ``judge_budget`` are the day's.
    """

    settings: Any
    records: Records
    keeper: Keeper
    alerts: Alerts
    budget: DayBudget
    judge_budget: DayBudget

    def counted(self) -> dict[str, dict[str, Any]]:
        """For ``Totals``."""
        return {
            "pairs": _counted("pairs", _plain(self.records.status())),
            "guard": _counted("guard", _plain(self.keeper.status())),
            "alerts": _counted("alerts", self.alerts.status()),
        }


class Guarding(Struct, eq=False):
    """What shadows and guards the routes of one configuration; without a shadow, states change by
    hand only. ``totals`` are of all configurations of this process."""

    settings: ShadowSettings
    routes: Routes
    wards: Sequence[Ward]
    targets: Mapping[str, Target]
    shadow: Shadow | None
    lasting: Lasting
    totals: Totals

    @property
    def tried(self) -> bool:
        """Whether it is known where things stand, or that nobody can tell now."""
        return self.lasting.keeper.tried

    async def known(self, patience: float = PATIENCE) -> None:
        """Wait until it is, but no more than so many seconds."""
        await self.lasting.keeper.has_tried(patience)

    def start(self) -> None:
        """Put it in force. To be called on the event loop that will serve."""
        lasting = self.lasting
        lasting.alerts.targets = self.targets
        lasting.budget.limit = self.settings.max_cost
        lasting.judge_budget.limit = self.settings.judge_max_cost
        self._count()
        lasting.records.start()
        lasting.keeper.guard(self.wards, self.routes, follow=self.shadow is not None)
        lasting.keeper.start()
        if self.shadow is not None:
            self.shadow.start()

    def _count(self) -> None:
        self.totals.begin(self.lasting, self.lasting.counted)
        if (shadow := self.shadow) is not None:
            read = shadow.status
            self.totals.begin(shadow, lambda: {"shadow": _counted("shadow", _plain(read()))})

    async def drain(self) -> None:
        """Let the shadows of requests that were answered come to their end. May be cancelled."""
        if self.shadow is not None:
            await self.shadow.aclose(DRAIN)

    async def aclose(self, kept: "Guarding | None" = None, *, drained: bool = False) -> None:
        """End the shadows, and what is not ``kept`` by another configuration; write the rest."""
        if self.shadow is not None:
            await self.shadow.aclose(0.0 if drained else LEAVE)
            self.totals.end(self.shadow)
        lasting = self.lasting
        if kept is not None and kept.lasting is lasting:
            return
        await lasting.alerts.aclose()
        await lasting.keeper.aclose()  # which writes down what alerts were taken
        await asyncio.to_thread(lasting.records.close)
        self.totals.end(lasting)

    def status(self) -> dict[str, Any]:
        """How shadows and the guard are doing, for the administrator; money as text.

        What counts (COUNTERS) counts since the process began; the rest is of this configuration.
        """
        lasting, totals = self.lasting, self.totals
        records, guard = lasting.records.status(), lasting.keeper.status()
        shadow = None if self.shadow is None else self.shadow.status()
        return {
            "shadow": None if shadow is None else _plain(shadow) | totals.of("shadow"),
            "pairs": _plain(records) | totals.of("pairs"),
            "guard": {
                **_plain(guard),
                **totals.of("guard"),
                "wards": [_plain(ward) for ward in guard.wards],
                "alerts": lasting.alerts.status() | totals.of("alerts"),
            },
        }


def build_guarding(
    config: Config,
    routes: Routes,
    cascades: Mapping[str, Cascades],
    fleet: Fleet,
    deployments: Sequence[Deployment],
    previous: Guarding | None = None,
    compressors: Mapping[str, "Compression"] | None = None,
) -> Guarding:
    """Nothing is started; until it is, guarded routes send nothing down. Raises ConfigError."""
    scorers = check(config, routes, fleet)
    wards = wards_of(config, routes, cascades)
    for name in {ward.route for ward in wards}:
        routes[name].guard = nothing_known(wards, name)
    lasting = _lasting(config, None if previous is None else previous.lasting)
    targets = webhook_targets(config.jobs)
    return Guarding(
        config.shadow,
        routes,
        wards,
        {name: targets[name] for name in config.shadow.alerts},
        _shadow(config, routes, cascades, fleet, deployments, scorers, lasting, compressors or {}),
        lasting,
        Totals() if previous is None else previous.totals,
    )


def check(config: Config, routes: Routes, fleet: Fleet) -> list[Scorer | Judge]:
    """What scores pairs, in its order; the configured judge comes last where none is named.

    Raises ConfigError with all that is wrong with shadows and the guard.
    """
    problems = Problems()
    check_watched(config, routes, problems)
    scorers = scorers_of(config, fleet, problems)
    problems.check()
    return scorers


def scorers_of(config: Config, fleet: Fleet, problems: Problems) -> list[Scorer | Judge]:
    """What compares live answers, in its order."""
    scorers = list(build_scorers(config.shadow.scorers, "shadow.scorers", problems))
    judge = judge_options(config)
    if judge is not None and not any(map(is_judge, scorers)):
        name, options = judge
        scorers += build_scorers([{name: options}], "judge", problems)
    for scorer in scorers:
        if is_judge(scorer) and not fleet.serves(scorer.model):
            hint = known_names(scorer.model, fleet.models())
            problems.add("shadow.scorers", f"there is no model {scorer.model!r} to judge.{hint}")
    return scorers


def _lasting(config: Config, previous: Lasting | None) -> Lasting:
    ledger, shadow = config.ledger, config.shadow
    settings = ledger.url, ledger.flush_interval, ledger.queue, shadow.retention
    if previous is not None and previous.settings == settings:
        return previous
    url = None if ledger.url is None else str(ledger.url)
    days = shadow.retention / DAY
    records = Records(
        url,
        flush_interval=ledger.flush_interval,
        queue=ledger.queue,
        keep_pairs=days,
        keep_texts=days,
    )
    budget, judge_budget = DayBudget(), DayBudget()

    def learn(spent: Mapping[str, Decimal]) -> None:
        """Other replicas spend of the same budgets, and so did this one before it was restarted."""
        judges = spent.get(JUDGED, Decimal(0))
        judge_budget.learn(judges)
        budget.learn(sum(spent.values(), Decimal(0)) - judges)

    alarms = WebhookAlarms()
    keeper = Keeper(parse(url), alarms=alarms, spent=learn)
    return Lasting(settings, records, keeper, alarms.alerts, budget, judge_budget)


def _shadow(
    config: Config,
    routes: Routes,
    cascades: Mapping[str, Cascades],
    fleet: Fleet,
    deployments: Sequence[Deployment],
    scorers: Sequence[Scorer | Judge],
    lasting: Lasting,
    compressors: Mapping[str, "Compression"],
) -> Shadow | None:
    if not config.shadow.enabled:
        return None
    shadowed = {
        name: Shadowed(settings.ladder, rates_of(settings), margin_of(settings))
        for name, settings in config.routes.items()
        if settings.regret is not None or settings.shadow is not None
    }
    aliases = config.router_settings.model_group_alias
    return Shadow(
        shadowed,
        fleet,
        lasting.records,
        OpenAIDialect(),
        terms=shadow_terms(config.shadow),
        scorers=scorers,
        standing_of=standings(routes),
        budget=lasting.budget,
        judge_budget=lasting.judge_budget,
        dearest=Serving(deployments, aliases).dearest,
        named=lambda model: aliases.get(model, model),
        cascades=cascades,
        prompts={name: each for name, each in compressors.items() if each.is_lossy},
    )


def shadow_terms(settings: ShadowSettings) -> ShadowTerms:
    """What ``stepdown.quality`` is to know of the settings."""
    usual = Exclusions()
    return ShadowTerms(
        concurrency=settings.concurrency,
        timeout=settings.timeout,
        pause_in_flight=settings.pause_in_flight,
        pause_busy=settings.pause_busy,
        room=Room(items=settings.queue, rpm=settings.rpm),
        exclusions=Exclusions(
            tags=usual.tags | set(settings.exclude_tags),
            tenants=frozenset(settings.exclude_tenants),
        ),
        store_texts=settings.store_texts,
    )


def standings(routes: Routes) -> StandingOf:
    """What the guard said of a rule when the route decided, if that is asked at once."""

    def standing_of(route: str, rule: str) -> Guarded | None:
        view = routes[route].guard
        return None if view is None else view.rules.get(rule)

    return standing_of


def _counted(section: str, status: Mapping[str, Any]) -> dict[str, Any]:
    return {name: status[name] for name in COUNTERS[section]}


def _plain(status: Struct) -> dict[str, Any]:
    """A status as JSON values."""
    values = {name: getattr(status, name) for name in status.__struct_fields__}
    return {
        name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()
    }
