"""The whole configuration: what stands in the file, and what follows from it."""

from typing import Any

from pydantic import Field

from stepdown.config.endpoints import Endpoint
from stepdown.config.notes import Note
from stepdown.config.schema import (
    JobSettings,
    JudgeSettings,
    LedgerSettings,
    PriceSettings,
    RouteSettings,
    ServerSettings,
    ShadowSettings,
)
from stepdown.config.schema_litellm import (
    GeneralSettings,
    LitellmSettings,
    ModelEntry,
    RouterSettings,
    Section,
)
from stepdown.config.schema_savers import BatchSettings, CacheSettings
from stepdown.config.values import Name


class Document(Section):
    """The sections of one file."""

    model_list: tuple[ModelEntry, ...] = ()
    router_settings: RouterSettings = RouterSettings()
    litellm_settings: LitellmSettings = LitellmSettings()
    general_settings: GeneralSettings = GeneralSettings()
    routes: dict[Name, RouteSettings] = Field(default={})
    cache: CacheSettings = CacheSettings()
    compression: Any = None
    batch: BatchSettings = BatchSettings()
    prices: dict[Name, PriceSettings] = Field(default={})
    ledger: LedgerSettings = LedgerSettings()
    jobs: JobSettings = JobSettings()
    judge: JudgeSettings | None = None
    shadow: ShadowSettings = ShadowSettings()
    server: ServerSettings = ServerSettings()


class Placed(Section):
    """A deployment that this version can serve, with its endpoint worked out."""

    id: str
    path: str
    entry: ModelEntry
    endpoint: Endpoint

    @property
    def model(self) -> str:
        return self.entry.model_name


class Config(Document):
    """A configuration that can be built. Printing it, in any way, shows no secret."""

    deployments: tuple[Placed, ...] = ()
    embedders: tuple[Placed, ...] = ()
    """Deployments of the model that embeds questions, where the configuration names one."""
    notes: tuple[Note, ...] = ()

    def models(self) -> list[str]:
        """The models that have a deployment, in the order of the file."""
        return list(dict.fromkeys(placed.model for placed in self.deployments))

    def is_cached(self) -> bool:
        """Whether any route or model has a cache."""
        caches = (self.cache, *(route.cache for route in self.routes.values()))
        return any(each and (each.exact or each.semantic) for each in caches)

    def is_semantically_cached(self) -> bool:
        """Whether any has one for questions that mean the same."""
        caches = (self.cache, *(route.cache for route in self.routes.values()))
        return any(each and each.semantic and each.semantic.enabled for each in caches)

    def is_compressed(self) -> bool:
        """Whether any route has its prompts shortened."""
        given = (self.compression, *(route.compression for route in self.routes.values()))
        return any(each not in (None, False) for each in given)
