"""Retraining: the classifier learns from what people corrected, and is replaced only when it is better, beyond chance.

    begin(user, now)          a worker trains a challenger from the older labels, measured beside the champion on the newer ones
    adopt(user, model_id)     two people let a better one read; what was certified with the other begins its ramp again, and
                              what it would have had handled otherwise is people's from that moment
    go_back(user)             the one before reads again

Champion and challenger read the same held-out cases, which share no customer with what either learnt from here. Better is: of
the cases that one of them alone reads rightly more are the challenger's than chance explains (McNemar's exact test, 1947), the
weighted share of rightly read cases grows, of what it would be sure enough of to act on alone no larger share is wrong, and no
brand is worse off beyond chance.
"""

import hashlib
import logging
from collections import defaultdict
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
from apps.interactions.classification.training import model_version, normalised, train_intents
from apps.interactions.models import DecisionRecord, ReadingModel
from apps.interactions.reading_models import Reader
from apps.learning import ramping, shadow_reading
from apps.learning.labels import Label, labels_of
from apps.learning.models import CaseAudit, Training
from apps.learning.shadow_reading import Shadow
from apps.policies import audit, ramps
from apps.policies.errors import Moved, Refused
from apps.policies.machines import move
from apps.policies.models import Ramp, partner_ids_of
from apps.policies.specs import DEFAULT_FLOOR

log = logging.getLogger(__name__)

LOOKING_BACK = timedelta(days=365)
OLDER = 2 / 3  # of the labels, the older ones, train; of the others those of other customers measure
FEWEST_CORRECTED = 20  # new ones since the last challenger: fewer teach nothing that can be measured
EVERY = timedelta(days=7)
LEVEL = 0.05 / 52  # of one challenger; there is one a week
WORSE = 0.05  # of a brand: the chance under which it is worse off
OF_A_CORRECTION = 3.0  # what one weighs in training; a text of the corpus weighs 1
MOST_TRAINED, MOST_MEASURED = 4_000, 4_000  # labels: the corrected ones, and the newest of the others
LONGEST_SECONDS, KEPT = 600, 3  # of a training; models whose content is kept, to go back to
_S = ReadingModel.State


@dataclass(frozen=True, slots=True)
class Measured:
    """How two classifiers read the same cases. `only_*` are those that one alone reads rightly; `right_*` the weighted share
    that each reads rightly, `sure_wrong_*` that of wrong ones among those it would act on alone; `chance` that of so many
    only the challenger reads rightly if both were as good. `worse_off`: brands, by id, that it reads worse, beyond chance."""

    cases: int
    corrected: int
    only_champion: int
    only_challenger: int
    right_champion: float
    right_challenger: float
    sure_wrong_champion: float
    sure_wrong_challenger: float
    chance: float
    worse_off: tuple[str, ...] = ()

    @property
    def better(self) -> bool:
        return (
            self.chance <= LEVEL and self.right_challenger > self.right_champion
            and self.sure_wrong_challenger <= self.sure_wrong_champion and not self.worse_off
        )  # fmt: skip


def due(now: datetime) -> bool:
    """Enough was corrected since the last training, which is a week old."""
    last = Training.objects.first()
    if last is not None and now - last.begun_at < EVERY:
        return False
    since = last.begun_at if last else now - LOOKING_BACK
    decided = (
        DecisionRecord.objects.filter(decided_at__gte=since, partner__sandbox_of__isnull=True)
        .exclude(asked_for="")
        .count()
    )
    audited = CaseAudit.objects.filter(done_at__gte=since).exclude(asked_for="").count()
    return decided + audited >= FEWEST_CORRECTED


def begin(asked_by: User | None, now: datetime) -> Training:
    """Have a worker train one. It is kept that it was begun, so that one that is lost is not begun again at once. Raises
    Refused to somebody who asks when one was measured within a week: by chance alone one of many would look better."""
    last = ReadingModel.objects.filter(made_at__gt=now - EVERY).first()
    if asked_by is not None and last is not None:
        again = last.made_at + EVERY
        raise Refused(f"One was trained and measured within a week. The next can be from {again:%-d %B, %H:%M} UTC on.")
    with transaction.atomic():
        made = Training.objects.create(begun_at=now, asked_by=asked_by)
        async_task("apps.learning.retraining.carry_out", made.pk, timeout=LONGEST_SECONDS)
    return made


def carry_out(training_id: int) -> None:
    """In a worker; what breaks is kept with the training."""
    try:
        made = retrain()
    except Exception as error:
        log.exception("the classifier could not be trained anew")
        said = f"It could not be trained: {type(error).__name__}: {error}"[:200]
    else:
        verdict = "better" if made and made.measured["better"] else "not better"
        said = f"{made}: {verdict}." if made else "Nothing new to learn from."
    Training.objects.filter(pk=training_id).update(ended_at=timezone.now(), said=said)


def retrain(now: datetime | None = None) -> ReadingModel | None:
    """A challenger, better or not; None when there is nothing to learn from or to measure on."""
    now = now or timezone.now()
    trained, held_out = split(labels_of(now - LOOKING_BACK, now))
    older, newer = _fairly(trained, MOST_TRAINED), _to_measure(held_out)
    if not older or not newer:
        return None
    champion = reading_models.current()
    weights = [OF_A_CORRECTION if label.corrected else 1.0 for label in older]
    model = train_intents([label.text for label in older], [label.intent for label in older], weights)
    content, signature = reading_models.packed(model)
    version = hashlib.sha256(content).hexdigest()[:12]
    if ReadingModel.objects.filter(version=version).exists():
        return None  # the same labels make the same model
    measured = compare(newer, champion, Reader(version, model))
    in_shadow = shadow_reading.of_grants(Reader(version, model), now) if measured.better else []
    with transaction.atomic():
        actor = audit.system("retraining")
        move(list(ReadingModel.objects.select_for_update().filter(state=_S.CHALLENGER)), "drop", actor=actor)
        made = ReadingModel.objects.create(
            version=version, built_with=model_version(), content=content, signature=signature,
            against=champion.version, labels=len(older),
            corrected=sum(label.corrected for label in older), made_at=now,
            measured={**asdict(measured), "better": measured.better, "in_shadow": [asdict(one) for one in in_shadow]},
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


def _fairly(labels: Sequence[Label], most: int) -> list[Label]:
    """At most so many: the newest of those that were corrected, where nobody's are more than all others' together, then the
    newest of the rest."""
    by_person: defaultdict[str, list[Label]] = defaultdict(list)
    for label in labels:
        if label.corrected:
            by_person[label.by].append(label)
    whole = sum(len(own) for own in by_person.values())
    within = [one for own in by_person.values() for one in own[max(0, 2 * len(own) - whole) :]]
    corrected = sorted(within, key=lambda one: one.at)[-most:]
    others = [label for label in labels if not label.corrected]
    kept = [*corrected, *others[max(0, len(others) - most + len(corrected)) :]]
    return sorted(kept, key=lambda one: (one.at, one.case))


def _to_measure(labels: Sequence[Label]) -> list[Label]:
    """The newest: to keep all that were corrected, where the one that reads now is wrong, would favour whatever is new."""
    return _fairly(labels[-MOST_MEASURED:], MOST_MEASURED)


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
        chance=_chance(only_other, differing), worse_off=_worse_off(labels, one.right & ~other.right, other.right & ~one.right),
    )  # fmt: skip


def _chance(wins: int, differing: int) -> float:
    return float(binom.sf(wins - 1, differing, 0.5)) if differing else 1.0


def _worse_off(labels: Sequence[Label], lost: NDArray[np.bool_], won: NDArray[np.bool_]) -> tuple[str, ...]:
    found: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for label, loses, wins in zip(labels, lost.tolist(), won.tolist(), strict=True):
        found[label.partner][0] += loses
        found[label.partner][1] += wins
    return tuple(sorted(brand for brand, (loses, wins) in found.items() if _chance(loses, loses + wins) <= WORSE))


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
    """The first person proposes it, a second one makes it read: it reads for every brand. Raises Refused when it is not better
    than what it was compared with or the person does not answer for all brands, Moved when something else reads by now."""
    _answers_for_all(user)
    with transaction.atomic():
        states = ReadingModel.objects.select_for_update(of=("self",)).filter(state__in=[_S.CHALLENGER, _S.CHAMPION])
        rows = {row.pk: row for row in states}
        row = rows.get(model_id)
        if row is None or row.state != _S.CHALLENGER:
            raise Moved("This challenger is gone: a newer one was trained, or it reads already.")
        if reading_models.current().version != row.against:
            raise Moved("It was compared with another classifier than the one that reads now. Have it trained anew.")
        if not row.measured["better"]:
            raise Refused("It is not better beyond chance, so it does not read.")
        actor = audit.person(user)
        if row.proposed_by_id in (None, user.pk):
            row.proposed_by = user
            row.save(update_fields=["proposed_by"])
            audit.record(actor, row, "proposed")
            return row
        champion = next((one for one in rows.values() if one.state == _S.CHAMPION), None)
        if champion is not None:
            move(champion, "retire", actor=actor, reason=f"{row} was better")
        row.adopted_at, row.adopted_by = timezone.now(), user
        move(row, "adopt", actor=actor, save=("adopted_at", "adopted_by"))
        _stop_what_it_flips(row, actor, row.adopted_at)
    return row


def shadows_of(row: ReadingModel) -> list[Shadow]:
    """What it would have had handled otherwise, of each grant there was when it was trained."""
    return [Shadow(**one) for one in row.measured.get("in_shadow", [])]


def _stop_what_it_flips(row: ReadingModel, actor: audit.Actor, now: datetime) -> None:
    """Before it reads the first message; cases that came since it was trained are looked at by the sweep (ramping.py)."""
    flips = {one.ramp: one for one in shadows_of(row) if one.stops}
    ruling = ramps.released().filter(pk__in=flips).values_list("pk", flat=True)
    running = Ramp.objects.select_for_update(no_key=True).filter(pk__in=list(ruling), stopped_at__isnull=True)
    for ramp in running.order_by("pk"):
        ramping.stop_for_classifier(ramp, flips[ramp.pk], actor, now)


def _answers_for_all(user: User) -> None:
    if partner_ids_of(user) is not None:
        raise Refused("A classifier reads for every brand: it takes somebody who answers for all of them.")


def go_back(user: User) -> ReadingModel | None:
    """The champion before reads again; None: the one that ships. One person may. Raises Moved when that one reads already."""
    _answers_for_all(user)
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


def retrain_when_due(now: datetime) -> None:
    if due(now):
        begin(None, now)
