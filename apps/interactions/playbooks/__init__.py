"""One playbook for each case type: which facts it needs, which actions are possible, what it proposes."""

from types import ModuleType

from apps.interactions.case import Case
from apps.interactions.playbooks import (
    default,
    delivery_dispute,
    order_status,
    public_complaint,
    refund_exception,
    standard_return,
)
from apps.interactions.playbooks.base import Plan
from apps.policies.words import CaseType

_BY_TYPE: dict[CaseType, ModuleType] = {
    CaseType.ORDER_STATUS: order_status,
    CaseType.STANDARD_RETURN: standard_return,
    CaseType.REFUND_EXCEPTION: refund_exception,
    CaseType.DELIVERY_DISPUTE: delivery_dispute,
    CaseType.PUBLIC_COMPLAINT: public_complaint,
}


def plan_for(case: Case) -> tuple[Plan, str]:
    """What the type's playbook proposes, and the playbook's version."""
    playbook = _BY_TYPE.get(case.case_type, default)
    plan: Plan = playbook.plan(case)
    return plan, str(playbook.VERSION)
