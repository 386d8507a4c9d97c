"""Training what reads messages: the intents, and the alarms, each from a corpus that was written for it.

Texts are TF-IDF of words and characters; the models are linear. They are trained in a few seconds, deterministically,
when there is no trained file for exactly this corpus, code and library yet.
"""

import fcntl
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import joblib
import numpy as np
import sklearn
from django.conf import settings
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.svm import LinearSVC

from apps.interactions.classification import alarms

CORPUS = Path(__file__).parent / "corpus"
ALARM_CORPUS = Path(__file__).parent / "alarms" / "corpus"
LONGEST_READ = 4000  # characters: what a person asks for is in the first page
WANTED_RECALL = 0.95
_RECIPE = "7"  # raise it when features or models change

_ADDRESS = re.compile(r"\S+@\S+|https?://\S+")
_AMOUNT = re.compile(r"[$€£]\s?\d(?:[\d.,]*\d)?|\b\d(?:[\d.,]*\d)?\s?(?:dollars?|euros?|pounds?|usd|eur|gbp)\b", re.I)
_NUMBER = re.compile(r"#?\b[A-Za-z]{0,4}-?\d{4,}\b|#\d+")


@dataclass(frozen=True, slots=True)
class Trained:
    """`intents` gives calibrated probabilities of what a text asks for, `alarm` of its being alarming at all, and
    `which_alarm` of which alarm it then is. `alarming_from` is the probability that counts as alarming."""

    intents: Pipeline
    alarm: Pipeline
    which_alarm: Pipeline
    alarming_from: float


def normalised(text: str) -> str:
    """Order numbers, amounts and addresses become one word each, so that the models learn none of them."""
    text = _ADDRESS.sub(" anaddress ", text[:LONGEST_READ])
    text = _AMOUNT.sub(" anamount ", text)
    return _NUMBER.sub(" ordernumber ", text).replace("’", "'").lower()


def corpus(folder: Path | None = None) -> tuple[list[str], list[str]]:
    """The training texts and their labels, in a fixed order. A line is a message; `\\n` in it is a line break."""
    texts, labels = [], []
    for path in sorted((folder or CORPUS).glob("*.txt")):
        written = path.read_text(encoding="utf-8").splitlines()
        lines = [line.strip().replace("\\n", "\n") for line in written if line.strip()]
        texts += lines
        labels += [path.stem] * len(lines)
    return texts, labels


def train() -> Trained:
    return Trained(train_intents(), *_train_alarms(corpus()[0]))


def train_intents(more: Sequence[str] = (), labels: Sequence[str] = (), weights: Sequence[float] = ()) -> Pipeline:
    """The intents' model from the corpus, each text of which weighs 1, and from `more` texts with their labels and weights."""
    texts, named = corpus()
    linear = LinearSVC(C=0.3, class_weight="balanced", random_state=0)
    calibrated = CalibratedClassifierCV(linear, method="temperature", cv=5, ensemble=False)
    weigh = np.array([1.0] * len(texts) + list(weights))
    every = [normalised(text) for text in [*texts, *more]]
    return make_pipeline(_features(), calibrated).fit(
        every, [*named, *labels], calibratedclassifiercv__sample_weight=weigh
    )


def _train_alarms(ordinary: list[str]) -> tuple[Pipeline, Pipeline, float]:
    """Ordinary messages are examples of no alarm, but for those that the lists find one in.

    What counts as alarming is set by cross-validation so that `WANTED_RECALL` of the alarming messages are found, by the
    lists or the model, when the model has not seen them.
    """
    texts, labels = corpus(ALARM_CORPUS)
    alarming = [(text, label) for text, label in zip(texts, labels, strict=True) if label != "none"]
    quiet = [text for text, label in zip(texts, labels, strict=True) if label == "none"]
    quiet += [text for text in ordinary if not alarms.listed(text)]
    every = [normalised(text) for text in [*(text for text, _ in alarming), *quiet]]
    is_alarming = np.array([True] * len(alarming) + [False] * len(quiet))
    alarm = make_pipeline(_features(rarest=2), _logistic(1.0))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    unseen = cross_val_predict(alarm, every, is_alarming, cv=folds, method="predict_proba")[: len(alarming), 1]
    unseen[[bool(alarms.listed(text)) for text, _ in alarming]] = 1.0
    alarming_from = float(np.quantile(unseen, 1 - WANTED_RECALL, method="lower"))
    alarm.fit(every, is_alarming)
    which = make_pipeline(_features(), _logistic(20.0, "lbfgs"))
    which.fit([normalised(text) for text, _ in alarming], [label for _, label in alarming])
    return alarm, which, alarming_from


def _logistic(strength: float, solver: str = "liblinear") -> LogisticRegression:
    return LogisticRegression(C=strength, class_weight="balanced", solver=solver, max_iter=2000, random_state=0)


def _features(rarest: int = 1) -> FeatureUnion:
    """TF-IDF; `rarest` is in how many texts a word or pair of words has to be to count."""
    return make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=rarest),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=2),
    )


def version() -> str:
    """Names the corpora, lists, recipe and library that the models were trained with; every ruling carries it."""
    digest = hashlib.sha256(f"{_RECIPE} {sklearn.__version__}".encode())
    for path in [*sorted(CORPUS.glob("*.txt")), *sorted(ALARM_CORPUS.parent.rglob("*.txt"))]:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


@lru_cache(maxsize=1)
def model_version() -> str:
    return version()


@lru_cache(maxsize=1)
def trained() -> Trained:
    file = _file()
    file.parent.mkdir(parents=True, exist_ok=True)
    with (file.parent / "training.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one process trains, the others wait for its file
        if not file.exists():
            unfinished = file.with_suffix(".part")
            joblib.dump(train(), unfinished)
            unfinished.rename(file)
    found: Trained = joblib.load(file)
    return found


def train_anew() -> tuple[str, Path]:
    """Train from the corpora as they are now, whatever file there is; returns the version and the file."""
    model_version.cache_clear()
    trained.cache_clear()
    _file().unlink(missing_ok=True)
    trained()
    return model_version(), _file()


def make_ready() -> str:
    """Train or load now, so that the first message does not wait; returns the version."""
    trained()
    return model_version()


def _file() -> Path:
    folder: Path = settings.CLASSIFIER_DIR
    return folder / f"reading-{model_version()}.joblib"
