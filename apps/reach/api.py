"""Reach by API, for tools that supervisors make for themselves: a person's own token may what the person may on the screen.

What is decided goes through the very functions of the pages. A blind case shows no proposal until it is judged.
"""

import uuid
from typing import Any

from django.contrib.auth.models import User
from django.http import Http404
from django.urls import path
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.interactions import blind, claiming, deciding, submitting
from apps.interactions.api.authentication import UserTokenAuthentication
from apps.interactions.api.endpoint import Described
from apps.interactions.api.serializers import Strict
from apps.interactions.choosing import Choice
from apps.interactions.models import DecisionRecord, Escalation, Note
from apps.policies.errors import Refused

MOST_SHOWN = 60


class MayDecide(BasePermission):
    message = "This person may not decide cases."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, User) and request.user.has_perm("interactions.decide_escalation")


class PersonEndpoint(Described):
    authentication_classes = (UserTokenAuthentication,)
    permission_classes = (MayDecide,)


class WaitingOut(serializers.Serializer[Any]):
    """A case that waits."""

    id = serializers.IntegerField()
    interaction = serializers.UUIDField()
    brand = serializers.CharField()
    type = serializers.CharField()
    question = serializers.CharField()
    due_at = serializers.DateTimeField(allow_null=True)
    flagged = serializers.BooleanField()
    blind = serializers.BooleanField()
    claimed_by = serializers.CharField(allow_null=True)


class QueueOut(serializers.Serializer[Any]):
    """`waiting` counts all of them."""

    waiting = serializers.IntegerField()
    results = WaitingOut(many=True)


class CaseOut(WaitingOut):
    """A case that is held. `packet` is the context packet; of a blind case its neutral part."""

    lease_token = serializers.UUIDField()
    packet_version = serializers.IntegerField()
    packet = serializers.DictField()


class HoldIn(Strict):
    lease_token = serializers.UUIDField()


class ApproveIn(HoldIn):
    packet_version = serializers.IntegerField(min_value=1)
    rationale = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    reason_code = serializers.CharField(max_length=40, required=False, allow_blank=True)
    unlike = serializers.CharField(max_length=2000, required=False, allow_blank=True)


class ModifyIn(ApproveIn):
    amount = serializers.CharField(max_length=20, required=False)
    reply = serializers.CharField(max_length=20_000, required=False)
    wrong_part = serializers.ChoiceField(DecisionRecord.WrongPart.values, required=False)


class OverrideIn(ModifyIn):
    option = serializers.IntegerField(min_value=1, max_value=50, help_text="Its place in the packet's options.")


class JudgeIn(HoldIn):
    packet_version = serializers.IntegerField(min_value=1)
    place = serializers.IntegerField(min_value=0, max_value=50, help_text="Of the option, in the order that was shown.")
    amount = serializers.CharField(max_length=20, required=False, allow_blank=True, default="")
    rationale = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class NoteIn(Strict):
    text = serializers.CharField(max_length=2000)


class DecidedOut(serializers.Serializer[Any]):
    """`proposed`: a second person has to agree. Until `commit_at` it can be taken back in Reach."""

    id = serializers.UUIDField()
    state = serializers.CharField()
    commit_at = serializers.DateTimeField(allow_null=True)


class NotedOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()


def _person(request: Request) -> User:
    assert isinstance(request.user, User)
    return request.user


def _find(request: Request, escalation_id: int) -> Escalation:
    rows = claiming.covered_by_remit(_person(request)).select_related("interaction", "partner", "claimed_by")
    found = rows.filter(pk=escalation_id).first()
    if found is None:
        raise Http404
    return found


def _line(row: Escalation) -> dict[str, Any]:
    hidden = blind.is_blind(row)
    order = row.interaction.order.number if row.interaction.order else None
    return {
        "id": row.pk, "interaction": row.interaction.reference, "brand": row.partner.slug, "type": row.interaction.case_type,
        "question": blind.headline(row.interaction.case_type, order) if hidden else row.headline,
        "due_at": row.due_at, "flagged": row.flagged, "blind": hidden,
        "claimed_by": row.claimed_by.get_username() if row.claimed_by else None,
    }  # fmt: skip


def _case(row: Escalation) -> dict[str, Any]:
    packet = row.interaction.packets.exclude(state="gathering").first()
    assert packet is not None
    content = blind.view(packet.content) if blind.is_blind(row) else packet.content
    more = {"lease_token": row.lease_token, "packet_version": packet.version, "packet": content}
    return CaseOut({**_line(row), **more}).data


class Queue(PersonEndpoint):
    """What waits for this person, the most urgent first; at most 60."""

    scopes = {"GET": "decides"}
    gives = {"GET": {200: QueueOut}}

    def get(self, request: Request) -> Response:
        waiting = claiming.covered_by_remit(_person(request)).waiting().most_urgent()
        rows = waiting.select_related("interaction__order", "partner", "claimed_by")[:MOST_SHOWN]
        return Response(QueueOut({"waiting": waiting.count(), "results": [_line(row) for row in rows]}).data)


class Next(PersonEndpoint):
    """Take the most urgent case; the one that is held already comes first. 204: none waits."""

    scopes = {"POST": "decides"}
    gives = {"POST": {200: CaseOut, 204: None}}

    def post(self, request: Request) -> Response:
        user = _person(request)
        held = claiming.held_by(user) or claiming.take_next(user)
        return Response(_case(_find(request, held.pk))) if held else Response(status=204)


class Act(PersonEndpoint):
    """Something done to a case that is held."""

    scopes = {"POST": "decides"}

    def decide(self, request: Request, escalation_id: int, shape: type[Strict], **option: Any) -> Response:
        _find(request, escalation_id)
        said = submitting.checked(shape, request.data)
        decision = deciding.decide(_person(request), escalation_id, Choice(**{**option, **said}))
        told = {"id": decision.reference, "state": decision.state, "commit_at": decision.commit_at}
        return Response(DecidedOut(told).data, status=201)


class Approve(Act):
    """Decide as proposed."""

    takes = {"POST": ApproveIn}
    gives = {"POST": {201: DecidedOut}}

    def post(self, request: Request, escalation_id: int) -> Response:
        return self.decide(request, escalation_id, ApproveIn, option=0)


class Modify(Act):
    """Decide as proposed, with another amount or another reply."""

    takes = {"POST": ModifyIn}
    gives = {"POST": {201: DecidedOut}}

    def post(self, request: Request, escalation_id: int) -> Response:
        _find(request, escalation_id)
        if not {"amount", "reply"} & set(request.data if isinstance(request.data, dict) else ()):
            raise Refused("Send another amount or another reply; to decide as proposed, approve.")
        return self.decide(request, escalation_id, ModifyIn, option=0)


class Override(Act):
    """Decide otherwise than proposed, with a reason."""

    takes = {"POST": OverrideIn}
    gives = {"POST": {201: DecidedOut}}

    def post(self, request: Request, escalation_id: int) -> Response:
        return self.decide(request, escalation_id, OverrideIn)


class Judge(Act):
    """Say what you would do in a blind case; the proposal is in the answer, and then it is decided."""

    takes = {"POST": JudgeIn}
    gives = {"POST": {200: CaseOut}}

    def post(self, request: Request, escalation_id: int) -> Response:
        _find(request, escalation_id)
        said = submitting.checked(JudgeIn, request.data)
        blind.judge(
            _person(request), escalation_id, said["lease_token"], said["packet_version"],
            place=said["place"], amount=said["amount"], rationale=said["rationale"],
        )  # fmt: skip
        return Response(_case(_find(request, escalation_id)))


class Annotate(Act):
    """Leave a note on a case, for whoever has it."""

    takes = {"POST": NoteIn}
    gives = {"POST": {201: NotedOut}}

    def post(self, request: Request, escalation_id: int) -> Response:
        row, said = _find(request, escalation_id), submitting.checked(NoteIn, request.data)
        made = Note.objects.create(interaction=row.interaction, by=_person(request), text=said["text"].strip())
        return Response(NotedOut({"id": made.pk}).data, status=201)


class Release(Act):
    """Back in the queue, for anybody."""

    takes = {"POST": HoldIn}
    gives = {"POST": {204: None}}

    def post(self, request: Request, escalation_id: int) -> Response:
        _find(request, escalation_id)
        token: uuid.UUID = submitting.checked(HoldIn, request.data)["lease_token"]
        claiming.release(_person(request), escalation_id, token)
        return Response(status=204)


app_name = "reach-api"
urlpatterns = [
    path("queue/", Queue.as_view(), name="reach-queue"),
    path("queue/next/", Next.as_view(), name="reach-next"),
    *(
        path(f"escalations/<int:escalation_id>/{name}/", view.as_view(), name=f"reach-{name}")
        for name, view in (
            ("approve", Approve), ("modify", Modify), ("override", Override), ("judge", Judge), ("annotate", Annotate),
            ("release", Release),
        )
    ),
]  # fmt: skip
