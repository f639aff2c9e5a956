"""Makes labelled pairs of questions: the data that the shipped verifier is trained on.

A right pair asks the same in other words. A wrong pair is a near miss: the same words with another
city, number or unit, the two ends swapped, or another question on the same thing.
"""

import random
import re
import sys
from collections.abc import Iterator, Sequence

from msgspec import Struct, json

from stepdown.caching.semantic.families import FAMILIES, SLOTS, Family

OPENINGS = (
    "", "", "", "", "", "", "Please tell me: ", "Quick question: ", "Hi, ", "Hello! ", "Hey, ",
    "I was wondering, ", "Just curious: ", "Can you help me? ", "I need help. ",
)  # fmt: skip
CLOSINGS = ("", "", "", "", "", "", " Thanks!", " Thank you.", " please", " Any ideas?")
_SLOT = re.compile(r"{([a-z]+)(2?)}")


class LabelledPair(Struct, frozen=True):
    """Two texts, and whether the answer to one is an answer to the other (``label`` 1 or 0)."""

    a: str
    b: str
    label: int


def generate(
    number: int, seed: int = 0, families: Sequence[Family] = FAMILIES
) -> Iterator[LabelledPair]:
    """So many pairs, of which two in five are right. The same for the same seed."""
    chance = random.Random(seed)
    for _ in range(number):
        family = chance.choice(families)
        if chance.random() < 0.4:
            yield _right(family, chance)
            continue
        made = chance.randrange(5)
        if made < 2:
            yield _other_slot(family, chance)
        elif made < 4:
            yield _near(family, chance)
        else:
            yield _elsewhere(family, chance, families)


def asked_again(number: int, seed: int, families: Sequence[Family]) -> list[tuple[str, str]]:
    """So many questions as users ask them, each with what it is about: (text, what is asked).

    What is asked comes again and again, some of it often (Zipf's law), each time in other words;
    in between there are near misses: the same on something else, another question on the same.
    """
    chance = random.Random(seed)
    about: list[tuple[Family, int, dict[str, str]]] = []
    for _ in range(max(1, number // 12)):
        family = chance.choice(families)
        values = _values("".join(family.same + family.near), chance)
        which = chance.choice((-1, -1, chance.randrange(len(family.near))))
        about.append((family, which, values))
    weights = [1.0 / rank for rank in range(1, len(about) + 1)]
    asked: list[tuple[str, str]] = []
    for place in chance.choices(range(len(about)), weights, k=number):
        family, which, values = about[place]
        template = chance.choice(family.same) if which < 0 else family.near[which]
        slots = _SLOT.findall(template)
        used = [values[kind + two] for kind, two in dict.fromkeys(slots)]
        if _is_mutual(template) or _is_mutual(family.same[0]):
            used.sort()
        kind = "same" if which < 0 else family.near[which]
        asked.append((_said(template, values, chance), f"{family.same[0]} {kind} {used}"))
    return asked


def _right(family: Family, chance: random.Random) -> LabelledPair:
    one, other = chance.sample(family.same, 2)
    if chance.random() < 0.15:
        other = one
    values = _values(one + other, chance)
    return _pair(one, other, values, values, 1, chance)


def _near(family: Family, chance: random.Random) -> LabelledPair:
    one, other = chance.choice(family.same), chance.choice(family.near)
    values = _values(one + other, chance)
    return _pair(one, other, values, values, 0, chance)


def _other_slot(family: Family, chance: random.Random) -> LabelledPair:
    """The same question on something else, or with its two ends swapped."""
    one, other = chance.choice(family.same), chance.choice(family.same)
    values = _values(one + other, chance)
    if not values:
        return _near(family, chance)
    changed = dict(values)
    name = chance.choice(sorted(values))
    twin = name[:-1] if name.endswith("2") else f"{name}2"
    if twin in values and chance.random() < 0.5:
        changed[name], changed[twin] = values[twin], values[name]
        if _is_mutual(one) or _is_mutual(other):
            return _near(family, chance)
    else:
        changed[name] = _draw(name.rstrip("2"), set(values.values()), chance)
    return _pair(one, other, values, changed, 0, chance)


def _is_mutual(template: str) -> bool:
    """Whether the question stays the same when its two ends are swapped."""
    return any(f"{word} {{" in template for word in ("or", "and", "between", "vs"))


def _elsewhere(family: Family, chance: random.Random, families: Sequence[Family]) -> LabelledPair:
    """A question of another family, on the same thing where it has one of the kind."""
    other_family = chance.choice([each for each in families if each is not family])
    one, other = chance.choice(family.same), chance.choice(other_family.same)
    if other in family.same + family.near or one in other_family.same + other_family.near:
        return _near(family, chance)
    values = _values(one + other, chance)
    return _pair(one, other, values, values, 0, chance)


def _values(template: str, chance: random.Random) -> dict[str, str]:
    values: dict[str, str] = {}
    for kind, second in _SLOT.findall(template):
        if kind + second not in values:
            values[kind + second] = _draw(kind, set(values.values()), chance)
    return values


def _draw(kind: str, taken: set[str], chance: random.Random) -> str:
    return chance.choice([value for value in SLOTS[kind] if value not in taken])


def _pair(
    one: str,
    other: str,
    ours: dict[str, str],
    theirs: dict[str, str],
    label: int,
    chance: random.Random,
) -> LabelledPair:
    a, b = _said(one, ours, chance), _said(other, theirs, chance)
    return LabelledPair(a, b, label) if chance.random() < 0.5 else LabelledPair(b, a, label)


def _said(template: str, values: dict[str, str], chance: random.Random) -> str:
    text = _SLOT.sub(lambda slot: values[slot[1] + slot[2]], template)
    style = chance.random()
    if style < 0.15:
        text = text.lower()
    elif style < 0.3:
        text = text.rstrip("?.")
    return chance.choice(OPENINGS) + text + chance.choice(CLOSINGS)


def main(arguments: list[str]) -> None:
    """``python -m stepdown.caching.semantic.generate NUMBER [SEED]``: JSON lines on the terminal.

    Written to a file and given to ``stepdown cache fit``, 20000 of seed 0 make the one shipped.
    """
    if not arguments or not all(map(str.isdecimal, arguments)):
        raise SystemExit(main.__doc__)
    number, seed = (int(each) for each in [*arguments, "0"][:2])
    for pair in generate(number, seed):
        sys.stdout.buffer.write(json.encode(pair) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
