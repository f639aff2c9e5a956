"""Refusals are told from their opening, and answers that only sound like one are let through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.cascade.validators.refusal import FILTERED, IN_FIELD, IN_TEXT, WINDOW, Refusal, build
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Piece
from support.watching import ANY_REQUEST, cut, keeps_the_law

REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I’m sorry, but I can’t assist with that request.",
    "I am sorry, but I cannot fulfill your request to write malware.",
    "Sorry, I can't do that.",
    "Sorry, but I'm not able to provide instructions for that.",
    "I apologize, but I cannot provide medical advice in this case.",
    "I apologise for the inconvenience, but I am unable to answer this question.",
    "Apologies, but I won't be able to.  I can't help.",
    "I can't help with creating phishing mails.",
    "I cannot assist with this.",
    "I can't provide that information.",
    "I won't help you with this.",
    "I will not write that kind of content.",
    "I'm unable to help with that request.",
    "I am unable to assist you with hacking into an account.",
    "I'm not able to browse the internet.",
    "I am not able to provide real-time prices.",
    "I'm afraid I can't do that, Dave.",
    "Unfortunately, I cannot share the contents of that document.",
    "Unfortunately, I'm unable to view images.",
    "Regrettably, we are not able to process your request.",
    "As an AI language model, I cannot form opinions on that.",
    "As an AI, I don't have personal feelings.",
    "As a large language model, I am not able to access your files.",
    "As an AI assistant created by Acme, I can't give legal advice.",
    "I'm just an AI, so I can't taste food.",
    "I must decline to answer that.",
    "I must respectfully decline this request.",
    "I refuse to write that.",
    "I'd rather not discuss this topic.",
    "I would prefer not to answer that question.",
    "I don't feel comfortable writing this.",
    "I'm not comfortable with that request.",
    "I do not have access to your calendar.",
    "I don't have the ability to send mail.",
    "That goes against my guidelines.",
    "This request violates our content policy.",
    "Your request falls outside of what I do.",
    "My guidelines prevent me from answering.",
    "That's not something I can help with.",
    "I understand that you are upset, but I can't help you harm anyone.",
    "Thank you for your question. I'm sorry, but I can't assist with that.",
    "No, I can't help you with that.",
    "I'm really sorry, but I can't provide the lyrics of that song.",
    "**I'm sorry**, but I can't help with that.",
    "I cannot help; please ask somebody else.",
    "We cannot provide an answer to this.",
    "I'm sorry, but I couldn't find any information about this person.",
    "I'm sorry, but as an AI I can't help with that.",
    "I simply cannot comply.",
]

ANSWERS = [
    "I can't wait to see you on Friday!",
    "Sorry for the delay in getting back to you. The parcel left yesterday.",
    "I can't help but notice that the second clause is missing.",
    "I can't stress this enough: back up first.",
    "I cannot recommend this restaurant enough.",
    "I can't believe how quickly it grew.",
    "I won't lie, the film was long.",
    "I won't bore you with the details; the answer is 42.",
    "I'm sorry to hear about your loss.",
    "I'm sorry for the confusion. The total is 18.40.",
    "I am sorry that you had to wait. Your refund was sent today.",
    "I apologize for the delay. Here is the corrected table.",
    "Apologies for the mix-up: the meeting is at ten.",
    "Sorry about that! Here is the corrected function.",
    "Sorry, my mistake: the capital of Australia is Canberra.",
    "Unfortunately, the flight was cancelled.",
    "Unfortunately, we lost the match 2–1.",
    "Unfortunately, your order cannot be shipped to this address.",
    "Regrettably, the museum is closed on Mondays.",
    "I'm afraid of heights, said the climber.",
    "I'm afraid so.",
    "As an AI engineer, I can't stress enough how much data matters.",
    "As an AI researcher you will not be bored.",
    "As an assistant professor, she cannot vote.",
    "As an AI, I would say that you can't go wrong with either.",
    "This goes against the rules of chess.",
    "As a rule, you cannot divide by zero.",
    "As an example, take the number seven.",
    "The function cannot return None here.",
    "You can't help with that unless you are an admin.",
    "He said, “I can't help you,” and left.",
    "No, the two sets are not equal.",
    "No. Water boils at a lower temperature at altitude.",
    "Yes, I can help with that. First, open the settings.",
    "Sure! I'm happy to help.",
    "I refuse to believe that this is the end, she whispered.",
    "I am not going to lie: it is a hard exam.",
    "I'm not sure, but it is most likely Paris.",
    "I am unable to attend the meeting on Monday.",
    "I'm not able to come on Tuesday, would Wednesday suit you?",
    "I can't make it on Friday, sorry.",
    "I'm sorry, but I can't make it on Friday.",
    "I cannot thank you enough for your help.",
    "I could not agree more.",
    "I couldn't resist adding a pun.",
    "I will not be in the office next week.",
    "I won't be long.",
    "We will not raise prices this year.",
    "We are unable to ship before Monday; here is the new date.",
    "I understand that you want a refund, and I have issued it.",
    "I understand your concern. Your account is safe.",
    "Thank you for your patience. The fix is out.",
    "Thanks for asking! The answer is B.",
    "I must admit that the proof is elegant.",
    "I have to say, the second draft reads better.",
    "I don't think that the two are related.",
    "I do not know of a faster algorithm than this one.",
    "I don't have a preference between tea and coffee, said the guest.",
    "I'd rather be sailing.",
    "I would prefer not to go, he answered.",
    "That is not something to worry about.",
    "That goes against the grain of the wood.",
    "This is against the law in most countries.",
    "This request returns a list of users.",
    "My policy covers water damage.",
    "Cannot connect: the port is closed. Restart the daemon.",
    "can't",
    "Refusal is the act of declining.",
    '{"answer": "I can\'t help with that"}',
    "```python\nprint('hello')\n```",
    "42",
    "",
    "Sorry! is a board game from 1934.",
    "I'm unable to sleep: a poem in four lines.",
    "It is not possible to square the circle with ruler and compass.",
    "Dear Sir, I am sorry to inform you that we cannot extend the offer.",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_turned_down(text: str) -> None:
    assert Refusal().check(Choice(text), ANY_REQUEST) == IN_TEXT


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer_is_let_through(text: str) -> None:
    assert Refusal().check(Choice(text), ANY_REQUEST) is None


def test_there_are_enough_of_both() -> None:
    assert len(set(REFUSALS)) >= 30
    assert len(set(ANSWERS)) >= 60


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_dropped_once_the_next_word_has_begun(text: str) -> None:
    watch = Refusal().watch(ANY_REQUEST)
    assert watch is not None
    assert any(watch.feed(piece) for piece in cut(f"{text} Is there more", 3))


def test_a_refusal_after_the_opening_is_none() -> None:
    text = "word " * (WINDOW // 5) + REFUSALS[0]
    assert Refusal().check(Choice(text), ANY_REQUEST) is None


def test_the_field_and_the_filter_are_refusals() -> None:
    assert Refusal().check(Choice(refusal="No."), ANY_REQUEST) == IN_FIELD
    assert Refusal().check(Choice("A", finish_reason="content_filter"), ANY_REQUEST) == FILTERED
    watch = Refusal().watch(ANY_REQUEST)
    assert watch is not None
    assert watch.feed(Piece(refusal="N")) == IN_FIELD
    assert watch.feed(Piece(finish_reason="content_filter")) == FILTERED


def test_a_watch_settles_at_the_end_of_the_opening() -> None:
    watch = Refusal().watch(ANY_REQUEST)
    assert watch is not None
    assert watch.feed(Piece("  " + "a" * (WINDOW - 1))) is None
    assert not watch.settled
    assert watch.feed(Piece("b")) is None
    assert watch.settled


def test_own_phrases_are_found_in_the_opening() -> None:
    problems = Problems()
    refusal = build(["ask the front desk"], "at", problems)
    assert refusal is not None
    assert not problems.lines
    assert refusal.check(Choice("Please Ask  the front desk."), ANY_REQUEST) == IN_TEXT
    assert refusal.check(Choice("x" * WINDOW + "ask the front desk"), ANY_REQUEST) is None
    assert Refusal().check(Choice("Please ask the front desk."), ANY_REQUEST) is None


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("no", "at: expected a mapping of phrases, got 'no'"),
        ([], "at: expected a list of phrases, got []"),
        (["a", ""], "at[1]: expected a phrase, got ''"),
        ({"phrase": ["a"]}, "at.phrase: no such option. Did you mean 'phrases'?"),
        ({"phrases": "a"}, "at.phrases: expected a list of phrases, got 'a'"),
        (["a" * 201], "at[0]: a phrase has at most 200 characters"),
    ],
)
def test_wrong_options_are_told(options: object, line: str) -> None:
    problems = Problems()
    assert build(options, "at", problems) is None
    assert problems.lines == [line]


def test_it_vouches_for_nothing() -> None:
    assert not Refusal().vouches


SENTENCE = "I i'm can't cannot help with sorry, but . As an AI model don't wait won't ful ly '"
WORDS = st.sampled_from([*SENTENCE.split(), "\n"])
TEXTS = st.one_of(
    st.lists(WORDS, max_size=60).map(" ".join),
    st.lists(WORDS, max_size=60).map("".join),
    st.sampled_from(REFUSALS + ANSWERS),
)


@given(TEXTS, st.text("ab lyful'. ", max_size=20), st.integers(1, 9))
def test_a_watch_drops_and_settles_as_the_whole_is_judged(text: str, more: str, every: int) -> None:
    keeps_the_law(Refusal(["wait with"]), cut(text, every), Choice(text + more))
