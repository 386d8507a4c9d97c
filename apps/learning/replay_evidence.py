"""What learning knows beside the rulings of a replay: blind decisions, how long people take, how many decide when."""

from collections import defaultdict
from datetime import datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from django.utils import timezone

from apps.interactions.models import PastCase
from apps.learning import guides
from apps.learning.evidence import Piece, pieces_of
from apps.learning.models import Signal
from apps.policies import replaying, stages
from apps.policies.models import Partner
from apps.policies.replay_summary import Evidence, Unseen
from apps.policies.stages import Known


def connect() -> None:
    replaying.provide_evidence(evidence_for)
    stages.provide_known(known_of)


def known_of(partner_id: int, case_type: str, days: int) -> Known:
    """What people decided on a type of one partner."""
    now = timezone.now()
    since = now - timedelta(days=days)
    decided = Signal.objects.filter(partner_id=partner_id, case_type=case_type, at__gte=since).count()
    blind = [one for one in _unseen([partner_id], since, now) if one.case_type == case_type]
    return Known(decided, len(blind), sum(not one.judged.wrong for one in blind))


def _unseen(partner_ids: list[int], since: datetime, until: datetime) -> list[Piece]:
    partners = list(Partner.objects.filter(pk__in=partner_ids))
    return [one for one in pieces_of(partners, since, until) if one.how == "blind"]


def evidence_for(partner_ids: list[int], since: datetime, until: datetime) -> Evidence:
    """The decisions of a period, and the newest past cases of any. Hours of the day are those of the first of the brands."""
    signals = Signal.objects.filter(partner_id__in=partner_ids, at__gte=since, at__lt=until)
    blind = {
        one.ruling: Unseen(not one.judged.wrong, f"{one.judged.partner}/{one.judged.customer or one.judged.on}")
        for one in _unseen(partner_ids, since, until)
    }
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
