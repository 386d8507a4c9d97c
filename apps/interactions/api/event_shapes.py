"""The shapes of events, for the API's description: what a webhook is sent, `{type, timestamp, sequence, sandbox, data}`."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, OpenApiWebhook, extend_schema, inline_serializer
from rest_framework import serializers

from apps.interactions.models.webhook import TEST, EventKind

Data = serializers.Serializer[Any]


class CaseData(Data):
    id = serializers.UUIDField(help_text="Ours.")
    external_id = serializers.CharField(help_text="Yours.")
    state = serializers.CharField()
    type = serializers.CharField(allow_blank=True)
    handler = serializers.CharField(allow_blank=True)


class MergedInto(Data):
    id = serializers.UUIDField()
    external_id = serializers.CharField()


class MergedData(CaseData):
    merged_into = MergedInto(help_text="The open case on the same matter: what comes of it is told under its ids.")


class ReplyData(CaseData):
    channel = serializers.CharField()
    text = serializers.CharField()
    holding = serializers.BooleanField(help_text="Only says that an answer will come.")
    by = serializers.ChoiceField(choices=["ai", "agent"])
    deliver_until = serializers.DateTimeField(allow_null=True, help_text="As the channel allows; null: always.")


class MoneyData(Data):
    amount = serializers.CharField()
    currency = serializers.CharField()


class LineData(Data):
    sku = serializers.CharField()
    quantity = serializers.IntegerField(
        allow_null=True, help_text="As ordered; null: the order has no such line any more."
    )


class ActionData(CaseData):
    key = serializers.UUIDField(help_text="Name it when you answer: POST actions/{key}/result/.")
    action = serializers.CharField()
    amount = MoneyData(allow_null=True)
    lines = LineData(many=True)
    order = serializers.CharField(allow_null=True)
    deadline = serializers.DateTimeField(
        allow_null=True, help_text="Without a result until then a person looks into it."
    )


class DoneData(ActionData):
    reference = serializers.CharField(allow_blank=True, help_text="What your shop calls it.")


class BoundaryData(Data):
    boundary = serializers.CharField()
    version = serializers.IntegerField()
    content_hash = serializers.CharField()


class TestData(Data):
    endpoint = serializers.UUIDField()
    hello = serializers.CharField()


SHAPES: dict[str, type[Data]] = {
    EventKind.RESOLVED: CaseData,
    EventKind.ESCALATED: CaseData,
    EventKind.MERGED: MergedData,
    EventKind.REPLY: ReplyData,
    EventKind.REQUESTED: ActionData,
    EventKind.EXECUTED: DoneData,
    EventKind.BOUNDARY: BoundaryData,
    TEST: TestData,
}


def _webhook(kind: str, data: type[Data]) -> OpenApiWebhook:
    fields: dict[str, Any] = {
        "type": serializers.ChoiceField(choices=[kind]),
        "timestamp": serializers.DateTimeField(),
        "sequence": serializers.IntegerField(allow_null=True, help_text="Counts the events of one case."),
        "sandbox": serializers.BooleanField(help_text="Of a sandbox: nothing of it is to be carried out."),
        "data": data(),
    }
    name = "".join(part.title() for part in kind.replace(".", " ").split())
    said = extend_schema(
        request=inline_serializer(f"{name}Event", fields),
        description=dict(EventKind.choices).get(kind, "Asked for by the test button."),
        responses={"2XX": OpenApiResponse(description="You heard it. Anything else is tried again.")},
        tags=["Webhooks"],
    )
    return OpenApiWebhook(name=kind, decorator=said)


WEBHOOKS = [_webhook(str(kind), data) for kind, data in SHAPES.items()]
