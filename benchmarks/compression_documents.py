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
REVERSED = "reversed"
"""A question about a thing that is told by another fact: the one that was opened in 1931."""
REWORDED = "reworded"
"""A question that has hardly a word of the sentence that answers it."""
MOST_WORDS = 12
"""Within so many words an answer has to say it."""
INSTRUCTION = "Read the text and answer the question with a name, a number or one word only."
THINGS = 5
"""In a document; they are about 400 tokens."""
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
        """How it is asked: one of WAYS, REVERSED, or REWORDED."""
        return self.id.partition("-")[0]


class _Kind(Struct, frozen=True):
    """What a document is about: how a thing is called, what is told of it, what is asked."""

    name: str
    title: str
    opening: str
    facts: Sequence[tuple[str, str, str, str, str]]
    """What it is, its sentence with the name, its sentence without, the question, and how it tells
    which thing is meant."""
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
             "In which year could the first vehicles use the {name}?",
             "bridge that was opened in {year}"),
            ("length", "The {name} spans {length} metres between its outer piers.",
             "From pier to pier it spans {length} metres.",
             "How many metres long is the {name}?",
             "bridge that spans {length} metres"),
            ("person", "{person} drew the plans of the {name}.",
             "Its plans were drawn by {person}.",
             "Who designed the {name}?",
             "bridge that {person} drew the plans of"),
            ("material", "The deck of the {name} is made of {material}.",
             "Its deck is made of {material}.",
             "What material is the deck of the {name}?",
             "bridge with the deck of {material}"),
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
             "Since when has the {name} been at its current address?",
             "office that has been in its rooms since {year}"),
            ("length", "The {name} employs {length} people.",
             "The staff there numbers {length}.",
             "How many people work at the {name}?",
             "office with {length} people"),
            ("person", "The {name} is managed by {person}.",
             "{person} is in charge there.",
             "Who runs the {name}?",
             "office that {person} manages"),
            ("colour", "The front door of the {name} was painted {colour}.",
             "Its front door was painted {colour}.",
             "What colour is the entrance of the {name}?",
             "office with the {colour} front door"),
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
             "When did the planting of the {name} begin?",
             "orchard whose oldest trees are from {year}"),
            ("length", "The {name} yielded {length} crates of fruit.",
             "The pickers carried {length} crates from it.",
             "How many crates were harvested at the {name}?",
             "orchard that yielded {length} crates"),
            ("person", "{person} bought the {name} from a cousin.",
             "{person} bought it from a cousin.",
             "Who owns the {name}?",
             "orchard that {person} bought"),
            ("material", "The shed of the {name} was built of {material}.",
             "The shed there was built of {material}.",
             "What is the shed at the {name} built from?",
             "orchard with the shed of {material}"),
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
             "In what year did the {name} first go to sea?",
             "boat that was launched in {year}"),
            ("length", "The {name} can carry {length} passengers.",
             "Up to {length} passengers find room on board.",
             "How many passengers may travel on the {name}?",
             "boat for {length} passengers"),
            ("person", "The captain of the {name} is {person}.",
             "Her captain is {person}.",
             "Who commands the {name}?",
             "boat whose captain is {person}"),
            ("colour", "The hull of the {name} is {colour} below the rail.",
             "Her hull is {colour} below the rail.",
             "Which colour is the hull of the {name}?",
             "boat with the {colour} hull"),
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
    """So many questions; over each document one in each of these ways."""
    random = Random(seed)
    found: list[Question] = []
    for number in range(-(-count // len(ways))):
        written = _written(random, _KINDS[number % len(_KINDS)], things)
        between = " " if number // len(_KINDS) % 2 else "\n\n"
        found += [_question(random, written, between, way, number) for way in ways]
    return found[:count]


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


class _Sentence(Struct, frozen=True):
    """A sentence about one of the things: what it tells, and whether it names the thing."""

    thing: int
    tells: str
    names: bool
    text: str


class _Written(Struct, frozen=True):
    kind: _Kind
    things: Sequence[dict[str, str]]
    sentences: Sequence[_Sentence]

    def document(self, between: str) -> str:
        paragraphs = [
            " ".join(each.text for each in self.sentences if each.thing == at)
            for at in range(len(self.things))
        ]
        return f"{self.kind.title}\n\n{between.join(paragraphs)}"

    def name(self, thing: int) -> str:
        return _short(self.kind, self.things[thing])

    def needed(self, thing: int, fact: str) -> tuple[str, ...]:
        """The sentence that tells the fact, and the one that names its subject."""
        own = [each for each in self.sentences if each.thing == thing]
        told = next(each for each in own if each.tells == fact)
        named = next(each for each in own if each.names)
        return (told.text,) if told.names else (named.text, told.text)


def _question(random: Random, written: _Written, between: str, way: str, number: int) -> Question:
    kind, document = written.kind, written.document(between)
    name = f"{way}-{number:03}"
    if way == REWORDED:
        once = [each for each in kind.fillers if document.count(each[0]) == 1]
        sentence, question, answer = random.choice(once)
        return Question(name, document, question, answer, (sentence,))
    if way == REVERSED:
        return _reversed(Random(name), written, document, name)
    if way == "compared":
        fact, question = kind.compared
        one, other = random.sample(range(len(written.things)), 2)
        sizes = [int(written.things[thing][fact]) for thing in (one, other)]
        longer, shorter = (one, other) if sizes[0] > sizes[1] else (other, one)
        return Question(
            name,
            document,
            question.format(name=written.name(one), other=written.name(other)),
            written.things[longer]["place"],
            (*written.needed(one, fact), *written.needed(other, fact)),
            written.things[shorter]["place"],
        )
    told = [each for each in written.sentences if each.tells and each.names == (way == "named")]
    asked = random.choice(told)
    question = next(fact[3] for fact in kind.facts if fact[0] == asked.tells)
    return Question(
        name,
        document,
        question.format(name=written.name(asked.thing)),
        written.things[asked.thing][asked.tells],
        written.needed(asked.thing, asked.tells),
    )


def _reversed(random: Random, written: _Written, document: str, name: str) -> Question:
    thing = random.randrange(len(written.things))
    told, asked = random.sample(list(written.kind.facts), 2)
    values = written.things[thing]
    needed = [
        each.text
        for each in written.sentences
        if each.thing == thing and each.tells in (told[0], asked[0])
    ]
    question = asked[3].format(name=told[4].format(**values))
    return Question(name, document, question, values[asked[0]], tuple(needed))


def _written(random: Random, kind: _Kind, count: int) -> _Written:
    """Half of the things are named in every sentence about them, the others in the first."""
    things = _things(random, count)
    fillers = random.sample(list(kind.fillers), len(kind.fillers))
    sentences: list[_Sentence] = []
    for at, thing in enumerate(things):
        facts = random.sample(list(kind.facts), len(kind.facts))
        own = [
            _Sentence(at, what, names, (named if names else unnamed).format(name=short, **thing))
            for place, (what, named, unnamed, *_) in enumerate(facts)
            for short, names in [(_short(kind, thing), place == 0 or at % 2 == 0)]
        ]
        filler = _Sentence(at, "", False, fillers[at % len(fillers)][0])
        own.insert(random.randrange(len(own) + 1), filler)
        sentences += [_Sentence(at, "", False, kind.opening.format(**thing)), *own]
    return _Written(kind, things, sentences)


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
