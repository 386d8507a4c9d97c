"""The intent classifier: what a message asks for, with calibrated probabilities.

It abstains under `FLOOR`, and in a language it was not measured on: an unsure reading is `other`, and goes to a person.
What it needs to let the AI act alone is higher, and the boundary's: `DEFAULT_FLOOR`.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from apps.interactions.classification.language import MEASURED, language_of, words_of
from apps.interactions.classification.scoring import Guess
from apps.interactions.classification.training import LONGEST_READ, corpus, model_version, normalised, trained

FLOOR = 0.60
ALTERNATIVES = 3
SECOND_FLOOR = 0.70
MAYBE_FLOOR = 0.50  # a sentence may ask for something else: people look, the type does not change
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message asks for: intents over the floor with their probability, the most probable first.

    `confidence` is that of the least probable one. Empty means that the classifier abstained; `confidence` is then the
    best it had. It always abstains in a `language` (ISO 639-1) that it was not measured on. `alternatives` are the next
    probable intents of the whole text, for people to see; `maybe` what one of its sentences may ask for besides. `read_by`
    is the version of the model.
    """

    intents: tuple[tuple[str, float], ...]
    confidence: float
    language: str = "en"
    alternatives: tuple[tuple[str, float], ...] = ()
    maybe: tuple[str, ...] = ()
    read_by: str = ""


def read(texts: Sequence[str], model: Any = None, version: str = "") -> list[Reading]:
    """Read many messages at once, by the shipped model or another of its kind, which is named by its `version`. A text is
    read whole and sentence by sentence, so that two requests are seen."""
    if model is None:
        model, version = trained().intents, model_version()
    pieces = [[text, *_sentences(text)] for text in texts]
    flat = [normalised(piece) for group in pieces for piece in group]
    if not flat:
        return []
    probabilities = model.predict_proba(flat)
    classes: list[str] = [str(name) for name in model.classes_]
    readings, start = [], 0
    for group in pieces:
        rows = probabilities[start : start + len(group)]
        start += len(group)
        written_in = language_of(group[0], english_words())
        readings.append(
            replace(_reading(classes, rows.tolist()), read_by=version)
            if written_in in MEASURED
            else Reading((), 0.0, language=written_in, read_by=version)
        )
    return readings


@lru_cache(maxsize=1)
def english_words() -> frozenset[str]:
    """The words that stand in the corpus more than once: what counts as English."""
    words = Counter(word for text in corpus()[0] for word in words_of(text))
    return frozenset(word for word, times in words.items() if times > 1)


def _reading(classes: list[str], rows: list[list[float]]) -> Reading:
    whole = dict(zip(classes, rows[0], strict=True))
    best: dict[str, float] = {name: p for name, p in whole.items() if p >= FLOOR}
    sentences = [max(zip(classes, row, strict=True), key=lambda pair: pair[1]) for row in rows[1:]]
    asking = [(name, p) for name, p in sentences if name != "other"]
    for name, p in asking:
        if p >= SECOND_FLOOR:
            best[name] = max(p, best.get(name, 0.0))
    maybe = {name for name, p in asking if p >= MAYBE_FLOOR} - best.keys()
    ordered = sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))
    # As sure as of its least sure intent: any of them may be the one that types the case.
    confidence = ordered[-1][1] if ordered else max(rows[0])
    rest = sorted(((p, name) for name, p in whole.items() if name not in best), reverse=True)[:ALTERNATIVES]
    others = tuple((name, round(p, 3)) for p, name in rest if p >= 0.01)
    return Reading(
        tuple((name, round(p, 3)) for name, p in ordered),
        round(confidence, 3),
        alternatives=others,
        maybe=tuple(sorted(maybe)),
    )


def _sentences(text: str) -> list[str]:
    parts = [part.strip() for part in _SENTENCE.split(text[:LONGEST_READ])]
    long_enough = [part for part in parts if len(part.split()) >= 3]
    return long_enough[:12] if len(long_enough) > 1 else []


def guesses(labelled: Sequence[tuple[str, str]]) -> list[Guess]:
    """What the classifier says of each whole text, beside the intent it was labelled with."""
    if not labelled:
        return []
    model = trained().intents
    probabilities = model.predict_proba([normalised(text) for text, _ in labelled])
    best = probabilities.argmax(axis=1)
    return [
        Guess(text, intent, str(model.classes_[place]), float(row[place]))
        for (text, intent), place, row in zip(labelled, best, probabilities, strict=True)
    ]
