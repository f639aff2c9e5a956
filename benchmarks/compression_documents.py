"""Questions over documents, with known answers: made here, from a seed, for compression.

Each document tells about several things of one kind, one after the other, with sentences that have
nothing to do with the question between them; in half of the documents each thing has a paragraph,
in the other half all stand in one. Every thing has what the others have (a year, a
length, a person, …), so that an answer has to be read in the right place. In a third of the
questions the answer's sentence does not name what it is about ("It was …"); a third need two
places (which of two is longer?); none uses the document's own words alone.
"""

from collections.abc import Sequence
from random import Random

from msgspec import Struct

WAYS = ("named", "unnamed", "compared")
REWORDED = "reworded"
"""A question that has hardly a word of the sentence that answers it."""
MOST_WORDS = 12
"""Within so many words an answer has to say it."""
INSTRUCTION = "Read the text and answer the question with a name, a number or one word only."
THINGS = 6
"""In a document; 6 are about 500 tokens."""
_PEOPLE = (
    "Ada Brenner", "Tomas Velt", "Ruth Okafor", "Jan Lindqvist", "Mira Santos", "Paul Decker",
    "Lena Hartog", "Omar Haddad", "Iris Novak", "Karl Weston", "Nadia Fuchs", "Leo Marchetti",
)  # fmt: skip
_PLACES = (
    "Arden", "Bellmoor", "Corvale", "Dunmere", "Eskdale", "Farrow", "Grimsby", "Hollin", "Istead",
    "Jarrow", "Kelso", "Lorne", "Marden", "Norwell", "Orrin", "Penrith",
)  # fmt: skip
_MATERIALS = (
    "granite", "oak", "steel", "brick", "sandstone", "copper", "slate", "concrete", "marble",
    "pine", "iron", "cedar",
)  # fmt: skip
_COLOURS = (
    "red", "green", "blue", "white", "yellow", "grey", "black", "brown", "orange", "purple",
    "silver", "pink",
)  # fmt: skip


class Question(Struct, frozen=True):
    """A question over a document. ``needed`` are the sentences that hold its answer; ``rival`` is
    the other of two that are compared."""

    id: str
    document: str
    question: str
    answer: str
    needed: tuple[str, ...]
    rival: str = ""

    @property
    def way(self) -> str:
        """How it is asked: one of WAYS, or REWORDED."""
        return self.id.partition("-")[0]


class _Kind(Struct, frozen=True):
    """What a document is about: how a thing is called, what is told of it, what is asked."""

    name: str
    title: str
    opening: str
    facts: Sequence[tuple[str, str, str, str]]
    """What it is, its sentence with the name, its sentence without, and the question."""
    compared: tuple[str, str]
    """Which fact is compared, and the question."""
    fillers: Sequence[tuple[str, str, str]]
    """Sentences beside the facts, each with a question in other words, and its answer."""


_KINDS = (
    _Kind(
        "the {place} bridge",
        "Report of the county's surveyor",
        "Crossing the valley near {place} takes longer than it used to.",
        (
            ("year", "The {name} was opened to traffic in {year}.",
             "It was opened to traffic in {year}.",
             "In which year could the first vehicles use the {name}?"),
            ("length", "The {name} spans {length} metres between its outer piers.",
             "From pier to pier it spans {length} metres.",
             "How many metres long is the {name}?"),
            ("person", "{person} drew the plans of the {name}.",
             "Its plans were drawn by {person}.",
             "Who designed the {name}?"),
            ("material", "The deck of the {name} is made of {material}.",
             "Its deck is made of {material}.",
             "What material is the deck of the {name}?"),
        ),
        ("length", "Which is longer, the {name} or the {other}?"),
        (
            ("The inspectors walked the whole site twice and noted the state of the drains.",
             "How often did the examiners go over the terrain?", "twice"),
            ("Residents had asked for better lighting, and the council has put it on the agenda.",
             "What did the inhabitants want improved?", "lighting"),
            ("A footpath leads down to the water, where anglers meet on most weekends.",
             "Who gathers by the shore on Saturdays?", "anglers"),
            ("Traffic counts were taken on four weekdays and are given in the annex.",
             "On how many days were cars tallied?", "four"),
            ("Frost had loosened several kerb stones, which were set again before Easter.",
             "What did the cold damage?", "kerb"),
            ("The budget for painting was moved to the following season.",
             "Money for what was postponed until next year?", "painting"),
        ),
    ),
    _Kind(
        "the {place} office",
        "Notes on the branches",
        "Visitors to {place} are asked to ring twice.",
        (
            ("year", "The {name} moved into its present rooms in {year}.",
             "It moved into its present rooms in {year}.",
             "Since when has the {name} been at its current address?"),
            ("length", "The {name} employs {length} people.",
             "The staff there numbers {length}.",
             "How many people work at the {name}?"),
            ("person", "The {name} is managed by {person}.",
             "{person} is in charge there.",
             "Who runs the {name}?"),
            ("colour", "The front door of the {name} was painted {colour}.",
             "Its front door was painted {colour}.",
             "What colour is the entrance of the {name}?"),
        ),
        ("length", "Which has more staff, the {name} or the {other}?"),
        (
            ("The heating was repaired over the holidays and has run quietly since then.",
             "What was fixed during the vacation?", "heating"),
            ("Parking is free behind the building after five in the afternoon.",
             "From when can cars be left without paying?", "five"),
            ("A new coffee machine was bought from what remained of the party fund.",
             "What did they purchase with leftover celebration money?", "coffee"),
            ("Post is collected at noon, and parcels have to be at the desk by eleven.",
             "When are letters picked up?", "noon"),
            ("The lift was out of order for a week, to the regret of those on the top floor.",
             "How long did the elevator not work?", "week"),
            ("Plants are watered by whoever comes first on a Monday.",
             "On which day do the flowers get a drink?", "Monday"),
        ),
    ),
    _Kind(
        "the {place} orchard",
        "Harvest letter",
        "Rain came late to {place} this season.",
        (
            ("year", "The oldest trees of the {name} were planted in {year}.",
             "Its oldest trees were planted in {year}.",
             "When did the planting of the {name} begin?"),
            ("length", "The {name} yielded {length} crates of fruit.",
             "The pickers carried {length} crates from it.",
             "How many crates were harvested at the {name}?"),
            ("person", "{person} bought the {name} from a cousin.",
             "{person} bought it from a cousin.",
             "Who owns the {name}?"),
            ("material", "The shed of the {name} was built of {material}.",
             "The shed there was built of {material}.",
             "What is the shed at the {name} built from?"),
        ),
        ("length", "Which had the bigger harvest, the {name} or the {other}?"),
        (
            ("Bees were brought in from the next valley and stayed until the blossom was over.",
             "Which insects were fetched to pollinate?", "bees"),
            ("Two ladders broke and were replaced by lighter ones made of aluminium.",
             "What metal are the new climbing aids?", "aluminium"),
            ("The path to the gate is muddy, and boots are recommended until June.",
             "What footwear should one put on?", "boots"),
            ("Deer had found a gap in the fence, which has been closed with wire.",
             "Which animals got through the barrier?", "deer"),
            ("Schoolchildren came for a day and pressed juice for their parents.",
             "What drink did the pupils make?", "juice"),
            ("The old press was cleaned, oiled, and lent to a neighbour.",
             "To whom was the machine given for a while?", "neighbour"),
        ),
    ),
    _Kind(
        "the {place} boat",
        "Harbour log",
        "Fog kept everyone from {place} in port for three days.",
        (
            ("year", "The {name} was launched in {year}.",
             "She was launched in {year}.",
             "In what year did the {name} first go to sea?"),
            ("length", "The {name} can carry {length} passengers.",
             "Up to {length} passengers find room on board.",
             "How many passengers may travel on the {name}?"),
            ("person", "The captain of the {name} is {person}.",
             "Her captain is {person}.",
             "Who commands the {name}?"),
            ("colour", "The hull of the {name} is {colour} below the rail.",
             "Her hull is {colour} below the rail.",
             "Which colour is the hull of the {name}?"),
        ),
        ("length", "Which takes more passengers, the {name} or the {other}?"),
        (
            ("Ropes and fenders were checked, and two buoys were sent away for repair.",
             "How many floats went off to be mended?", "two"),
            ("The fuel pump at the quay was closed on Sunday afternoon.",
             "What could not be used at the weekend to fill the tank?", "pump"),
            ("Gulls had nested in the lifebelt locker, and the crew waited for them to leave.",
             "Which birds were breeding in a cupboard?", "gulls"),
            ("Ice was ordered for the fish market and came an hour late.",
             "What was delivered with a delay?", "ice"),
            ("A cook is wanted for the summer, and a bunk would be free from May.",
             "For which job are applicants sought?", "cook"),
            ("The tide tables were pinned up beside the harbour master's window.",
             "Where can one read the times of high water?", "window"),
        ),
    ),
)  # fmt: skip


def questions(
    count: int, seed: int = 0, things: int = THINGS, ways: Sequence[str] = WAYS
) -> list[Question]:
    """So many questions, each over a document of its own, asked in these ways in turn."""
    random = Random(seed)
    turns = [(number // len(_KINDS), number) for number in range(count)]
    return [_question(random, number, things, ways[at % len(ways)]) for at, number in turns]


def prompt(asked: Question, document: str | None = None) -> str:
    """The user's turn, with the document as it is or in another form."""
    text = asked.document if document is None else document
    return f"{INSTRUCTION}\n\nText:\n{text}\n\nQuestion: {asked.question}"


def is_right(asked: Question, answer: str) -> bool:
    """Whether an answer says, shortly, what was asked for, and not its rival before."""
    said = _words(answer)
    right, rival = _place(said, _words(asked.answer)), _place(said, _words(asked.rival))
    return 0 <= right < MOST_WORDS and not 0 <= rival < right


def _place(said: Sequence[str], wanted: Sequence[str]) -> int:
    if wanted:
        for at in range(len(said) - len(wanted) + 1):
            if said[at : at + len(wanted)] == wanted:
                return at
    return -1


def _words(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text.lower().replace(",", "")).split()


def _question(random: Random, number: int, count: int, way: str) -> Question:
    kind = _KINDS[number % len(_KINDS)]
    things = _things(random, count)
    asked, other = random.sample(range(count), 2)
    fact, question = kind.compared
    if way != "compared":
        fact, question = random.choice([(each[0], each[3]) for each in kind.facts])
    paragraphs, needed = _written(random, kind, things, asked, other, fact, way)
    words = {"name": _short(kind, things[asked]), "other": _short(kind, things[other])}
    if way == REWORDED:
        sentence, question, answer = random.choice(kind.fillers)
        paragraphs, needed, rival = _with_one(paragraphs, sentence, random), (sentence,), ""
    elif way == "compared":
        longer = max((asked, other), key=lambda at: int(things[at]["length"]))
        answer = things[longer]["place"]
        rival = things[asked + other - longer]["place"]
    else:
        answer, rival = things[asked][fact], ""
    between = " " if number // (3 * len(_KINDS)) % 2 else "\n\n"
    document = f"{kind.title}\n\n{between.join(paragraphs)}"
    name = f"{way}-{number:03}"
    return Question(name, document, question.format(**words), answer, needed, rival)


def _with_one(paragraphs: Sequence[str], sentence: str, random: Random) -> list[str]:
    """The paragraphs, one of which, and no other, has the sentence."""
    without = [" ".join(text.replace(sentence, "").split()) for text in paragraphs]
    chosen = random.randrange(len(without))
    without[chosen] += f" {sentence}"
    return without


def _things(random: Random, count: int) -> list[dict[str, str]]:
    drawn: list[tuple[str, Sequence[str]]] = [
        ("place", random.sample(_PLACES, count)),
        ("person", random.sample(_PEOPLE, count)),
        ("material", random.sample(_MATERIALS, count)),
        ("colour", random.sample(_COLOURS, count)),
        ("year", [str(year) for year in random.sample(range(1850, 2020), count)]),
        ("length", [str(size) for size in random.sample(range(12, 480), count)]),
    ]
    return [{name: values[at] for name, values in drawn} for at in range(count)]


def _short(kind: _Kind, thing: dict[str, str]) -> str:
    return kind.name.format(**thing).removeprefix("the ")


def _written(
    random: Random,
    kind: _Kind,
    things: Sequence[dict[str, str]],
    asked: int,
    other: int,
    fact: str,
    way: str,
) -> tuple[list[str], tuple[str, ...]]:
    """The paragraphs, and the sentences that are needed for the answer."""
    paragraphs: list[str] = []
    needed: list[str] = []
    for at, thing in enumerate(things):
        told = list(kind.facts)
        random.shuffle(told)
        if way == "unnamed" and at == asked and told[0][0] == fact:
            told.append(told.pop(0))
        sentences = [kind.opening.format(**thing)]
        for place, (what, named, unnamed, _) in enumerate(told):
            is_named = place == 0 or (way != "unnamed" and at in (asked, other) and what == fact)
            pattern = named if is_named else unnamed
            sentence = pattern.format(name=_short(kind, thing), **thing)
            sentences.append(sentence)
            if what == fact and (at == asked or (way == "compared" and at == other)):
                needed.append(sentence)
        for filler, _, _ in random.sample(list(kind.fillers), 2):
            sentences.insert(random.randrange(1, len(sentences) + 1), filler)
        if way == "unnamed" and at == asked:
            needed.append(next(each for each in sentences if _short(kind, thing) in each))
        paragraphs.append(" ".join(sentences))
    return paragraphs, tuple(needed)
