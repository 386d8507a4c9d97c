"""Versions in shadow: they rule live traffic beside the active one, are stored, and act on nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min

from apps.policies.gate import Verdict
from apps.policies.models import BoundaryVersion, Partner, Ruling, ShadowRuling


def record(rulings: Iterable[tuple[Ruling, Sequence[tuple[int, Verdict]]]]) -> None:
    """Store what the shadows of each ruling said, by version id; what a sandbox tries out is no live traffic."""
    said = [(ruling, verdicts) for ruling, verdicts in rulings if verdicts]
    if not said:
        return
    partners = {ruling.partner_id for ruling, _ in said}
    real = set(Partner.objects.real().filter(pk__in=partners).values_list("pk", flat=True))
    ShadowRuling.objects.bulk_create(
        _row(ruling, version_id, verdict)
        for ruling, verdicts in said
        if ruling.partner_id in real
        for version_id, verdict in verdicts
    )


def _row(ruling: Ruling, version_id: int, verdict: Verdict) -> ShadowRuling:
    said = verdict.as_json()
    alike = all(said[name] == ruling.verdict[name] for name in ("handler", "seniority", "rule"))
    return ShadowRuling(
        ruling=ruling, version_id=version_id, handler=verdict.handler, rule=verdict.rule or "", differs=not alike,
        verdict=said,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One pair of rules that handled the same cases differently, with the latest of them."""

    case_type: str
    active_rule: str
    active_handler: str
    shadow_rule: str
    shadow_handler: str
    count: int
    example: str


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """How a shadow went: cases ruled by both, since when, and where they disagreed, the most frequent first."""

    cases: int
    since: datetime | None
    differing: int
    disagreements: tuple[Disagreement, ...]

    @property
    def agreement_percent(self) -> float | None:
        return None if not self.cases else 100 * (1 - self.differing / self.cases)


def report(version: BoundaryVersion) -> ShadowReport:
    rows = ShadowRuling.objects.filter(version=version)
    seen = rows.aggregate(count=Count("id"), since=Min("ruling__at"))
    pairs = (
        rows.filter(differs=True)
        .order_by()
        .values("ruling__case_type", "ruling__rule", "ruling__gate_handler", "rule", "handler")
        .annotate(count=Count("id"), example=Max("ruling__subject"))
        .order_by("-count")
    )
    found = tuple(
        Disagreement(row["ruling__case_type"], row["ruling__rule"], row["ruling__gate_handler"], row["rule"],
                     row["handler"], row["count"], row["example"])
        for row in pairs[:100]
    )  # fmt: skip
    return ShadowReport(seen["count"], seen["since"], rows.filter(differs=True).count(), found)
