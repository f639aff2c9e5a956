"""The built-in phrases: which words ask for which task and for which kind of output.

English only: a prompt in which nothing is known goes to the strong model. Routes add phrases of
other languages and trades in their own options.
"""

from collections.abc import Mapping

from stepdown.routing.wordlists import phrases

SMALL_TASKS: Mapping[str, tuple[str, ...]] = {
    "summarize": phrases(
        """
        summarize, summarise, condense, tldr, tl;dr, sum up, give a summary, give me a summary,
        write a summary, write a brief summary, write a short summary, write a concise summary,
        write a one sentence summary, write a two sentence summary, write a one paragraph summary,
        provide a summary, provide a brief summary, provide a short summary, create a summary,
        generate a summary, make a summary
        """
    ),
    "classify": phrases(
        """
        classify, categorize, categorise, label, tag, which category, what category, assign a
        category, assign a label, assign one of, choose the category, pick the category, choose the
        label, which label, determine the sentiment, detect the sentiment, identify the sentiment,
        what is the sentiment, identify the intent, what is the intent
        """
    ),
    "extract": phrases(
        """
        extract, parse, pull out, pick out, list all names, identify all names, find all mentions,
        get the name, find the name, find the date, get the date, find the email, get the email
        """
    ),
    "format": phrases(
        """
        format, reformat, capitalize, capitalise, alphabetize, alphabetise, pretty print, convert
        to json, convert this to, convert this into, convert the following, convert it to, convert
        these, turn this into json, turn this into csv, turn this into a table, put this into a
        table, remove the duplicates, sort these, sort the following, sort this
        """
    ),
    "is_this": phrases(
        """
        is this, is it, is that, is the following, are these, are the following, does this, do
        these, was this, does the following, is the text, is the sentence, is the message
        """
    ),
}
"""They count as asked for only where they stand as a command."""

NEUTRAL_TASKS: Mapping[str, tuple[str, ...]] = {
    "translate": phrases("translate, translation of"),
    "rewrite": phrases(
        "rewrite, rephrase, paraphrase, proofread, correct the grammar, fix the grammar"
    ),
}
"""Neither small nor hard: routes may name them, the preset does not."""

HARD_TASKS: Mapping[str, tuple[str, ...]] = {
    "analyze": phrases(
        """
        analyze, analyse, analyzing, analysing, analysis, analyses, evaluate, evaluating,
        evaluation, assess, assessing, assessment, critique, critically, investigate, examine,
        diagnose, interpret, audit, root cause, implications of, what are the risks, threat model,
        code review, review my code, review this code, review the code, find bugs, find the bug,
        find vulnerabilities
        """
    ),
    "reason": phrases(
        """
        reason about, reason through, reasoning, prove, proof, theorem, derive, deduce, infer,
        solve, calculate, compute, integral, justify, hypothesize, puzzle, riddle, step by step,
        think through, think carefully, figure out, work out, explain why, why do, why does, why
        is, why are, why did, why would, why should, what if, what would happen, what happens if
        """
    ),
    "design": phrases(
        """
        design, designing, architect, architecture, architectural, blueprint, data model, schema
        for a, build a, build an, build me
        """
    ),
    "compare": phrases(
        """
        compare, comparing, comparison, contrast, versus, vs, tradeoff, tradeoffs, trade-off,
        trade-offs, pros and cons, difference between, differences between, better than, advantages
        and disadvantages, which is better, which one is better, weigh the
        """
    ),
    "create": phrases(
        """
        poem, poetry, haiku, sonnet, limerick, lyrics, novel, screenplay, story, stories,
        storyline, essay, fable, brainstorm, compose, invent, imagine, slogan, tagline, creative
        writing, write a song, blog post, fairy tale, in the style of, role play, roleplay, cover
        letter
        """
    ),
    "plan": phrases(
        """
        plan a, plan an, plan the, plan for, plan my, plan our, make a plan, action plan, project
        plan, business plan, step plan, day plan, week plan, planning, roadmap, strategy,
        strategies, strategic, itinerary, prioritize, prioritise
        """
    ),
    "debug": phrases(
        """
        debug, debugging, troubleshoot, troubleshooting, stack trace, stacktrace, refactor,
        refactoring, optimize, optimise, optimizing, fix this code, fix the bug, fix this bug, fix
        my, does not work, doesn't work, not working, what is wrong, what's wrong, what can go
        wrong
        """
    ),
    "write": phrases(
        """
        draft, elaborate, write a, write an, write me, write code, write the, write some, generate
        a, create a, create an, develop a, implement, implementing, implementation, program that
        """
    ),
    "advise": phrases(
        """
        advise, advice, recommend, recommendation, recommendations, should i, should we, how
        should, how would you, suggest ways, best way, best approach, help me decide, what do you
        think
        """
    ),
    "explain": phrases(
        """
        explain, explaining, describe, discuss, teach, tell me about, walk me through
        """
    ),
}
"""They count anywhere in the instruction."""

TASKS: Mapping[str, tuple[str, ...]] = {**SMALL_TASKS, **NEUTRAL_TASKS, **HARD_TASKS}

OUTPUTS: Mapping[str, tuple[str, ...]] = {
    "yes_no": phrases(
        "yes or no, yes/no, true or false, true/false, answer yes, reply yes, respond yes"
    ),
    "label": phrases(
        """
        one word, single word, only the label, just the label, the label only, only the category,
        just the category, the category only, only the class, only the name of the, one of these,
        one of the following, exactly one of, one of positive, as positive negative, positive or
        negative, positive negative or neutral, spam or ham, spam or not, only the letter, just the
        letter, only the sentiment
        """
    ),
    "json_field": phrases(
        """
        json field, json fields, json key, json keys, json with the field, json with the fields,
        json with fields, json with the key, json with the keys, json with keys, json with key,
        fields as json
        """
    ),
    "json": phrases(
        "as json, in json, json only, only json, valid json, return json, json object, json array"
    ),
    "short": phrases(
        """
        briefly, concisely, in short, in brief, one sentence, a single sentence, one line, two
        sentences, only the number, just the number, a few words, short answer, be brief, be
        concise, keep it short
        """
    ),
    "multi_paragraph": phrases(
        """
        paragraphs, essay, comprehensive, thorough, thoroughly, exhaustive, extensively, detailed,
        whitepaper, in detail, in depth, at length, long-form, full report, a report, an article,
        blog post, a guide, a tutorial, documentation for, complete guide, words or more, as much
        detail, every detail, step by step
        """
    ),
    "open_ended": phrases(
        """
        why, brainstorm, ideas, thoughts, opinion, perspectives, discuss, creative, poem, story,
        haiku, what do you think, how would you, what are your, tell me about, any suggestions,
        suggestions for, how might, what should
        """
    ),
}
"""From the narrowest to the widest: where several are asked for, the widest counts."""

LABELLING = frozenset({"yes_no", "label"})
LONG_OUTPUTS = frozenset({"multi_paragraph", "open_ended"})
STRUCTURED = frozenset({"yes_no", "label", "json_field"})
