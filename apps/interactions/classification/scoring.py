"""Scoring the classifier on labelled messages that it was not trained on. Pure, but for the classifier's own answers."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

BINS = 15
WORST = 30


@dataclass(frozen=True, slots=True)
class Guess:
    """One message: what it asks for, what the classifier thinks most likely, and how sure it is (0 to 1)."""

    text: str
    intent: str
    guess: str
    confidence: float

    @property
    def right(self) -> bool:
        return self.intent == self.guess


def score(guesses: Sequence[Guess], floor: float) -> dict[str, Any]:
    """Accuracy, macro-F1, each class, the expected calibration error over `BINS` equal bins, how many guesses over the
    floor are right and how many there are, and the worst errors: those it was surest of."""
    if not guesses:
        return {"messages": 0}
    over = [guess for guess in guesses if guess.confidence >= floor]
    classes = _classes(guesses)
    wrong = sorted((guess for guess in guesses if not guess.right), key=lambda guess: -guess.confidence)
    return {
        "messages": len(guesses),
        "accuracy": _share(sum(guess.right for guess in guesses), len(guesses)),
        "macro_f1": round(sum(row["f1"] for row in classes.values()) / len(classes), 4),
        "expected_calibration_error": expected_calibration_error(guesses),
        "floor": floor,
        "precision_over_floor": _share(sum(guess.right for guess in over), len(over)),
        "coverage_over_floor": _share(len(over), len(guesses)),
        "classes": classes,
        "worst": [
            {
                "text": guess.text[:200],
                "intent": guess.intent,
                "guess": guess.guess,
                "confidence": round(guess.confidence, 3),
            }
            for guess in wrong[:WORST]
        ],
    }


def expected_calibration_error(guesses: Sequence[Guess]) -> float:
    """How far confidence and accuracy lie apart on average (Naeini and others, 2015)."""
    bins: defaultdict[int, list[Guess]] = defaultdict(list)
    for guess in guesses:
        bins[min(int(guess.confidence * BINS), BINS - 1)].append(guess)
    apart = sum(
        abs(sum(guess.confidence for guess in own) - sum(guess.right for guess in own)) for own in bins.values()
    )
    return round(apart / len(guesses), 4)


def _classes(guesses: Sequence[Guess]) -> dict[str, dict[str, Any]]:
    """Of the intents that stand in the file: how many, precision, recall and F1."""
    asked, said = Counter(guess.intent for guess in guesses), Counter(guess.guess for guess in guesses)
    right = Counter(guess.intent for guess in guesses if guess.right)
    found = {}
    for name in sorted(asked):
        precision, recall = _share(right[name], said[name]), _share(right[name], asked[name])
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        found[name] = {"messages": asked[name], "precision": precision, "recall": recall, "f1": round(f1, 4)}
    return found


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
