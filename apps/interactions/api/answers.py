"""What the API gives: the shapes of its answers. Money is text with two decimals, times are ISO 8601 with offset."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.interactions.api.serializers import AmountField
from apps.interactions.models import Article, Customer, DecisionRecord, Effect, Interaction, Order, Outcome, Product
from apps.interactions.models.interaction import CHANNELS
from apps.interactions.models.mirror import PAYMENT_KINDS
from apps.policies.facts import ORDER_STATUSES, TIERS
from apps.policies.models import Ruling
from apps.policies.words import Action, CaseType, Handler, Seniority


class MoneyOut(serializers.Serializer[Any]):
    amount = AmountField()
    currency = serializers.CharField()


def money(amount: Any, currency: str) -> dict[str, str] | None:
    return None if amount is None else {"amount": f"{amount:.2f}", "currency": currency}


class InteractionOut(serializers.ModelSerializer[Interaction]):
    id = serializers.UUIDField(source="reference", read_only=True)
    url = serializers.SerializerMethodField()
    channel = serializers.ChoiceField(CHANNELS, read_only=True)
    customer = serializers.CharField(source="customer.external_id", allow_null=True, default=None, read_only=True)
    order = serializers.CharField(source="order.number", allow_null=True, default=None, read_only=True)
    type = serializers.CharField(source="case_type", read_only=True, help_text="Empty until it was read.")
    intents = serializers.ListField(read_only=True, help_text="Pairs of an intent and its probability.")
    confidence = serializers.FloatField(read_only=True, allow_null=True)
    handler = serializers.ChoiceField([*Handler.values, ""], read_only=True, help_text="Empty until it was ruled.")
    merged_into = serializers.UUIDField(source="merged_into.reference", allow_null=True, default=None, read_only=True)

    class Meta:
        model = Interaction
        fields = [
            "id", "external_id", "url", "state", "channel", "customer", "order", "type", "intents", "confidence",
            "handler", "received_at", "resolved_at", "reopened", "merged_into",
        ]  # fmt: skip
        read_only_fields = fields

    def get_url(self, row: Interaction) -> str:
        return f"/api/v1/interactions/{row.reference}/"


class EffectOut(serializers.Serializer[Any]):
    key = serializers.UUIDField()
    action = serializers.ChoiceField(Action.values)
    state = serializers.ChoiceField(Effect.State.values)
    amount = MoneyOut(allow_null=True)


class DecisionBrief(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.CharField()
    by = serializers.ChoiceField(["ai", "person"])
    action = serializers.ChoiceField(Action.values)
    amount = MoneyOut(allow_null=True)
    effects = EffectOut(many=True)


class MessageOut(serializers.Serializer[Any]):
    author = serializers.ChoiceField(["customer", "agent", "bot", "ai"])
    text = serializers.CharField()
    sent_at = serializers.DateTimeField()
    holding = serializers.BooleanField(help_text="It says who will answer, and decides nothing.")


class InteractionDetail(InteractionOut):
    """One interaction with its rule, decision, effects, messages and the reply that left."""

    rule = serializers.CharField(source="ruling.rule", allow_null=True, default=None, read_only=True)
    decision = serializers.SerializerMethodField()
    messages = MessageOut(many=True, read_only=True)
    reply = serializers.SerializerMethodField()

    class Meta(InteractionOut.Meta):
        fields = [*InteractionOut.Meta.fields, "rule", "decision", "messages", "reply", "sent_along"]
        read_only_fields = fields

    @extend_schema_field(DecisionBrief(allow_null=True))
    def get_decision(self, row: Interaction) -> Any:
        decision = row.decisions.exclude(state__in=["withdrawn", "voided", "rejected"]).first()
        if decision is None:
            return None
        return DecisionBrief(decision_as_values(decision)).data

    def get_reply(self, row: Interaction) -> str | None:
        last = row.messages.filter(author__in=["ai", "agent"], holding=False).last()
        return last.text if last else None


def decision_as_values(decision: DecisionRecord) -> dict[str, Any]:
    return {
        "id": decision.reference, "state": decision.state, "by": "person" if decision.decided_by_id else "ai",
        "action": decision.action, "amount": money(decision.amount, decision.currency),
        "effects": [
            {"key": effect.key, "action": effect.action, "state": effect.state,
             "amount": money(effect.amount, effect.currency)}
            for effect in decision.effects.all()
        ],
    }  # fmt: skip


class DecisionOut(serializers.ModelSerializer[DecisionRecord]):
    """Who decided what, on which packet, under which authority, why. People are named by a number, not by name."""

    id = serializers.UUIDField(source="reference", read_only=True)
    interaction = serializers.UUIDField(source="interaction.reference", read_only=True)
    by = serializers.SerializerMethodField(help_text="“ai”, or “person” with the number they have here.")
    second_by = serializers.SerializerMethodField()
    amount = serializers.SerializerMethodField()
    ruling = serializers.IntegerField(source="ruling_id", read_only=True)
    rule = serializers.CharField(source="ruling.rule", read_only=True)
    content_hash = serializers.CharField(
        source="ruling.content_hash", read_only=True, help_text="Of the policy that ruled."
    )
    packet_version = serializers.IntegerField(source="packet.version", allow_null=True, default=None, read_only=True)
    packet_hash = serializers.CharField(source="packet.content_hash", allow_null=True, default=None, read_only=True)
    sealed = serializers.SerializerMethodField(help_text="Nothing of the packet can change any more.")
    effects = serializers.SerializerMethodField()

    class Meta:
        model = DecisionRecord
        fields = [
            "id", "interaction", "state", "how", "by", "second_by", "action", "amount", "lines", "reply", "reason_code",
            "rationale", "seconds", "decided_at", "committed_at", "ended_because", "ruling", "rule", "content_hash",
            "packet_version", "packet_hash", "sealed", "effects",
        ]  # fmt: skip
        read_only_fields = fields

    def get_by(self, row: DecisionRecord) -> str:
        return f"person {row.decided_by_id}" if row.decided_by_id else "ai"

    def get_second_by(self, row: DecisionRecord) -> str | None:
        return f"person {row.second_by_id}" if row.second_by_id else None

    @extend_schema_field(MoneyOut(allow_null=True))
    def get_amount(self, row: DecisionRecord) -> Any:
        return money(row.amount, row.currency)

    def get_sealed(self, row: DecisionRecord) -> bool:
        return row.packet is not None and row.packet.state == "sealed"

    @extend_schema_field(EffectOut(many=True))
    def get_effects(self, row: DecisionRecord) -> Any:
        return EffectOut(decision_as_values(row)["effects"], many=True).data


class RulingOut(serializers.ModelSerializer[Ruling]):
    interaction = serializers.CharField(source="subject", read_only=True)
    handler = serializers.ChoiceField(Handler.values, read_only=True, help_text="Who handles it in the end.")
    gate_handler = serializers.ChoiceField(Handler.values, read_only=True, help_text="What the boundary alone said.")
    seniority = serializers.ChoiceField(Seniority.values, read_only=True)
    case_type = serializers.ChoiceField(CaseType.values, read_only=True)
    action = serializers.ChoiceField(Action.values, read_only=True)
    confidence = serializers.FloatField(read_only=True)
    version = serializers.IntegerField(source="version.number", allow_null=True, default=None, read_only=True)
    downgrades = serializers.ListField(
        read_only=True, help_text="What took the AI's authority away: question, code, why."
    )

    class Meta:
        model = Ruling
        fields = [
            "id", "at", "interaction", "case_type", "action", "proposal", "confidence", "facts", "handler", "gate_handler",
            "seniority", "rule", "refused_by", "downgrades", "version", "content_hash", "terms_number", "made_with",
        ]  # fmt: skip
        read_only_fields = fields


class CustomerOut(serializers.ModelSerializer[Customer]):
    email = serializers.CharField(read_only=True, help_text="Empty: not known.")
    tier = serializers.ChoiceField([*TIERS, ""], read_only=True, help_text="Empty: not known.")

    class Meta:
        model = Customer
        fields = ["external_id", "name", "email", "tier", "country", "postcode", "since", "as_of"]
        read_only_fields = fields


class LineOut(serializers.Serializer[Any]):
    sku = serializers.CharField()
    name = serializers.CharField()
    options = serializers.DictField()
    quantity = serializers.IntegerField()
    unit_price = AmountField()
    final_sale = serializers.BooleanField()


class PaymentOut(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(PAYMENT_KINDS)
    method = serializers.CharField()
    amount = AmountField()
    reference = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)


class OrderEventOut(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    location = serializers.CharField(allow_null=True)
    proof = serializers.CharField(allow_null=True)


class OrderOut(serializers.ModelSerializer[Order]):
    customer = serializers.CharField(source="customer.external_id", read_only=True)
    status = serializers.ChoiceField(ORDER_STATUSES, read_only=True)
    total = AmountField(read_only=True)
    refundable = AmountField(source="refundable.amount", read_only=True, help_text="What is left; not for PUT.")
    destination = serializers.DictField(read_only=True)
    lines = LineOut(many=True, read_only=True)
    payments = PaymentOut(many=True, read_only=True)
    events = OrderEventOut(many=True, read_only=True)

    class Meta:
        model = Order
        fields = [
            "number", "customer", "status", "currency", "total", "refundable", "placed_at", "promised_at", "delivered_at",
            "destination", "tracking_number", "as_of", "lines", "payments", "events",
        ]  # fmt: skip
        read_only_fields = fields


class ProductOut(serializers.ModelSerializer[Product]):
    price = AmountField(read_only=True)

    class Meta:
        model = Product
        fields = ["sku", "name", "category", "price", "currency", "in_stock", "description", "as_of"]
        read_only_fields = fields


class ArticleOut(serializers.ModelSerializer[Article]):
    passages = serializers.SerializerMethodField(help_text="Into how many it was cut, to be found by.")

    class Meta:
        model = Article
        fields = ["slug", "title", "body", "published", "as_of", "passages"]
        read_only_fields = fields

    def get_passages(self, row: Article) -> int:
        return row.passages.count()


class OutcomeOut(serializers.ModelSerializer[Outcome]):
    class Meta:
        model = Outcome
        fields = ["kind", "score", "reference", "at", "reported_at"]
        read_only_fields = fields


class ActionOut(serializers.Serializer[Any]):
    key = serializers.UUIDField()
    state = serializers.CharField()


class PauseOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    case_type = serializers.ChoiceField(CaseType.values, allow_null=True)
    action = serializers.ChoiceField(Action.values, allow_null=True)
    every_brand = serializers.BooleanField()
    reason = serializers.CharField()
    paused_at = serializers.DateTimeField()


class PausesOut(serializers.Serializer[Any]):
    results = PauseOut(many=True)


class CustomerEventsOut(serializers.Serializer[Any]):
    customer = serializers.CharField()
    events = serializers.IntegerField(help_text="How many were sent.")


class DryRunOut(serializers.Serializer[Any]):
    version = serializers.IntegerField(allow_null=True)
    content_hash = serializers.CharField(required=False)
    handler = serializers.ChoiceField(Handler.values)
    seniority = serializers.ChoiceField(Seniority.values, required=False)
    rule = serializers.CharField(allow_null=True)
    due_minutes = serializers.IntegerField(allow_null=True, required=False)
    refused_by = serializers.CharField(allow_null=True)
    trace = serializers.ListField(help_text="Each step in words.")


class Verdict(serializers.Serializer[Any]):
    """Of one item of a batch: its status, and what it would have been answered by itself."""

    status = serializers.IntegerField()
    external_id = serializers.CharField(allow_null=True)
    errors = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False)  # type: ignore[assignment]


class Verdicts(serializers.Serializer[Any]):
    results = Verdict(many=True)
