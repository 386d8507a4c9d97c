"""What learning knows beside the rulings of a replay: blind decisions, how long people take, how many decide when."""

from collections import defaultdict
from datetime import datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from apps.interactions.models import Outcome, PastCase
from apps.learning import guides
from apps.learning.models import Signal
from apps.policies import replaying, stages
from apps.policies.models import Partner
from apps.policies.replay_summary import Evidence
from apps.policies.stages import Known


def connect() -> None:
    replaying.provide_evidence(evidence_for)
    stages.provide_known(known_of)


def known_of(partner_id: int, case_type: str, days: int) -> Known:
    """What people decided on a type of one partner."""
    since = timezone.now() - timedelta(days=days)
    signals = Signal.objects.filter(partner_id=partner_id, case_type=case_type, at__gte=since)
    blind = signals.filter(proposal_seen=False)
    return Known(signals.count(), blind.count(), blind.filter(agreed=True).count())


def evidence_for(partner_ids: list[int], since: datetime, until: datetime) -> Evidence:
    """The decisions of a period, and the newest past cases of any. Hours of the day are those of the first of the brands."""
    signals = Signal.objects.filter(partner_id__in=partner_ids, at__gte=since, at__lt=until)
    regretted = Outcome.objects.filter(
        interaction=OuterRef("decision__interaction"), kind__in=Outcome.ERRORS, at__gte=OuterRef("at")
    )
    unseen = signals.filter(proposal_seen=False).annotate(right=Q(agreed=True) & ~Q(Exists(regretted)))
    blind = dict(unseen.values_list("decision__ruling_id", "right"))
    seconds: defaultdict[str, list[int]] = defaultdict(list)
    for case_type, took in signals.exclude(seconds=None).values_list("case_type", "seconds"):
        seconds[case_type].append(took or 0)
    first = Partner.objects.filter(pk__in=partner_ids).order_by("pk").first()
    zone = first.zone if first else ZoneInfo("UTC")
    present: defaultdict[int, set[tuple[str, int | None]]] = defaultdict(set)
    days: set[str] = set()
    for at, person in signals.values_list("at", "by_id"):
        local = at.astimezone(zone)
        days.add(local.date().isoformat())
        present[local.hour].add((local.date().isoformat(), person))
    people = [len(present[hour]) / len(days) if days else 0.0 for hour in range(24)]
    brought = PastCase.objects.filter(partner__in=partner_ids).order_by("-decided_at", "-pk")[: guides.MOST]
    past = [decided for _, decided in guides.brought(brought)]
    return Evidence(blind, {name: float(median(took)) for name, took in seconds.items()}, people, zone, past)
