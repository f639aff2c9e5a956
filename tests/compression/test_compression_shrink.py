"""What may be changed, in which order, until when; and the weighing of what a provider caches."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest

from stepdown.compression.counting import estimated
from stepdown.compression.draft import Draft, Form, rewritten
from stepdown.compression.shrink import Cached, Made, Target, reason, shrink, untouchable
from stepdown.compression.technique import Technique
from stepdown.compression.techniques.duplicates import Duplicates
from stepdown.compression.techniques.extract import Extract
from stepdown.compression.techniques.history import History, Pins
from stepdown.compression.techniques.minify import Minify
from stepdown.pricing.price import TokenPrice
from stepdown.routing.tokens import estimate
from stepdown.types import Request
from support.prompts_to_shrink import document, request, said, tool, user

SPACED = '{\n    "id":    1,\n    "name":    "Ann",\n    "tags":    [1,    2,    3]\n}'
MARKED = [{"type": "text", "text": SPACED, "cache_control": {"type": "ephemeral"}}]
ALL = (Minify(), Duplicates(), History(Pins(first=0, last=1)), Extract())
DEAR = TokenPrice(Decimal(1), Decimal(4), cached_input=Decimal("0.1"))
EVEN = TokenPrice(Decimal(1), Decimal(4))


def made(
    asked: Request,
    techniques: Sequence[Technique] = ALL,
    target: Target | None = None,
    cached: Cached | None = None,
) -> Made:
    tokens = round(estimate(asked.prompt, asked.fields).value)
    return shrink(asked, techniques, estimated, tokens, target=target, cached=cached)


def after(asked: Request, found: Made) -> list[Any]:
    return [message.content for message in rewritten(asked, found.forms).prompt.messages]


def test_lossless_ones_run_without_a_target() -> None:
    asked = request(tool(SPACED), user("What is it?"))
    found = made(asked, [Minify()])
    assert after(asked, found)[0] == '{"id":1,"name":"Ann","tags":[1,2,3]}'
    assert found.removed.keys() == {"minify"}
    assert found.fewer == sum(found.removed.values()) > 0


def test_they_run_in_order_until_the_target_is_met() -> None:
    asked = request(tool(document(12)), tool(document(12)), tool(document(20, 30)), user("Ice?"))
    assert made(asked, target=Target(0.95)).removed.keys() == {"duplicates"}
    everything = made(asked, target=Target(0.3)).removed.keys()
    assert everything == {"duplicates", "extract"}


def test_a_target_is_a_share_or_tokens() -> None:
    assert Target(0.5).of(1000) == 500
    assert Target(None, 4000).of(1000) == 4000
    asked = request(tool(document(60)), user("Which note speaks of ice?"))
    tokens = estimate(asked.prompt).value
    found = made(asked, target=Target(None, 400))
    assert tokens - found.fewer == pytest.approx(380, abs=30)
    assert made(asked, target=Target(None, 5000)).forms == {}


# ── What is never touched ────────────────────────────────────────────────────────────────────


def test_examples_are_out_of_reach() -> None:
    pairs = [user(SPACED), said("A"), user(SPACED), said("B")]
    asked = request(*pairs, user(SPACED))
    assert untouchable(asked) == 4
    assert after(asked, made(asked))[:4] == [SPACED, "A", SPACED, "B"]


def test_what_the_client_has_cached_is_out_of_reach() -> None:
    asked = request(tool(SPACED), user(MARKED), tool(SPACED), user("What?"))
    assert untouchable(asked) == 2
    assert made(asked).forms.keys() == {2}


class Broken:
    name, lossless, by_question = "broken", False, False

    def apply(self, draft: Draft) -> None:
        draft.change(draft.texts[0], "x")
        raise RuntimeError("no luck")


def test_a_technique_that_fails_leaves_the_rest_to_the_others() -> None:
    asked = request(tool(SPACED), tool(document(30)), user("Which note speaks of ice?"))
    found = made(asked, [Minify(), Broken(), Extract()], Target(0.5))
    assert found.failed == ("broken: RuntimeError",)
    assert {"minify", "extract"} <= found.removed.keys()


def test_a_reason_says_nothing_of_the_prompt() -> None:
    assert reason(ValueError("the prompt's secret")) == "ValueError"
    assert reason(OSError("the hub is out of reach")) == "OSError: the hub is out of reach"


# ── What the provider has cached ─────────────────────────────────────────────────────────────

OLD = [user("Tell me all."), said(document(90)), user("And then?"), said(document(90, 90))]
NEXT = [*OLD, user("And in the end?")]
CUT = [History(Pins(first=0, last=1))]


def cached(forms: Mapping[int, Form] | None = None, price: TokenPrice | None = DEAR) -> Cached:
    known = forms or {}
    return Cached([known.get(at) for at in range(len(OLD))], price)


def test_what_is_cached_stays_where_the_discount_is_worth_more() -> None:
    found = made(request(*NEXT), CUT, Target(0.6), cached())
    assert found.forms == {}
    assert found.kept_prefix


def test_what_is_cached_goes_where_that_is_cheaper() -> None:
    assert made(request(*NEXT), CUT, Target(0.6), cached(price=EVEN)).removed["history"] > 1000
    deep = made(request(*NEXT), CUT, Target(0.02), cached())
    assert deep.removed["history"] > 1000


def test_with_an_unknown_price_what_is_cached_stays() -> None:
    assert made(request(*NEXT), CUT, Target(0.02), cached(price=None)).kept_prefix


def test_a_short_beginning_is_not_cached_anyway() -> None:
    short = [user("Tell me all."), said(document(30)), user("And then?")]
    known = Cached([None, None], DEAR)
    found = made(request(*short), [History(Pins(first=0, last=1))], Target(0.7), known)
    assert found.removed.keys() == {"history"}
    assert not found.kept_prefix


def test_what_was_sent_shorter_is_sent_so_again_and_counts() -> None:
    before = request(*OLD, user("x"))
    forms = made(before, CUT, Target(0.3)).forms
    again = made(request(*NEXT), CUT, Target(0.6), cached(forms))
    assert again.forms == forms
    assert again.fewer == sum(sum(form.removed.values()) for form in forms.values())
    assert not again.kept_prefix


def test_what_turns_out_to_be_an_example_is_sent_as_it_came() -> None:
    pair = [user("The soup was cold."), said("negative")]
    shorter = made(request(tool(SPACED), user("x"))).forms[0]
    asked = request(*pair, user("Great view!"))
    found = made(asked, [Minify()], cached=Cached([shorter, None], DEAR))
    assert found.forms == {}


def test_new_messages_are_shortened_behind_what_is_cached() -> None:
    asked = request(*OLD, tool(document(60, 200)), user("Which note speaks of ice?"))
    found = made(asked, [Extract()], Target(0.9), cached())
    assert found.forms.keys() == {4}
