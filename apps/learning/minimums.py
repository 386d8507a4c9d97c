"""The weekly minimum of audits of each rule: where a brand's share would bring fewer, more is drawn.

settle(now)              from the sweeper, once a day a version in force
at_least(versions)       what is audited at least, by version and rule
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count

from apps.learning import steps
from apps.learning.models import RuleAudits
from apps.policies.models import BoundaryVersion, Partner, Ruling
from apps.policies.words import Handler

A_DAY, A_WEEK = timedelta(days=1), timedelta(days=7)


def settle(now: datetime) -> int:
    """By what each rule let the AI do in the last week; returns how many versions were settled. Of a version that has not ruled
    for a week yet its days tell what a week would bring, from the first on."""
    lately = RuleAudits.objects.filter(settled_at__gt=now - A_DAY).values("version")
    old = BoundaryVersion.objects.filter(state=BoundaryVersion.State.ACTIVE, activated_at__lte=now - A_DAY)
    due = list(old.exclude(pk__in=lately))
    for version in due:
        _settle(version, now)
    return len(due)


def _settle(version: BoundaryVersion, now: datetime) -> None:
    real = Partner.objects.real().filter(boundary=version.boundary_id)
    assert version.activated_at is not None
    since = max(version.activated_at, now - A_WEEK)
    alone = Ruling.objects.filter(version=version, partner__in=real, at__gte=since, ramp__isnull=True)
    counted = alone.filter(handler=Handler.AUTONOMOUS).order_by().values_list("rule").annotate(Count("pk"))
    a_week = A_WEEK / (now - since)
    rows = [
        RuleAudits(
            version=version, rule=rule, decided=count, audited=steps.audit_probability(count * a_week, 0.0), settled_at=now
        )
        for rule, count in counted
    ]  # fmt: skip
    rows.append(RuleAudits(version=version, rule="", settled_at=now))  # of no rule: it was looked at
    with transaction.atomic():
        RuleAudits.objects.filter(version=version).delete()
        RuleAudits.objects.bulk_create(rows)


def at_least(versions: Collection[int]) -> dict[tuple[int, str], float]:
    rows = RuleAudits.objects.filter(version__in=versions)
    return {(version, rule): audited for version, rule, audited in rows.values_list("version", "rule", "audited")}
