"""One playbook for each case type: which facts it needs, which actions are possible, what it proposes and why.

A playbook is a module with `VERSION`, `NEEDS` (facts it cannot do without), `MATTERS` (facts the brief shows first) and
`plan(case)`.
"""

from dataclasses import replace
from types import ModuleType

from apps.interactions.case import Case
from apps.interactions.playbooks import (
    complaint,
    delivery_dispute,
    human_request,
    in_public,
    order_change,
    order_status,
    other,
    payment_exception,
    product_recommendation,
    public_complaint,
    question,
    refund_exception,
    standard_return,
    vip_complaint,
)
from apps.interactions.playbooks.base import Plan
from apps.policies.facts import VOCABULARY
from apps.policies.words import CaseType

PLAYBOOKS: dict[CaseType, ModuleType] = {
    CaseType.ORDER_STATUS: order_status,
    CaseType.STANDARD_RETURN: standard_return,
    CaseType.REFUND_EXCEPTION: refund_exception,
    CaseType.DELIVERY_DISPUTE: delivery_dispute,
    CaseType.PAYMENT_EXCEPTION: payment_exception,
    CaseType.VIP_COMPLAINT: vip_complaint,
    CaseType.COMPLAINT: complaint,
    CaseType.PUBLIC_COMPLAINT: public_complaint,
    CaseType.PRODUCT_RECOMMENDATION: product_recommendation,
    CaseType.ORDER_CHANGE: order_change,
    CaseType.QUESTION: question,
    CaseType.HUMAN_REQUEST: human_request,
    CaseType.OTHER: other,
}


def plan_for(case: Case) -> tuple[Plan, str]:
    """What the type's playbook proposes, and the playbook's version. Facts it needs and nobody knows are named."""
    playbook = PLAYBOOKS[case.case_type]
    usable = case.facts.known_at(case.at)
    missing = tuple(VOCABULARY[name].label for name in playbook.NEEDS if usable.get(name) is None)
    plan: Plan = playbook.plan(case)
    version = str(playbook.VERSION)
    if case.interaction.public:
        plan, version = in_public.in_public(case, plan), f"{version} {in_public.VERSION}"
    return replace(plan, missing=missing), version
