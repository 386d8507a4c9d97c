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
    for a week yet its days tell what a week would bring, from the first on. A rule that decided nothing is audited whenever it
    does."""
    lately = RuleAudits.objects.filter(settled_at__gt=now - A_DAY).values("version")
    due = [one for one in _that_rule() if one.activated_at and one.activated_at <= now - A_DAY]
    fresh = set(lately.filter(version__in=due).values_list("version", flat=True))
    settled = [one for one in due if one.pk not in fresh]
    for version in settled:
        _settle(version, now)
    return len(settled)


def _that_rule() -> list[BoundaryVersion]:
    """Active versions, and what they replaced where that still rules some of the cases."""
    active = list(BoundaryVersion.objects.filter(state=BoundaryVersion.State.ACTIVE).select_related("replaced"))
    return [*active, *(one.replaced for one in active if one.share < 100 and one.replaced)]


def _settle(version: BoundaryVersion, now: datetime) -> None:
    """Of the brands that have anything audited: the others bring no audits."""
    audited = Partner.objects.real().filter(boundary=version.boundary_id, audit_percent__gt=0)
    assert version.activated_at is not None
    since = max(version.activated_at, now - A_WEEK)
    alone = Ruling.objects.filter(version=version, partner__in=audited, at__gte=since, ramp__isnull=True)
    counted = dict(alone.filter(handler=Handler.AUTONOMOUS).order_by().values_list("rule").annotate(Count("pk")))
    granting = {rule.key for rule in version.policy().rules if rule.handler == Handler.AUTONOMOUS and rule.ramp is None}
    a_week = A_WEEK / (now - since)
    rows = [
        RuleAudits(version=version, rule=rule, decided=count, settled_at=now,
                   audited=steps.audit_probability(count * a_week, 0.0))
        for rule in sorted(granting | set(counted)) for count in [counted.get(rule, 0)]
    ]  # fmt: skip
    rows.append(RuleAudits(version=version, rule="", settled_at=now))  # of no rule: it was looked at
    with transaction.atomic():
        RuleAudits.objects.filter(version=version).delete()
        RuleAudits.objects.bulk_create(rows)


def at_least(versions: Collection[int]) -> dict[tuple[int, str], float]:
    rows = RuleAudits.objects.filter(version__in=versions)
    return {(version, rule): audited for version, rule, audited in rows.values_list("version", "rule", "audited")}
