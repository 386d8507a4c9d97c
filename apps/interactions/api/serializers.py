"""What the API takes. Validation only: what happens is in `intake`, `mirror` and `settling`.

Every field is bounded, unknown fields are refused by name, and money has two decimals.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.interactions.mirror import FUTURE_TOLERANCE
from apps.interactions.models.interaction import CHANNELS
from apps.interactions.models.mirror import PAYMENT_KINDS
from apps.policies.facts import ORDER_STATUSES, TIERS
from apps.policies.money import BadAmount, exact_amount
from apps.policies.words import Action, CaseType

LONGEST_TEXT = 20_000
MOST_MESSAGES, MOST_LINES = 50, 200
MOST_MONEY = 10_000_000_000


class Strict(serializers.Serializer[Any]):
    """Refuses fields it does not know, by name, and numbers where a text is meant: not each is the text that was written."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            errors = {name: ["There is no such field."] for name in sorted(set(data) - set(self.fields))}
            for name, field in self.fields.items():
                if isinstance(field, serializers.CharField) and isinstance(data.get(name), int | float):
                    errors[name] = ["Send a text, in quotation marks."]
            if errors:
                raise serializers.ValidationError(errors)
        return super().to_internal_value(data)


class Time(serializers.DateTimeField):
    """A moment with its zone: which one is meant without it would be a guess."""

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise serializers.ValidationError("Send a time with its zone, like 2026-11-26T18:00:00Z.")
        return super().enforce_timezone(value)


class Flag(serializers.BooleanField):
    """true or false, and nothing that looks like it."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise serializers.ValidationError("Send true or false.")
        return data


class Choice(serializers.ChoiceField):
    """Says what there is to choose from."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or (data not in self.choices and not (data == "" and self.allow_blank)):
            said = f"“{data[:60]}” is none of them" if isinstance(data, str) else "This is no text"
            raise serializers.ValidationError(f"{said}; use one of {', '.join(map(str, self.choices))}.")
        return super().to_internal_value(data)


_AMOUNT = re.compile(r"[0-9]{1,10}(\.[0-9]{1,2})?")


@extend_schema_field({"type": "string", "pattern": r"^\d{1,10}(\.\d{1,2})?$", "examples": ["84.50"]})
class AmountField(serializers.Field[Decimal, Any, str, Any]):
    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, float | bool):
            raise serializers.ValidationError('Send an amount as text, like "84.50": floats are not exact.')
        try:
            found = exact_amount(data)
        except BadAmount as error:
            raise serializers.ValidationError(str(error)) from None
        if isinstance(data, str) and not _AMOUNT.fullmatch(data):
            raise serializers.ValidationError('Send an amount in plain digits, like "84.50".')
        return found

    def to_representation(self, value: Decimal) -> str:
        return f"{value:.2f}"


def not_in_the_future(at: datetime) -> None:
    if at > timezone.now() + FUTURE_TOLERANCE:
        raise serializers.ValidationError("This is in the future. Check the clock and time zone of the sender.")


def not_before_computers(at: datetime) -> None:
    if at.year < 2000:
        raise serializers.ValidationError("This is before the year 2000. Check the date.")


class PlainDict(serializers.DictField):
    """Up to 50 short texts by name."""

    child = serializers.CharField(max_length=200, allow_blank=True, allow_null=True)

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        if len(found) > 50 or any("\x00" in str(name) or len(str(name)) > 100 for name in found):
            raise serializers.ValidationError("Up to 50 entries with names of up to 100 characters.")
        return found


class MessageIn(Strict):
    author = Choice(["customer", "agent", "bot"])
    text = serializers.CharField(max_length=LONGEST_TEXT)
    sent_at = Time(validators=[not_in_the_future, not_before_computers])


class CustomerIn(Strict):
    external_id = serializers.CharField(max_length=100, required=False)
    name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    email = serializers.EmailField(required=False, allow_blank=True)
    tier = Choice(TIERS, required=False, allow_blank=True)
    country = serializers.CharField(max_length=60, required=False, allow_blank=True)
    postcode = serializers.CharField(max_length=20, required=False, allow_blank=True)
    since = serializers.DateField(required=False, allow_null=True)
    as_of = Time(required=False, validators=[not_in_the_future, not_before_computers])


class LineIn(Strict):
    sku = serializers.CharField(max_length=60)
    name = serializers.CharField(max_length=200)
    options = PlainDict(required=False)
    quantity = serializers.IntegerField(min_value=1, max_value=100_000)
    unit_price = AmountField()
    final_sale = Flag(required=False, default=False)


class PaymentIn(Strict):
    kind = Choice(PAYMENT_KINDS)
    method = serializers.CharField(max_length=30)
    amount = AmountField()
    reference = serializers.CharField(max_length=100, required=False, allow_blank=True)
    at = Time(required=False, allow_null=True)


class EventIn(Strict):
    at = Time(validators=[not_in_the_future, not_before_computers])
    kind = serializers.CharField(max_length=30)
    location = serializers.CharField(max_length=100, required=False, allow_blank=True, allow_null=True)
    proof = serializers.CharField(max_length=30, required=False, allow_blank=True, allow_null=True)


class OrderIn(Strict):
    number = serializers.CharField(max_length=60, required=False)
    customer = serializers.CharField(max_length=100)
    status = Choice(ORDER_STATUSES)
    currency = serializers.RegexField(r"^[A-Z]{3}$", error_messages={"invalid": "Three capital letters, like USD."})
    total = AmountField()
    placed_at = Time(validators=[not_in_the_future, not_before_computers])
    promised_at = Time(required=False, allow_null=True, validators=[not_before_computers])
    delivered_at = Time(required=False, allow_null=True, validators=[not_in_the_future, not_before_computers])
    destination = PlainDict(required=False)
    lines = LineIn(many=True, max_length=MOST_LINES)  # type: ignore[call-arg]
    payments = PaymentIn(many=True, required=False, max_length=MOST_LINES)  # type: ignore[call-arg]
    tracking_number = serializers.CharField(max_length=60, required=False, allow_null=True, allow_blank=True)
    events = EventIn(many=True, required=False, max_length=1000)  # type: ignore[call-arg]
    as_of = Time(required=False, validators=[not_in_the_future, not_before_computers])

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Two lines of one SKU at one price are one line of more pieces; at two prices nobody could say which is meant."""
        if any(line["unit_price"] * line["quantity"] >= MOST_MONEY for line in lines):
            raise serializers.ValidationError(f"A line is worth {MOST_MONEY:,} or more.")
        by_sku: dict[str, dict[str, Any]] = {}
        for line in lines:
            first = by_sku.setdefault(line["sku"], line)
            if first is line:
                continue
            if first["unit_price"] != line["unit_price"]:
                raise serializers.ValidationError(f"SKU {line['sku']} stands on two lines with different prices.")
            first["quantity"] += line["quantity"]
            first["final_sale"] = first["final_sale"] or line["final_sale"]
        return list(by_sku.values())


@cache
def reader(shape: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """One for all calls, whose fields are built once: reading leaves nothing behind in it."""
    return shape()


class Named(serializers.CharField):
    """A reference, or all of its `shape`; gives what was sent."""

    shape: ClassVar[type[Strict]]

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        reader(self.shape).run_validation(data)
        return dict(data)


class CustomerSent(CustomerIn):
    """A customer that your system need not have told of yet: shown to people, and nothing that the AI goes by."""

    external_id = serializers.CharField(max_length=100)
    as_of = None  # type: ignore[assignment]


class OrderSent(OrderIn):
    """An order that your system need not have told of yet: shown to people, and nothing that the AI goes by."""

    number = serializers.CharField(max_length=60)
    customer = payments = events = as_of = None  # type: ignore[assignment]

    def get_fields(self) -> dict[str, Any]:
        found = super().get_fields()
        for name, field in found.items():
            field.required = name == "number"
        return found


class NamedCustomer(Named):
    shape = CustomerSent


class NamedOrder(Named):
    shape = OrderSent


class InteractionIn(Strict):
    external_id = serializers.CharField(max_length=90)
    channel = Choice(CHANNELS)
    customer = NamedCustomer(max_length=100, required=False, allow_null=True)
    order = NamedOrder(max_length=60, required=False, allow_null=True)
    subject = serializers.CharField(max_length=300, required=False, allow_blank=True)
    messages = MessageIn(many=True, allow_empty=False, max_length=MOST_MESSAGES)  # type: ignore[call-arg]
    public = Flag(required=False, default=False)
    audience = serializers.IntegerField(min_value=0, max_value=2_000_000_000, required=False, allow_null=True)
    locale = serializers.CharField(max_length=20, required=False, allow_blank=True)
    sender_verified = Flag(required=False, allow_null=True, default=None)


class ActionResultIn(Strict):
    outcome = Choice(["done", "refused"])
    reference = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
    amount = AmountField(required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if data["outcome"] == "refused" and not data["reason"].strip():
            raise serializers.ValidationError({"reason": "Say why it was refused: a person decides what comes next."})
        return data


class BatchIn(Strict):
    interactions = InteractionIn(many=True, allow_empty=False, max_length=500)  # type: ignore[call-arg]


class GivenMoney(Strict):
    amount = AmountField()
    currency = serializers.CharField(min_length=3, max_length=3)


class DryRunIn(Strict):
    """A proposal and the facts that are known; what is left out is unknown."""

    case_type = Choice(CaseType.values)
    action = Choice(Action.values)
    amount = GivenMoney(required=False, allow_null=True)
    discloses_order = Flag(required=False)
    facts = serializers.DictField(
        required=False, help_text='By name: true, 12, "84.50", a choice, a list of them, or null.'
    )


class PauseIn(Strict):
    reason = serializers.CharField(max_length=2000)
    case_type = Choice(CaseType.values, required=False, allow_null=True, allow_blank=True)
    action = Choice(Action.values, required=False, allow_null=True, allow_blank=True)
