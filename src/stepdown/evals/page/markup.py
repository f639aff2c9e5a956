"""HTML that is escaped by construction: what is not ``Html`` is text, and is escaped."""

from collections.abc import Iterable
from html import escape
from typing import Final

VOID: Final = frozenset({"meta", "line", "circle", "polyline", "rect"})
"""Elements without content; those of SVG are closed by themselves."""


class Html(str):
    """Markup. Only this module makes it."""

    __slots__ = ()


Child = str | None
"""Text, or markup where it is ``Html``; None is nothing."""
Value = str | int | float | bool | None
"""Of an attribute: True for one without a value, False and None for none at all."""


def el(name: str, /, *children: Child | Iterable[Child], **attributes: Value) -> Html:
    """An element. ``class_`` is ``class``, ``data_rule`` is ``data-rule``."""
    opening = f"<{name}{''.join(_attribute(*each) for each in attributes.items())}"
    if name in VOID:
        return Html(f"{opening}/>")
    return Html(f"{opening}>{''.join(map(_content, children))}</{name}>")


def page(head: Html, body: Html) -> Html:
    """A whole document, in English."""
    return Html(f'<!doctype html>\n<html lang="en">{head}{body}</html>\n')


def inline(name: str, source: str) -> Html:
    """A ``style`` or ``script`` with the package's own source, which HTML does not escape.

    Raises ValueError where the source would end the element.
    """
    if f"</{name}" in source.lower():
        raise ValueError(f"{name}: expected no end of the element in its source")
    return Html(f"<{name}>{source}</{name}>")


def _content(child: Child | Iterable[Child]) -> str:
    if child is None or isinstance(child, str):
        return _text(child)
    return "".join(map(_text, child))


def _text(child: Child) -> str:
    if child is None or isinstance(child, Html):
        return child or ""
    return escape(_encodable(child))


def _attribute(name: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    text = f"{value:.6g}" if isinstance(value, float) else _encodable(str(value))
    return f' {name}="{escape(text)}"'


def _encodable(text: str) -> str:
    """Without halves of surrogate pairs, which no file can hold, and NUL, which no page can."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")
