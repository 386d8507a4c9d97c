"""Retraining: the classifier learns from what people corrected, and is replaced only when it is better, beyond chance.

    retrain(now)              a challenger from the older labels, measured beside the champion on the newer ones
    adopt(user, model_id)     a better one reads from now on; what was certified with the other begins its ramp again
    go_back(user)             the one before reads again

Champion and challenger read the same held-out cases, which share no customer with what either learnt from here. Better is: of
the cases that one of them alone reads rightly more are the challenger's than chance explains (McNemar's exact test, 1947), the
weighted share of rightly read cases grows, and of what it would be sure enough of to act on alone no larger share is wrong.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task
from numpy.typing import NDArray
from scipy.stats import binom

from apps.interactions import reading_models
from apps.interactions.classification.training import normalised, train_intents
from apps.interactions.models import ReadingModel
from apps.interactions.reading_models import Reader
from apps.learning.labels import Label, labels_of
from apps.policies import audit
from apps.policies.errors import Moved, Refused
from apps.policies.machines import move
from apps.policies.specs import DEFAULT_FLOOR

log = logging.getLogger(__name__)

LOOKING_BACK = timedelta(days=365)
OLDER = 2 / 3  # of the labels, the older ones, train; of the others those of other customers measure
FEWEST_CORRECTED = 20  # new ones since the last challenger: fewer teach nothing that can be measured
EVERY = timedelta(days=7)
LEVEL = 0.05
OF_A_CORRECTION = 3.0  # what one weighs in training; a text of the corpus weighs 1
KEPT = 3  # models whose content is kept, to go back to
_S = ReadingModel.State


@dataclass(frozen=True, slots=True)
class Measured:
    """How two classifiers read the same cases. `only_*` are those that one alone reads rightly; `right_*` the weighted share
    that each reads rightly, `sure_wrong_*` that of wrong ones among those it would act on alone; `chance` that of so many
    only the challenger reads rightly if both were as good."""

    cases: int
    corrected: int
    only_champion: int
    only_challenger: int
    right_champion: float
    right_challenger: float
    sure_wrong_champion: float
    sure_wrong_challenger: float
    chance: float

    @property
    def better(self) -> bool:
        return (
            self.chance <= LEVEL and self.right_challenger > self.right_champion
            and self.sure_wrong_challenger <= self.sure_wrong_champion
        )  # fmt: skip


def due(now: datetime) -> bool:
    """Enough was corrected since the last challenger, which is a week old."""
    last = ReadingModel.objects.order_by("-made_at").first()
    if last is not None and now - last.made_at < EVERY:
        return False
    since = last.made_at if last else now - LOOKING_BACK
    return sum(label.corrected for label in labels_of(since, now)) >= FEWEST_CORRECTED


def retrain(now: datetime | None = None) -> ReadingModel | None:
    """A challenger, better or not; None when there is nothing to learn from or to measure on."""
    now = now or timezone.now()
    older, newer = split(labels_of(now - LOOKING_BACK, now))
    if not older or not newer:
        return None
    champion = reading_models.current()
    weights = [OF_A_CORRECTION if label.corrected else 1.0 for label in older]
    model = train_intents([label.text for label in older], [label.intent for label in older], weights)
    measured = compare(newer, champion, Reader("", model))
    content, signature = reading_models.packed(model)
    version = hashlib.sha256(content).hexdigest()[:12]
    with transaction.atomic():
        if ReadingModel.objects.filter(version=version).exists():
            return None  # the same labels make the same model
        actor = audit.system("retraining")
        move(list(ReadingModel.objects.select_for_update().filter(state=_S.CHALLENGER)), "drop", actor=actor)
        made = ReadingModel.objects.create(
            version=version, content=content, signature=signature, against=champion.version, labels=len(older),
            corrected=sum(label.corrected for label in older), made_at=now,
            measured={**asdict(measured), "better": measured.better},
        )  # fmt: skip
        audit.record(actor, made, "trained", at=now)
        _forget_old()
    return made


def split(labels: Sequence[Label]) -> tuple[list[Label], list[Label]]:
    """Those that train, the older ones, and of the newer ones those of other customers."""
    end = int(len(labels) * OLDER)
    older = list(labels[:end])
    known = {label.customer for label in older}
    return older, [label for label in labels[end:] if label.customer not in known]


def compare(labels: Sequence[Label], champion: Reader, challenger: Reader) -> Measured:
    texts, weights = [normalised(label.text) for label in labels], np.array([label.weight for label in labels])
    one, other = (_read(reader, texts, labels) for reader in (champion, challenger))
    only_one, only_other = int((one.right & ~other.right).sum()), int((other.right & ~one.right).sum())
    differing = only_one + only_other
    return Measured(
        cases=len(labels), corrected=sum(label.corrected for label in labels),
        only_champion=only_one, only_challenger=only_other,
        right_champion=_share(weights[one.right], weights), right_challenger=_share(weights[other.right], weights),
        sure_wrong_champion=_share(weights[one.sure & ~one.right], weights[one.sure]),
        sure_wrong_challenger=_share(weights[other.sure & ~other.right], weights[other.sure]),
        chance=float(binom.sf(only_other - 1, differing, 0.5)) if differing else 1.0,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Read:
    right: NDArray[np.bool_]
    sure: NDArray[np.bool_]


def _read(reader: Reader, texts: Sequence[str], labels: Sequence[Label]) -> _Read:
    probabilities = reader.model.predict_proba(texts)
    guesses = reader.model.classes_[probabilities.argmax(axis=1)]
    right = np.array([guess == label.intent for guess, label in zip(guesses, labels, strict=True)], np.bool_)
    return _Read(right, probabilities.max(axis=1) >= float(DEFAULT_FLOOR))


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> float:
    return round(float(part.sum() / whole.sum()), 4) if whole.sum() else 0.0


def _forget_old() -> None:
    """Only the newest models are kept whole, and what the champion would give way to; of others what was measured stays."""
    champion = ReadingModel.objects.filter(state=_S.CHAMPION).first()
    needed = [champion.version, champion.against] if champion else []
    spare = ReadingModel.objects.exclude(version__in=needed).filter(content__isnull=False).order_by("-made_at")[KEPT:]
    ReadingModel.objects.filter(pk__in=[row.pk for row in spare]).update(content=None)


def adopt(user: User, model_id: int) -> ReadingModel:
    """Raises Refused when it is not better than what it was compared with, Moved when something else reads by now."""
    with transaction.atomic():
        rows = {
            row.pk: row
            for row in ReadingModel.objects.select_for_update().filter(state__in=[_S.CHALLENGER, _S.CHAMPION])
        }
        row = rows.get(model_id)
        if row is None or row.state != _S.CHALLENGER:
            raise Moved("This challenger is gone: a newer one was trained, or it reads already.")
        champion = next((one for one in rows.values() if one.state == _S.CHAMPION), None)
        if (champion.version if champion else reading_models.shipped().version) != row.against:
            raise Moved("It was compared with another classifier than the one that reads now. Have it trained anew.")
        if not row.measured["better"]:
            raise Refused("It is not better beyond chance, so it does not read.")
        actor = audit.person(user)
        if champion is not None:
            move(champion, "retire", actor=actor, reason=f"{row} was better")
        row.adopted_at, row.adopted_by = timezone.now(), user
        move(row, "adopt", actor=actor, save=("adopted_at", "adopted_by"))
    return row


def go_back(user: User) -> ReadingModel | None:
    """The champion before reads again; None: the one that ships. Raises Moved when that one reads already."""
    with transaction.atomic():
        champion = ReadingModel.objects.select_for_update().filter(state=_S.CHAMPION).first()
        if champion is None:
            raise Moved("The classifier that ships reads: there is none to go back from.")
        actor = audit.person(user)
        move(champion, "retire", actor=actor, reason="taken back")
        before = ReadingModel.objects.select_for_update().filter(
            state=_S.RETIRED, version=champion.against, content__isnull=False
        ).first()  # fmt: skip
        if before is not None:
            move(before, "bring_back", actor=actor)
    return before


def ask(user: User) -> None:
    """A challenger out of turn, made by a worker."""
    log.info("%s asks for a new challenger", user)
    async_task("apps.learning.retraining.retrain")


def retrain_when_due(now: datetime) -> None:
    if due(now):
        async_task("apps.learning.retraining.retrain")
