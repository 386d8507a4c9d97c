"""Demo brands: the demo boundary, Terms, stages and the shop simulator, made through the same releases as any other.

A released version takes two people, so two accounts that nobody can sign in with wrote and approved the demo one.
"""

from datetime import time
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from apps.interactions import demo_catalogue
from apps.interactions.models import CaseTypeSetting, ReasonCode
from apps.policies import audit, releases
from apps.policies.models import Boundary, Guardrail, Partner, PartnerStage, Rule, Terms
from apps.policies.words import Action, CaseType, Handler, Seniority, Stage

BOUNDARY = "Lenient returns"
_LIVE = (
    CaseType.ORDER_STATUS,
    CaseType.STANDARD_RETURN,
    CaseType.ORDER_CHANGE,
    CaseType.QUESTION,
    CaseType.PRODUCT_RECOMMENDATION,
)
_SETUP = audit.system("demo set-up")
_DUE_MINUTES = {
    CaseType.PUBLIC_COMPLAINT: 15,
    CaseType.VIP_COMPLAINT: 20,
    CaseType.REFUND_EXCEPTION: 30,
    CaseType.DELIVERY_DISPUTE: 30,
    CaseType.PAYMENT_EXCEPTION: 30,
    CaseType.ORDER_CHANGE: 45,
    CaseType.COMPLAINT: 60,
    CaseType.HUMAN_REQUEST: 60,
}
_REASONS = (
    ("our_delay", "Our delay", False),
    ("goodwill", "Goodwill", False),
    ("loyal_customer", "Loyal customer", False),
    ("outside_terms", "Outside the terms", False),
    ("evidence", "Evidence says otherwise", True),
    ("unclear", "Not enough is known", False),
    ("other", "Other…", True),
)


def _condition(fact: str, operator: str, value: object = None) -> dict[str, object]:
    return {"fact": fact, "operator": operator, "value": value}


_THEIR_OWN = [_condition("sender.verified", "is", True), _condition("order.belongs_to_sender", "is", True)]


def demo_partner(slug: str, name: str = "") -> Partner:
    """The partner with this slug, made with everything a demo brand needs when it is missing."""
    with transaction.atomic():
        found = Partner.objects.filter(slug=slug).first()
        if found is not None:
            return found
        settings_for_types()
        partner = Partner.objects.create(
            slug=slug,
            name=name or slug.replace("-", " ").title(),
            currency="USD",
            time_zone="America/New_York",
            opens_at=time(8),
            closes_at=time(22),
            boundary=demo_boundary(),
            connector=Partner.Connector.SIMULATOR,
        )
        Terms.objects.create(partner=partner, number=1, active=True, non_returnable=["gift card"])
        PartnerStage.objects.bulk_create(
            PartnerStage(partner=partner, case_type=case_type, stage=Stage.LIVE if case_type in _LIVE else Stage.ASSIST)
            for case_type in CaseType
        )
        demo_catalogue.fill(partner, timezone.now())
        audit.record(_SETUP, partner, "created", reason="demo brand")
    return partner


def settings_for_types() -> None:
    """Clocks and reasons of every type, where they are missing."""
    for case_type in CaseType:
        CaseTypeSetting.objects.get_or_create(
            case_type=case_type, defaults={"due_minutes": _DUE_MINUTES.get(case_type, 240)}
        )
    for position, (code, label, needs_words) in enumerate(_REASONS):
        ReasonCode.objects.get_or_create(
            case_type="", code=code, defaults={"label": label, "needs_words": needs_words, "position": position}
        )


def demo_boundary() -> Boundary:
    """The boundary that demo brands share, with an active version."""
    boundary, created = Boundary.objects.get_or_create(name=BOUNDARY, defaults={"currency": "USD"})
    if created:
        author, approver = _account("demo-author"), _account("demo-approver")
        version = releases.draft_from(author, boundary)
        Rule.objects.bulk_create(
            Rule(version=version, position=position, **fields) for position, fields in enumerate(_rules(), start=1)
        )
        Guardrail.objects.bulk_create(
            Guardrail(version=version, position=position, **fields)
            for position, fields in enumerate(_guardrails(), start=1)
        )
        releases.submit(author, version)
        releases.approve(approver, version)
        releases.activate(author, version)
    return boundary


def _account(username: str) -> User:
    user, created = User.objects.get_or_create(username=username, defaults={"is_active": False})
    if created:
        user.set_unusable_password()
        user.save()
    return user


def _rules() -> list[dict[str, object]]:
    alone, person, drafts = Handler.AUTONOMOUS, Handler.HUMAN, Handler.COLLABORATIVE
    return [
        {
            "case_type": CaseType.ORDER_STATUS, "handler": alone, "action": Action.ASK_CUSTOMER,
            "conditions": [_condition("order.identified", "is", False)],
        },
        {"case_type": CaseType.ORDER_STATUS, "handler": alone, "action": Action.REPLY, "conditions": _THEIR_OWN},
        {
            "case_type": CaseType.STANDARD_RETURN, "handler": person, "due_minutes": 60,
            "conditions": [_condition("customer.refunds_90d", "≥", 3)],
        },
        {
            "case_type": CaseType.STANDARD_RETURN, "handler": alone, "action": Action.REFUND,
            "ceiling": Decimal("150.00"),
            "conditions": [*_THEIR_OWN, _condition("order.return_received", "is", True)],
        },
        {
            "case_type": CaseType.STANDARD_RETURN, "handler": alone, "action": Action.RETURN_LABEL,
            "conditions": [
                *_THEIR_OWN,
                _condition("order.days_past_window", "≤", 0),
                _condition("order.final_sale", "is", False),
            ],
        },
        {
            "case_type": CaseType.REFUND_EXCEPTION, "handler": person, "seniority": Seniority.SENIOR,
            "due_minutes": 15, "conditions": [_condition("customer.disputes_12m", "≥", 3)],
        },
        {"case_type": CaseType.REFUND_EXCEPTION, "handler": person},
        {
            "case_type": CaseType.ORDER_CHANGE, "handler": alone, "action": Action.CANCEL_ORDER,
            "conditions": [*_THEIR_OWN, _condition("order.dispatched", "is", False)],
        },
        {"case_type": CaseType.ORDER_CHANGE, "handler": person},
        {"case_type": CaseType.QUESTION, "handler": alone, "action": Action.REPLY},
        {"case_type": CaseType.PRODUCT_RECOMMENDATION, "handler": alone, "action": Action.RECOMMEND},
        {"case_type": CaseType.DELIVERY_DISPUTE, "handler": person},
        {"case_type": CaseType.PAYMENT_EXCEPTION, "handler": person},
        {"case_type": CaseType.PUBLIC_COMPLAINT, "handler": person, "seniority": Seniority.SENIOR},
        {"case_type": CaseType.VIP_COMPLAINT, "handler": drafts},
        {"case_type": CaseType.COMPLAINT, "handler": drafts},
    ]  # fmt: skip


def _guardrails() -> list[dict[str, object]]:
    kind = Guardrail.Kind
    return [
        {"kind": kind.NEVER, "conditions": [_condition("message.public", "is", True)]},
        {"kind": kind.NEVER, "conditions": [_condition("message.injection_suspected", "is", True)]},
        {"kind": kind.CEILING, "actions": [Action.REFUND], "amount": Decimal("150.00")},
        {"kind": kind.BUDGET, "actions": [Action.REFUND], "amount": Decimal("2000.00")},
        {"kind": kind.CONFIDENCE, "floor": Decimal("0.70")},
    ]
