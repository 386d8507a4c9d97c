"""The intent classifier: TF-IDF of words and characters and a calibrated linear model.

It ships as a corpus written for it (`corpus/<intent>.txt`, one message a line) and is trained from that in a
few seconds, deterministically, when there is no trained file for exactly this corpus and code yet. It
abstains under `FLOOR`: an unsure reading is `other`, and goes to a person.
"""

import fcntl
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import joblib
import sklearn
from django.conf import settings
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline, make_union

from apps.interactions.classification.language import MEASURED, language_of, words_of
from apps.policies.specs import DEFAULT_FLOOR

CORPUS = Path(__file__).parent / "corpus"
FLOOR = float(DEFAULT_FLOOR)
SECOND_FLOOR = 0.70
LONGEST_READ = 4000  # characters: what a person asks for is in the first page
_RECIPE = "4"  # raise it when features or model change

_ADDRESS = re.compile(r"\S+@\S+|https?://\S+")
_AMOUNT = re.compile(r"[$€£]\s?\d(?:[\d.,]*\d)?|\b\d(?:[\d.,]*\d)?\s?(?:dollars?|euros?|pounds?|usd|eur|gbp)\b", re.I)
_NUMBER = re.compile(r"#?\b[A-Za-z]{0,4}-?\d{4,}\b|#\d+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message asks for: intents over the floor with their probability, the most probable first.

    Empty means that the classifier abstained; `confidence` is then the best it had. It always abstains in a
    `language` (ISO 639-1) that it was not measured on.
    """

    intents: tuple[tuple[str, float], ...]
    confidence: float
    language: str = "en"


def read(texts: Sequence[str]) -> list[Reading]:
    """Read many messages at once. A text is read whole and sentence by sentence, so that two requests are seen."""
    model = _model()
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
            _reading(classes, rows.tolist()) if written_in in MEASURED else Reading((), 0.0, language=written_in)
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
    for row in rows[1:]:
        name, p = max(zip(classes, row, strict=True), key=lambda pair: pair[1])
        if p >= SECOND_FLOOR and name != "other":
            best[name] = max(p, best.get(name, 0.0))
    ordered = sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))
    confidence = ordered[0][1] if ordered else max(rows[0])
    return Reading(tuple((name, round(p, 3)) for name, p in ordered), round(confidence, 3))


def _sentences(text: str) -> list[str]:
    parts = [part.strip() for part in _SENTENCE.split(text[:LONGEST_READ])]
    long_enough = [part for part in parts if len(part.split()) >= 3]
    return long_enough[:12] if len(long_enough) > 1 else []


def normalised(text: str) -> str:
    """Order numbers, amounts and addresses become one word each, so that the model learns none of them."""
    text = _ADDRESS.sub(" anaddress ", text[:LONGEST_READ])
    text = _AMOUNT.sub(" anamount ", text)
    return _NUMBER.sub(" ordernumber ", text).replace("’", "'").lower()


def corpus() -> tuple[list[str], list[str]]:
    """The training texts and their intents, in a fixed order."""
    texts, intents = [], []
    for path in sorted(CORPUS.glob("*.txt")):
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        texts += lines
        intents += [path.stem] * len(lines)
    return texts, intents


def train() -> Pipeline:
    texts, intents = corpus()
    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=1),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2),
    )
    linear = LogisticRegression(C=8.0, max_iter=2000, class_weight="balanced", random_state=0)
    model = make_pipeline(features, CalibratedClassifierCV(linear, method="temperature", cv=5, ensemble=False))
    return model.fit([normalised(text) for text in texts], intents)


def version() -> str:
    """Names the corpus, recipe and library that a model was trained with; every ruling carries it."""
    digest = hashlib.sha256(f"{_RECIPE} {sklearn.__version__}".encode())
    for path in sorted(CORPUS.glob("*.txt")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


@lru_cache(maxsize=1)
def model_version() -> str:
    return version()


@lru_cache(maxsize=1)
def _model() -> Pipeline:
    folder: Path = settings.CLASSIFIER_DIR
    folder.mkdir(parents=True, exist_ok=True)
    trained = folder / f"intents-{model_version()}.joblib"
    with (folder / "training.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one process trains, the others wait for its file
        if not trained.exists():
            unfinished = trained.with_suffix(".part")
            joblib.dump(train(), unfinished)
            unfinished.rename(trained)
    return joblib.load(trained)


def make_ready() -> str:
    """Train or load now, so that the first message does not wait; returns the version."""
    _model()
    return model_version()
