"""Running replays: asked for on a version's page, carried out by a worker, kept with the version."""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.signals import post_migrate
from django.utils import timezone
from django_q.tasks import async_task

from apps.policies import audit, checking, columnar
from apps.policies.errors import Refused
from apps.policies.facts import VOCABULARY, vocabulary_hash
from apps.policies.models import Boundary, BoundaryVersion, Partner, Replay, Ruling, Vocabulary
from apps.policies.replay import facts_asked, replay
from apps.policies.replay_past import past_cases
from apps.policies.replay_summary import Evidence, summarise
from apps.policies.specs import PolicySpec

log = logging.getLogger(__name__)
DAYS = 30
LOST_AFTER = timedelta(minutes=2)  # twice what a task may take
EvidenceFor = Callable[[list[int], datetime, datetime], Evidence]
_evidence: list[EvidenceFor] = []


def provide_evidence(provider: EvidenceFor) -> None:
    """Let another layer say what is known of a period: (partner ids, since, until) → Evidence."""
    _evidence[:] = [provider]


def ask(user: User, version: BoundaryVersion, *, days: int = DAYS) -> Replay:
    """Have the version replayed over the last days. Raises Refused when it cannot be read, or the days are no period."""
    if not 1 <= days <= 3650:
        raise Refused("Replay at least one day, and at most ten years.")
    if problems := checking.unreadable(version):
        raise Refused(" ".join(problems))
    now = timezone.now()
    with transaction.atomic():
        made = Replay.objects.create(
            version=version, content_hash=version.current_hash(), against=version.boundary.active_version,
            since=now - timedelta(days=days), until=now, asked_by=user,
        )  # fmt: skip
        audit.record(audit.person(user), version, "replay_asked", details={"days": days})
        async_task("apps.policies.replaying.run", made.pk)
    return made


def run(replay_id: int) -> None:
    """Carry out a replay that waits; one that another worker took is left alone."""
    waiting = Replay.objects.filter(pk=replay_id, status=Replay.Status.WAITING)
    if not waiting.update(status=Replay.Status.RUNNING, started_at=timezone.now()):
        return
    asked = Replay.objects.select_related("version__boundary", "against").get(pk=replay_id)
    began = time.monotonic()
    try:
        result = _carry_out(asked)
    except Exception as error:
        log.exception("replay %s failed", replay_id)
        changes: dict[str, Any] = {"status": Replay.Status.FAILED, "error": f"{type(error).__name__}: {error}"}
    else:
        changes = {"status": Replay.Status.DONE, "result": result, "seconds": time.monotonic() - began}
    Replay.objects.filter(pk=replay_id).update(**changes)


def _carry_out(asked: Replay) -> dict[str, object]:
    def said(done: int) -> None:
        Replay.objects.filter(pk=asked.pk).update(done=done)

    partners = Partner.objects.real().filter(boundary=asked.version.boundary)
    rulings = Ruling.objects.filter(partner__in=partners, at__gte=asked.since, at__lt=asked.until)
    Replay.objects.filter(pk=asked.pk).update(total=rulings.count())
    return compared(asked.version.boundary, asked.version.policy(), asked.against, (asked.since, asked.until), said)


def compared(
    boundary: Boundary, draft: PolicySpec, against: BoundaryVersion | None, period: tuple[datetime, datetime],
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, object]:  # fmt: skip
    """What a policy would have made of the period's rulings of a boundary, beside what a version of it did. It may be one
    that nobody has drafted yet."""
    since, until = period
    active, active_id = (against.policy(), against.pk) if against else (PolicySpec(), -1)
    partners = list(Partner.objects.real().filter(boundary=boundary))
    ids = [partner.pk for partner in partners]
    longest = max([limit.days for policy in (draft, active) for limit in policy.limits], default=1)
    began = since - timedelta(days=longest)  # limits of several days have to know what was given before
    replayed = replay(
        columnar.batches(began, until, facts_asked(draft, active), ids),
        draft,
        active,
        active_id=active_id,
        vocabularies={row.name: frozenset(row.facts) for row in Vocabulary.objects.all()},
        zones={partner.pk: partner.zone for partner in partners},
        progress=progress,
    )
    evidence = _evidence[0](ids, since, until) if _evidence else Evidence()
    found = summarise(replayed, evidence, since=since.timestamp(), active_id=active_id)
    return {**found, "past": past_cases(evidence.past, draft, active)}


def is_missing(version: BoundaryVersion) -> bool:
    """The brands have a history, and what the version says now was not replayed over its last 30 days, against the
    version that is active, and exactly."""
    since = timezone.now() - timedelta(days=DAYS)
    if not Ruling.objects.filter(partner__boundary=version.boundary, at__gte=since).exists():
        return False
    enough = version.replays.filter(
        content_hash=version.current_hash(), status=Replay.Status.DONE, since__lte=since,
        against=version.boundary.active_version, result__exact__wrong=0,
    )  # fmt: skip
    return not enough.exists()


def latest(version: BoundaryVersion) -> Replay | None:
    """The newest replay of what the version says now."""
    return version.replays.filter(content_hash=version.current_hash()).first()


def give_up_lost(now: datetime) -> int:
    """Replays whose worker ended on the way are failed, so that they can be asked for again."""
    lost = Replay.objects.filter(status=Replay.Status.RUNNING, started_at__lt=now - LOST_AFTER)
    return lost.update(status=Replay.Status.FAILED, error="The worker that carried it out ended. Ask again.")


def connect() -> None:
    post_migrate.connect(_remember_vocabulary, dispatch_uid="remit_vocabulary")


def _remember_vocabulary(sender: Any, **kwargs: Any) -> None:
    """Keep today's list of facts, so that later replays know what could be recorded under it."""
    if sender.label == "policies":
        Vocabulary.objects.get_or_create(name=vocabulary_hash(), defaults={"facts": sorted(VOCABULARY)})
