"""Words that change what a question asks, in English: lists of our own, short on purpose.

They are evidence for the verifier (``features``), which weighs them; nothing is decided by them
alone.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP_WORDS = _words(
    "a an the this that these those some any each every all both either i me my mine myself we us "
    "our ours you your yours he him his she her hers it its they them their theirs who whom whose "
    "which what when where why how is am are was were be been being do does did doing done have "
    "has had having can could will would shall should may might must of in on at by for from to "
    "into onto with about as and or but if so than then there here up out just also please hi "
    "hello hey thanks thank tell explain show give let know want need like get got make made go "
    "going really very much more most many one ones thing things way ways good best"
)

NEGATIONS = _words(
    "no not never none nobody nothing neither nor nowhere without cannot cant dont doesnt didnt "
    "isnt arent wasnt werent wont wouldnt shouldnt couldnt mustnt hasnt havent hadnt aint except "
    "unless fail fails failed lack lacks lacking avoid prevent stop refuse deny exclude"
)

OPPOSITE_WORDS = (
    "enable disable|on off|start stop|begin end|first last|open close|open shut|add remove|"
    "add delete|create delete|create destroy|install uninstall|increase decrease|raise lower|"
    "grow shrink|up down|left right|top bottom|front back|before after|early late|earliest latest|"
    "buy sell|buying selling|send receive|sent received|deposit withdraw|lend borrow|win lose|"
    "winning losing|gain lose|gain loss|profit loss|push pull|import export|upload download|"
    "encode decode|encrypt decrypt|compress decompress|serialize deserialize|connect disconnect|"
    "lock unlock|hide show|allow deny|allow forbid|allow block|accept reject|accept decline|"
    "approve reject|grant revoke|pass fail|success failure|succeed fail|true false|yes no|"
    "positive negative|plus minus|maximum minimum|max min|maximize minimize|most least|more less|"
    "more fewer|many few|high low|higher lower|highest lowest|big small|large small|larger smaller|"
    "largest smallest|long short|longer shorter|longest shortest|fast slow|faster slower|"
    "hot cold|warm cold|hard soft|hard easy|difficult easy|strong weak|stronger weaker|heavy light|"
    "dark light|old new|old young|oldest youngest|oldest newest|good bad|best worst|better worse|"
    "right wrong|safe dangerous|cheap expensive|cheapest dearest|rich poor|full empty|public "
    "private|internal external|inside outside|indoor outdoor|input output|read write|ascending "
    "descending|asc desc|vertical horizontal|row column|rows columns|male female|man woman|men "
    "women|boy girl|boys girls|husband wife|father mother|son daughter|brother sister|king queen|"
    "north south|east west|summer winter|spring autumn|day night|morning evening|am pm|gas "
    "electric|single married|marry divorce|love hate|advantages disadvantages|advantage "
    "disadvantage|pros cons|benefits drawbacks|benefits risks|cause effect|causes effects|causes "
    "symptoms|cause prevent|include exclude|with without|legal illegal|possible impossible|active "
    "passive|sync async|client server|parent child|ancestor descendant|save load|save spend|mount "
    "unmount|attach detach|subscribe unsubscribe|follow unfollow|mute unmute|like dislike|login "
    "logout|log unlog|sender recipient|source target|source destination|debit credit|income "
    "expense|asset liability|gross net|arrive depart|arrival departure|come go|enter leave|enter "
    "exit|entry exit|ask answer|question answer|teach learn|lengthen shorten|widen narrow|"
    "activate deactivate|freeze unfreeze|block unblock|join leave|hire fire|employ dismiss|"
    "above below|over under|prefix suffix|upper lower|uppercase lowercase|even odd|static dynamic|"
    "absolute relative|mutable immutable|local remote|local global|local international|"
    "domestic foreign|physical virtual|physical digital|manual automatic|optional required|"
    "temporary permanent|always never|everyone nobody|everything nothing|alive dead|birth death|"
    "born died|sick healthy|lose find|lost found|forget remember|break fix|break repair|build "
    "demolish|gain lose|promote demote|upgrade downgrade|expand collapse|zip unzip|wet dry|clean "
    "dirty|sweet bitter|near far|nearest farthest|same different|similar different|equal unequal"
)
"""Pairs of which one is no answer to a question for the other, separated by bars."""

UNITS = _words(
    "mm cm m km inch inches ft foot feet yard yards mile miles mg g kg gram grams kilogram "
    "kilograms ton tons tonne lb lbs pound pounds oz ounce ounces ml l litre litres liter liters "
    "gallon gallons cup cups tablespoon teaspoon second seconds sec secs minute minutes min mins "
    "hour hours hr hrs day days week weeks month months year years decade decades century "
    "centuries ms ns us hz khz mhz ghz b kb mb gb tb kib mib gib bit bits byte bytes usd eur gbp "
    "jpy inr dollar dollars euro euros yen rupee rupees cent cents percent celsius fahrenheit "
    "kelvin degree degrees watt watts kw kwh volt volts amp amps joule joules calorie calories "
    "kcal px em rem pt dpi"
)

MONTHS = _words(
    "january february april june july august september october november december jan feb apr jun "
    "jul aug sep sept oct nov dec"
)
"""Without those that are more often something else: may, march."""
WEEKDAYS = _words(
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues thu thurs fri "
    "weekday weekend"
)

NUMBER_WORDS = {
    "zero": "0", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "hundred": "100",
    "thousand": "1000", "million": "1000000",
}  # fmt: skip
"""Without one, which counts nothing more often than not."""

QUESTION_WORDS = {
    "who": "who", "whom": "who", "whose": "who", "what": "what", "which": "which",
    "when": "when", "where": "where", "why": "why", "how": "how",
}  # fmt: skip
HOW_MUCH = _words("many much long often far old big large tall high deep fast soon")
AUXILIARIES = _words(
    "is are am was were do does did can could will would should shall may might must has have had "
    "isn't aren't don't doesn't can't won't"
)


def _opposites() -> dict[str, frozenset[str]]:
    against: dict[str, set[str]] = {}
    for pair in OPPOSITE_WORDS.split("|"):
        one, other = pair.split()
        against.setdefault(one, set()).add(other)
        against.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in against.items()}


OPPOSITES = _opposites()
"""Of each word those that stand against it."""
