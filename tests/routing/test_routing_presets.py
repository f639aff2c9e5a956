"""The preset ``standard``: every cell of its table, and the traps."""

import json
from typing import Any

import pytest

LONG = "The pump at the north gate was checked by hand and left running. "

CHEAP_CELLS = {
    "summarize": ("Summarize this note.\n\nNote: The valve was replaced.", {}),
    "classify": ("Classify the ticket below.\n\nTicket: my card was charged twice", {}),
    "extract": ("Extract the sender's name.\n\nFrom: Ann Lee", {}),
    "format": ("Format this date as YYYY-MM-DD: March 7, 2025", {}),
    "is this": ("Is this message spam?\n\nMessage: you have won a car", {}),
    "label": ("Which mood? Reply with only the label, happy or sad: I love rain", {}),
    "yes/no": ("Paris is the capital of France. Yes or no?", {}),
    "FAQ lookup": ("When are you open?", {"intent": "FAQ lookup"}),
    "simple tool call": ("Switch on the light", {"intent": "simple-tool-call"}),
}


@pytest.mark.parametrize("cell", CHEAP_CELLS)
def test_cheap_cells(decide: Any, cell: str) -> None:
    text, fields = CHEAP_CELLS[cell]
    decision = decide(text, **fields)
    assert decision.model == "cheap"
    assert not decision.ambiguous


def schema(**fields: Any) -> dict[str, Any]:
    shape = {"type": "object", "properties": fields, "required": list(fields)}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": shape}}


@pytest.mark.parametrize(
    "fields",
    [
        {"city": {"type": "string"}},
        {"paid": {"type": "boolean"}},
        {"mood": {"type": "string", "enum": ["good", "bad"]}},
        {"total": {"type": "number"}, "currency": {"type": "string"}},
        {"names": {"type": "array", "items": {"type": "string"}}},
    ],
)
def test_a_json_field_is_cheap(decide: Any, fields: dict[str, Any]) -> None:
    decision = decide("The shop is in Turin.", response_format=schema(**fields))
    assert (decision.model, decision.name) == ("cheap", "small-output")


@pytest.mark.parametrize(
    "fields",
    [
        {"essay": {"type": "string"}},
        {"reasoning": {"type": "string"}, "answer": {"type": "number"}},
        {"nested": {"type": "object", "properties": {"a": {"type": "string"}}}},
        {f"field{n}": {"type": "string"} for n in range(20)},
        {},
    ],
)
def test_json_that_holds_prose_or_much_is_not_a_json_field(
    decide: Any, fields: dict[str, Any]
) -> None:
    assert decide("The shop is in Turin.", response_format=schema(**fields)).model == "strong"


STRONG_CELLS = {
    "over 2,000 tokens": (f"Classify this text as good or bad: {LONG * 250}", {}),
    "analyze": ("Analyze why our sales fell in May.", {}),
    "reason": ("Prove that the sum of two odd numbers is even.", {}),
    "design": ("Design a retry policy for a payment service.", {}),
    "compare": ("Compare PostgreSQL and SQLite for a small shop.", {}),
    "multi-paragraph": ("Give an account of the French Revolution in five paragraphs.", {}),
    "open-ended": ("Any suggestions for a name of a small bakery?", {}),
    "complex planning": ("Move our servers next month", {"intent": "complex planning"}),
    "creative writing": ("Something warm for our window", {"intent": "creative_writing"}),
}


@pytest.mark.parametrize("cell", STRONG_CELLS)
def test_strong_cells(decide: Any, cell: str) -> None:
    text, fields = STRONG_CELLS[cell]
    decision = decide(text, **fields)
    assert decision.model == "strong"
    assert decision.name != "default"


@pytest.mark.parametrize("tokens", [600, 1200])
def test_a_small_task_of_middling_length_is_strong(decide: Any, tokens: int) -> None:
    text = f"Summarize the text below.\n\n{LONG * (tokens // 14)}"
    decision = decide(text)
    assert (decision.model, decision.name) == ("strong", "default")


@pytest.mark.parametrize(
    "text",
    [
        "Hello there",
        "What is the capital of Australia?",
        "Unser Verein möchte im Herbst ein Straßenfest veranstalten. Woran sollten wir denken?",
        "Bitte fasse den folgenden Text zusammen: Der Markt fiel um drei Punkte.",
        "我刚搬到一个新城市，想认识一些朋友，请给我一些建议。",
        "請分析這份合約的風險",
        "Résumez ce texte en deux phrases.",
        "",
        "🙂🙂🙂",
    ],
)
def test_what_no_rule_knows_is_strong_by_default(decide: Any, text: str) -> None:
    decision = decide(text)
    assert (decision.model, decision.name) == ("strong", "default")


# ── Traps ────────────────────────────────────────────────────────────────────────────────────

STRONG_TRAPS = [
    "write a 3-line poem about grief",
    "Write a haiku, yes or no?",
    "Summarize the report and then analyze its weaknesses in depth.",
    "Don't summarize; prove it.",
    "My colleague can summarize and classify anything. What do I lack?",
    "I can summarize texts, but how would you teach others to do so?",
    "Format matters more than content, doesn't it?",
    "Why do people summarize books?",
    "Extract of vanilla: where does it come from?",
    "Label printers are expensive. Which one should I buy, and why?",
    "Which is better for classifying tickets, an SVM or a transformer?",
    "I want to classify tickets. Which architecture should I use?",
    "Classify these tickets and explain in detail how each could be avoided.",
    "Is this proof correct? Answer yes or no, then justify it step by step.",
    "Extract the requirements: design a system that satisfies them.",
    "What should our strategy be after this mail?\n\nHi team, please summarize the findings.",
    "Here is a tale.\n\n> Summarize this.\n> Classify that.\n\nWhat comes next?",
    "Consider this.\n```\nSummarize the text\n```\nWhat does the author want?",
    'He said "Summarize this text in one sentence, please" and left. What now?',
]


@pytest.mark.parametrize("text", STRONG_TRAPS)
def test_strong_traps(decide: Any, text: str) -> None:
    assert decide(text).model == "strong"


CHEAP_TRAPS = [
    "Extract the date from the text below.\n\nText: We analyze and compare the designs on May 3.",
    "Extract the e-mail address.\n\n```\nPlease analyze the plan and write to bob@example.com\n```",
    "Extract the name: <mail>Design a system and prove it works. Ann</mail>",
    'Extract the city from this message: "Please compare the hotels in Turin and explain why"',
    "Extract the company.\n\n> We analyze, design and compare for you.\n> Acme Ltd.",
    "Extract the job title from the text below.\n\nYou will design pipelines and analyze usage.",
    "Text: Compare the two offers and analyze the risk.\n\nSummarize the text in one sentence.",
    "Please classify this review as positive or negative: the plot has a strategy of its own",
    "Could you please summarize the following?\n\nThe board will analyze the plan next week.",
    "Your task is to extract the order number.\n\nMessage: I want to compare order 77 with 78.",
    "Given the ticket below, classify it as billing or bug.\n\nTicket: analyze my bill",
    'Is this headline about sport?\n\n"""\nAn analysis of the design of the new stadium\n"""',
    "SUMMARIZE THIS NOTE: THE VALVE WAS REPLACED",
    "1. Extract the names\n2. Format them as a list\n\nText: Ann and Bob compare notes.",
    "Write a brief summary of this note.\n\nNote: The valve was replaced.",
]


@pytest.mark.parametrize("text", CHEAP_TRAPS)
def test_cheap_traps(decide: Any, text: str) -> None:
    decision = decide(text)
    assert (decision.model, decision.name) == ("cheap", "small-task")


def test_a_json_extraction_of_300_tokens_is_cheap(decide: Any, standard: Any, ask: Any) -> None:
    record = json.dumps([{"id": n, "name": f"pump {n}", "bar": n / 7} for n in range(14)])
    text = f"Extract the id and the name of every pump as JSON.\n\nData:\n{record}"
    tokens = standard.read(ask(text))["tokens"]
    assert 200 < tokens.value < 400
    assert decide(text).model == "cheap"


def test_a_system_prompt_that_boasts_does_not_make_a_hard_question_cheap(decide: Any) -> None:
    boasts = [
        "I can summarize and classify.",
        "You can summarize texts, classify e-mails and extract data for the user.",
        "You are an assistant that helps people to summarize and to classify documents.",
        "Skills: summarize, classify, extract. Ask what the user needs.",
    ]
    hard = [
        "Prove that there are infinitely many primes.",
        "Where will interest rates go next year?",
        "Our churn doubled. What now?",
    ]
    for boast in boasts:
        for question in hard:
            assert decide(question, system=boast).model == "strong", (boast, question)


def test_a_standing_order_makes_the_turn_its_data(decide: Any) -> None:
    order = "Classify the customer's ticket as billing, bug or other. Answer with only the label."
    for ticket in [
        "Why was my card charged twice? Compare the two bills!",
        "The export fails, please add a plan for it",
    ]:
        decision = decide(ticket, system=order)
        assert decision.model == "cheap", ticket


def test_an_open_standing_order_leaves_the_users_question_strong(decide: Any) -> None:
    decision = decide("What would Kant say about that?", system="Summarize what the user sends.")
    assert decision.model == "strong"
    assert (
        decide("The valve was replaced.", system="Summarize what the user sends.").model == "cheap"
    )


def test_disagreement_goes_up_and_is_called_ambiguous(decide: Any) -> None:
    decision = decide("Reply in one word.", intent="complex planning")
    assert (decision.model, decision.name, decision.ambiguous) == ("strong", "hard-intent", True)


def test_a_document_of_50_kb_does_not_hide_the_instruction(decide: Any) -> None:
    text = f"<log>\n{LONG * 800}</log>\n\nAnswer yes or no: did the pump stop?"
    decision = decide(text)
    assert (decision.model, decision.name, decision.ambiguous) == ("strong", "long-prompt", True)
