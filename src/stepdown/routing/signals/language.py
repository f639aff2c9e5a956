"""The signal ``language``: what language the user asks in."""

import re

from stepdown.routing.asked import Asked
from stepdown.routing.signals.kinds import Kind
from stepdown.routing.wordlists import words
from stepdown.types import Reading, Request

SCRIPTS = {
    "ja": re.compile("[\u3040-\u30ff]"),
    "ko": re.compile("[\uac00-\ud7af]"),
    "zh": re.compile("[\u4e00-\u9fff]"),
    "th": re.compile("[\u0e00-\u0e7f]"),
    "ar": re.compile("[\u0600-\u06ff]{2}"),
    "he": re.compile("[\u0590-\u05ff]{2}"),
    "hi": re.compile("[\u0900-\u097f]{2}"),
    "el": re.compile("[\u0370-\u03ff]{3}"),
    "ru": re.compile("[\u0400-\u04ff]{2}"),
}
SCRIPT_CONFIDENCE = dict.fromkeys(SCRIPTS, 0.9) | {"ar": 0.7, "hi": 0.7, "ru": 0.7}
"""Lower where several languages share the script."""

SMALL_WORDS = {
    "en": words("the and of to is that with for you are this it what how please"),
    "de": words("der die das und ist nicht ein eine mit für auf wie bitte sie ich zu"),
    "fr": words("le la les des et est une dans que pour qui avec sur ce vous pas"),
    "es": words("el la los las y es una que para con por cómo del está qué como"),
    "it": words("il lo gli e è una che per con del della come sono questo non"),
    "pt": words("o os as e é uma que para com não como do da em você isto"),
    "nl": words("de het een en van is niet dat met voor op hoe je wat zijn"),
    "pl": words("i w na z jest nie to że się do jak czy dla proszę"),
}


class LanguageSignal:
    """The instruction's language as an ISO 639-1 code, by its script and its small words."""

    name = "language"
    kind = Kind.TEXT
    values = None

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def read(self, request: Request) -> Reading:
        user = self._asked.user(request)
        for code, script in SCRIPTS.items():
            seen = script.search(user.text)
            if seen is not None:
                return Reading(code, confidence=SCRIPT_CONFIDENCE[code], saw=f"{seen[0]!r}")
        used = user.words
        known = {code: used & words for code, words in SMALL_WORDS.items()}
        code, seen_words = max(known.items(), key=lambda item: len(item[1]))
        if not seen_words:
            return Reading(None, confidence=0.0, saw="no known small word")
        runner_up = sorted(len(words) for words in known.values())[-2]
        confidence = (len(seen_words) - runner_up) / len(seen_words)
        return Reading(code, confidence=confidence, saw=", ".join(sorted(seen_words)[:5]))
