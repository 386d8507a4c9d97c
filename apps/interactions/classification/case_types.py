"""From intents and facts to the type of the case: the one that needs most authority."""

from collections.abc import Iterable

from apps.policies.facts import Facts
from apps.policies.words import AUTHORITY_ORDER, CaseType

_BY_INTENT = {
    "order_status": CaseType.ORDER_STATUS,
    "delivery_problem": CaseType.DELIVERY_DISPUTE,
    "payment_problem": CaseType.PAYMENT_EXCEPTION,
    "change_or_cancel": CaseType.ORDER_CHANGE,
    "product_advice": CaseType.PRODUCT_RECOMMENDATION,
    "product_question": CaseType.QUESTION,
    "policy_question": CaseType.QUESTION,
    "account_or_invoice": CaseType.QUESTION,
    "human_request": CaseType.HUMAN_REQUEST,
}
_NEGATIVE_IN_PUBLIC = frozenset({"complaint", "delivery_problem", "payment_problem"})


def case_type_of(intents: Iterable[str], facts: Facts) -> CaseType:
    """The type of a case whose messages ask for `intents`; none of them known makes it `other`."""
    asked = list(intents)
    negative = facts.value("message.sentiment") == "negative" or not _NEGATIVE_IN_PUBLIC.isdisjoint(asked)
    if facts.value("message.public") and negative:
        return CaseType.PUBLIC_COMPLAINT
    types = [_type_of(intent, facts) for intent in asked] or [CaseType.OTHER]
    return max(types, key=AUTHORITY_ORDER.index)


def besides(intents: Iterable[str], case_type: CaseType, facts: Facts) -> list[str]:
    """The intents that a case of this type does not answer; praise and criticism need no answer of their own."""
    return [intent for intent in intents if intent != "feedback" and _type_of(intent, facts) != case_type]


def _type_of(intent: str, facts: Facts) -> CaseType:
    if intent == "return_or_refund":
        return CaseType.STANDARD_RETURN if _is_standard_return(facts) else CaseType.REFUND_EXCEPTION
    if intent == "complaint":
        return CaseType.VIP_COMPLAINT if facts.value("customer.tier") == "vip" else CaseType.COMPLAINT
    return _BY_INTENT.get(intent, CaseType.OTHER)


def _is_standard_return(facts: Facts) -> bool:
    """Delivered, inside the window, returnable, and no exception flag. What is unknown makes it an exception."""
    days_past = facts.value("order.days_past_window")
    return (
        facts.value("order.status") == "delivered"
        and isinstance(days_past, int)
        and days_past <= 0
        and facts.value("order.final_sale") is False
        and facts.value("message.reason") not in ("damaged", "wrong_item", "not_received")
    )
