"""`{% voice_samples partner as samples %}`: replies as the brand's customers would read them, for the admin."""

from datetime import date

from django import template

from apps.interactions.drafting import replies
from apps.interactions.models import Customer
from apps.policies.models import Partner
from apps.policies.money import Money, exact_amount

register = template.Library()

_SAMPLES: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("An answer", "Your order {order} is on its way. It is expected by {day}.", {"order": "1047", "day": date(2026, 11, 26)}),
    ("A refund", "We have refunded {amount} for your parcel. Unfortunately it did not reach you.", {"amount": "84.50"}),
    ("A hand-over", "Thank you for writing. A person on our team looks at this and answers you by 15:30 today.", {}),
)  # fmt: skip


@register.simple_tag
def voice_samples(partner: Partner) -> list[tuple[str, str]]:
    """Each kind of reply with its text; a greeting or sign-off that cannot be filled in says so."""
    name = replies.name_for(partner, Customer(name="Mira Solano"), public=False)
    return [(title, _sample(partner, name, body, dict(values))) for title, body, values in _SAMPLES]


def _sample(partner: Partner, name: str, body: str, values: dict[str, object]) -> str:
    if "amount" in values:
        values["amount"] = Money(exact_amount(values["amount"]), partner.currency)
    try:
        return replies.write(partner, name, body, **values).text
    except (KeyError, ValueError) as error:
        return f"This voice cannot be written: {error}."
