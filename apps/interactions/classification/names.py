"""What a message can ask for, by name and in words."""

INTENT_LABELS = {
    "order_status": "Where an order or refund is",
    "return_or_refund": "A return, exchange or refund",
    "delivery_problem": "A problem with a delivery",
    "payment_problem": "A problem with a payment",
    "complaint": "To complain",
    "change_or_cancel": "To change or cancel an order",
    "product_advice": "What to buy",
    "product_question": "Something about a product",
    "policy_question": "Shipping, payment or return terms",
    "account_or_invoice": "Their account or an invoice",
    "human_request": "To speak with a person",
    "feedback": "To praise or review",
    "other": "Something else",
}
INTENTS = tuple(INTENT_LABELS)
