"""A report as one page that needs nothing else: no network, no other file.

The browser is told to load nothing and to run nothing but the page's own style and script, by their
hashes (Content Security Policy, w3.org/TR/CSP3): whatever a prompt or an answer holds stays text.
"""

import base64
import hashlib
from functools import cache
from importlib.resources import files

from stepdown.evals.page.curves import curves_section
from stepdown.evals.page.facts import doubts_section, footer, header
from stepdown.evals.page.groups import groups_section
from stepdown.evals.page.markup import Html, el, inline, page
from stepdown.evals.page.pairs import pairs_section
from stepdown.evals.page.policies import policies_section
from stepdown.evals.report import Report


def html(report: Report) -> str:
    """The page: HTML, to be written as UTF-8. It has the worst 200 downgrades' texts, no others."""
    style, script = _own("page.css"), _own("page.js")
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", f"{report.route} on {report.source.name}: evaluation"),
        inline("style", style),
    )
    body = el(
        "body",
        header(report),
        el(
            "main",
            curves_section(report),
            policies_section(report),
            groups_section(report),
            doubts_section(report),
            pairs_section(report),
        ),
        footer(report),
        inline("script", script),
    )
    return page(head, body)


def _policy(style: str, script: str) -> Html:
    return Html(
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(source: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}"


@cache
def _own(name: str) -> str:
    return files("stepdown.evals.page").joinpath(name).read_text("utf-8")
