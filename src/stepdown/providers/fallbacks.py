"""Fallbacks: which models are asked when one has failed, by the kind of its failure."""

from collections.abc import Mapping, Sequence

from stepdown.errors import ContentRefused, ContextWindowExceeded
from stepdown.providers.course import Course
from stepdown.providers.settings import FleetSettings

Lists = Mapping[str, Sequence[str]]


def fallbacks(settings: FleetSettings, course: Course) -> list[str]:
    """The models to ask after this course, in order.

    A prompt too long or a refused content has a list of its own, where the configuration gives
    one for the model; the general list serves otherwise. The default ones come last.
    """
    special: Lists = {}
    if not course.members or isinstance(course.failure, ContextWindowExceeded):
        special = settings.context_window_fallbacks
    elif isinstance(course.failure, ContentRefused):
        special = settings.content_policy_fallbacks
    chosen = _listed(special, course) or _listed(settings.fallbacks, course)
    return [*chosen, *settings.default_fallbacks]


def _listed(lists: Lists, course: Course) -> Sequence[str]:
    """A model is listed by the name it was asked for, its own, its pattern, or ``*``."""
    if lists:
        for name in (course.model, course.served.name, course.served.group.name, "*"):
            if name in lists:
                return lists[name]
    return ()
