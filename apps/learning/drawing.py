"""Drawing audits: a random share of what the AI did alone, more of what a new grant let it do, and of blind judgements that a
second person makes too. In the transaction of what they look at, each with the probability it was drawn with.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Max
from django.utils import timezone

from apps.interactions import blind, briefing, events
from apps.interactions.linking import linked_cases
from apps.interactions.models import DecisionRecord, Judgement
from apps.interactions.worked import Worked
from apps.learning import minimums
from apps.learning.models import CaseAudit
from apps.policies.models import Ramp

TIME_FOR = timedelta(days=7)
DOUBLE_PERCENT = 20  # of blind judgements


def connect() -> None:
    events.acted_alone.connect(_draw_alone, dispatch_uid="learning_audits")
    events.judged_blind.connect(_draw_double, dispatch_uid="learning_doubles")


def _draw_alone(sender: object, done: Sequence[tuple[Worked, DecisionRecord]], **kwargs: Any) -> None:
    limited = {w.authority.ramp for w, _ in done if w.authority and w.authority.ramp}
    brands = Max("boundary__partner__audit_percent")  # so that all decisions of a grant are drawn alike
    more = {
        pk: max(audited, (percent or 0) / 100)
        for pk, audited, percent in Ramp.objects.filter(pk__in=limited).values_list("pk", "audited", brands)
    }
    rules = minimums.at_least({d.ruling.version_id for _, d in done if d.ruling.version_id})
    chances = [_chance_of(worked, decision, more, rules) for worked, decision in done]
    drawn = [
        (w, d, chance) for (w, d), chance in zip(done, chances, strict=True) if blind.drawn(round(100 * chance, 2))
    ]
    linked = linked_cases([worked.case.interaction for worked, _, _ in drawn])
    now = timezone.now()
    CaseAudit.objects.bulk_create(_of_alone(w, d, chance, linked[w.case.interaction.pk], now) for w, d, chance in drawn)


def _chance_of(
    worked: Worked, decision: DecisionRecord, more: Mapping[int, float], rules: Mapping[tuple[int, str], float]
) -> float:
    """As many as the brand says, and more of what a new grant let the AI do, or a rule that seldom decides."""
    assert worked.authority is not None
    percent, ramp = worked.case.partner.audit_percent, worked.authority.ramp
    if ramp is not None:
        return max(percent / 100, more.get(ramp, 0.0))
    rule = (decision.ruling.version_id or 0, worked.authority.verdict.rule or "")
    return max(percent / 100, rules.get(rule, 0.0)) if percent else 0.0


def _of_alone(
    worked: Worked, decision: DecisionRecord, chance: float, linked: Sequence[dict[str, Any]], now: datetime
) -> CaseAudit:
    assert worked.plan is not None
    assert worked.authority is not None
    return CaseAudit(
        kind=CaseAudit.Kind.ALONE,
        partner_id=decision.partner_id,
        case_type=worked.case.case_type.value,
        decision=decision,
        content=briefing.packet_content(worked.case, worked.plan, worked.authority, [], linked),
        rule=worked.authority.verdict.rule or "",
        ramp_id=worked.authority.ramp,
        least=_share(worked.case.partner.audit_percent / 100 or chance),
        probability=_share(chance),
        drawn_at=now,
        due_at=now + TIME_FOR,
    )


def _share(chance: float) -> Decimal:
    return Decimal(str(chance)).quantize(Decimal("0.0001"))


def _draw_double(sender: object, judgement: Judgement, **kwargs: Any) -> None:
    if not blind.drawn(DOUBLE_PERCENT):
        return
    CaseAudit.objects.create(
        kind=CaseAudit.Kind.DOUBLE,
        partner_id=judgement.escalation.partner_id,
        case_type=judgement.escalation.case_type,
        judgement=judgement,
        content=judgement.packet.content,
        probability=Decimal(DOUBLE_PERCENT) / 100,
        drawn_at=judgement.at,
        due_at=judgement.at + TIME_FOR,
    )
