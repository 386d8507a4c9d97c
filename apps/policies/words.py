"""The closed lists of the field: case types, actions, handlers and stages, each with the word a person reads."""

from django.db.models import TextChoices


class CaseType(TextChoices):
    ORDER_STATUS = "order_status", "Order status"
    STANDARD_RETURN = "standard_return", "Standard return"
    REFUND_EXCEPTION = "refund_exception", "Refund exception"
    DELIVERY_DISPUTE = "delivery_dispute", "Delivery dispute"
    PAYMENT_EXCEPTION = "payment_exception", "Payment exception"
    VIP_COMPLAINT = "vip_complaint", "VIP complaint"
    COMPLAINT = "complaint", "Complaint"
    PUBLIC_COMPLAINT = "public_complaint", "Public complaint"
    PRODUCT_RECOMMENDATION = "product_recommendation", "Product recommendation"
    ORDER_CHANGE = "order_change", "Order change"
    QUESTION = "question", "Question"
    HUMAN_REQUEST = "human_request", "Human request"
    OTHER = "other", "Other"


class Action(TextChoices):
    REPLY = "reply", "Reply"
    REFUND = "refund", "Refund"
    PARTIAL_REFUND = "partial_refund", "Partial refund"
    STORE_CREDIT = "store_credit", "Store credit"
    RETURN_LABEL = "return_label", "Return label"
    REPLACEMENT = "replacement", "Replacement"
    COURIER_CLAIM = "courier_claim", "Courier claim"
    CANCEL_ORDER = "cancel_order", "Cancel the order"
    CHANGE_ORDER = "change_order", "Change the order"
    GOODWILL = "goodwill", "Goodwill"
    ASK_CUSTOMER = "ask_customer", "Ask the customer"
    DENY = "deny", "Decline"
    RECOMMEND = "recommend", "Recommend"
    REFER = "refer", "Refer"


# Actions that give the customer money or its worth. Each needs an amount and, to be autonomous, a ceiling.
MONEY_ACTIONS = frozenset({Action.REFUND, Action.PARTIAL_REFUND, Action.STORE_CREDIT, Action.GOODWILL})
# Actions that pay back what was paid for order lines: only these are reserved on the lines.
REFUND_ACTIONS = frozenset({Action.REFUND, Action.PARTIAL_REFUND, Action.STORE_CREDIT})
# Actions that change something about an order, so that its owner must be the one who asks.
ORDER_ACTIONS = MONEY_ACTIONS | {
    Action.RETURN_LABEL,
    Action.REPLACEMENT,
    Action.COURIER_CLAIM,
    Action.CANCEL_ORDER,
    Action.CHANGE_ORDER,
}


# Actions that are words and nothing else.
WORDS_ONLY = frozenset({Action.REPLY, Action.DENY, Action.RECOMMEND, Action.ASK_CUSTOMER, Action.REFER})


class Handler(TextChoices):
    AUTONOMOUS = "autonomous", "AI alone"
    COLLABORATIVE = "collaborative", "AI drafts"
    HUMAN = "human", "Person"


class Seniority(TextChoices):
    ANY = "any", "Anyone"
    SENIOR = "senior", "Senior"


class Stage(TextChoices):
    OBSERVE = "observe", "Observe: people do everything, rulings are recorded"
    ASSIST = "assist", "Assist: the AI drafts"
    LIVE = "live", "Live: the AI may act inside its boundary"


class Question(TextChoices):
    """The three questions asked before the AI acts alone."""

    ABLE = "able", "able"
    PERMITTED = "permitted", "permitted"
    EARNED = "earned", "earned"


DEFAULT_HANDLERS: dict[CaseType, Handler] = {
    CaseType.ORDER_STATUS: Handler.AUTONOMOUS,
    CaseType.STANDARD_RETURN: Handler.AUTONOMOUS,
    CaseType.PRODUCT_RECOMMENDATION: Handler.AUTONOMOUS,
    CaseType.QUESTION: Handler.AUTONOMOUS,
    CaseType.VIP_COMPLAINT: Handler.COLLABORATIVE,
    CaseType.COMPLAINT: Handler.COLLABORATIVE,
}
"""What a type is meant for; every type that is not named goes to a person."""

# From the type that needs least authority to the one that needs most: several requests in one message are
# typed by the last.
AUTHORITY_ORDER: tuple[CaseType, ...] = (
    CaseType.OTHER,
    CaseType.QUESTION,
    CaseType.PRODUCT_RECOMMENDATION,
    CaseType.ORDER_STATUS,
    CaseType.STANDARD_RETURN,
    CaseType.COMPLAINT,
    CaseType.ORDER_CHANGE,
    CaseType.HUMAN_REQUEST,
    CaseType.REFUND_EXCEPTION,
    CaseType.DELIVERY_DISPUTE,
    CaseType.PAYMENT_EXCEPTION,
    CaseType.VIP_COMPLAINT,
    CaseType.PUBLIC_COMPLAINT,
)
