"""The partner API: interactions, and what becomes of their actions. Each view translates and delegates; every row it touches
is the caller's partner's."""

import uuid
from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from apps.interactions import intake, sent_along, settling, submitting
from apps.interactions.api import answers
from apps.interactions.api import serializers as shapes
from apps.interactions.api.endpoint import Endpoint, Listing, caller, one
from apps.interactions.api.filtering import Filter, a_text, a_time, one_of
from apps.interactions.connectors import Outcome
from apps.interactions.models import Interaction, Message, Scope
from apps.interactions.models.interaction import CHANNELS
from apps.policies.errors import Invalid, Refused
from apps.policies.words import CaseType, Handler

MOST_IN_A_BATCH = 500
FOR_WRITERS = ("id", "external_id", "url", "state")  # of an interaction, for a key that may not read
_INTERACTION = answers.InteractionOut()  # one for all calls, whose fields are built once


def interaction_of(request: Request, reference: uuid.UUID) -> Interaction:
    found = Interaction.objects.of(caller(request).partner).filter(reference=reference).first()
    if found is None:
        raise Http404
    return found


class Interactions(Listing):
    """Send one interaction, or list those that were sent. The same `external_id` again is the same interaction (200)."""

    scopes = {"GET": Scope.INTERACTIONS_READ, "POST": Scope.INTERACTIONS_WRITE}
    shape = answers.InteractionOut
    takes = {"POST": shapes.InteractionIn}
    gives = {"POST": {202: answers.InteractionOut, 200: answers.InteractionOut}}
    filters = {
        "state": Filter("state", one_of(Interaction.State.values)),
        "type": Filter("case_type", one_of(CaseType.values)),
        "handler": Filter("handler", one_of(Handler.values)),
        "channel": Filter("channel", one_of(CHANNELS)),
        "customer": Filter("customer__external_id", a_text),
        "order": Filter("order__number", a_text),
        "external_id": Filter("external_id", a_text),
        "received_from": Filter("received_at__gte", a_time),
        "received_before": Filter("received_at__lt", a_time),
    }

    def rows(self, request: Request) -> QuerySet[Interaction]:
        return Interaction.objects.of(caller(request).partner).select_related("customer", "order", "merged_into")

    def post(self, request: Request) -> Response:
        _allowed(request, request.data)
        who = caller(request)
        accepted = submitting.submit_interaction(
            who.partner, request.data, actor=who.actor, vouched=_vouches(request), accept=intake.take
        )
        return Response(_told(request, accepted, request.data), status=202 if accepted.created else 200)


class InteractionBatch(Endpoint):
    """Send up to 500 interactions: one verdict an item; one bad item spoils no other."""

    scopes = {"POST": Scope.INTERACTIONS_WRITE}
    takes = {"POST": shapes.BatchIn}
    gives = {"POST": {207: answers.Verdicts}}

    def post(self, request: Request) -> Response:
        items = items_of(request, "interactions", MOST_IN_A_BATCH)
        allowed = [_why_not(request, item) for item in items]
        who = caller(request)
        taken = iter(submitting.submit_interactions(
            who.partner, [item for item, no in zip(items, allowed, strict=True) if no is None], actor=who.actor,
            vouched=_vouches(request),
        ))  # fmt: skip
        verdicts = [no or next(taken) for no in allowed]
        results = [self._verdict(request, item, verdict) for item, verdict in zip(items, verdicts, strict=True)]
        return Response({"results": results}, status=207)

    def _verdict(self, request: Request, item: Any, verdict: intake.Accepted | Invalid) -> dict[str, Any]:
        if isinstance(verdict, Invalid):
            return refused_item(item, verdict)
        try:
            return {"status": 202 if verdict.created else 200, **_told(request, verdict, item)}
        except Refused as refused:
            return {**refused_item(item, Invalid({"external_id": [str(refused)]})), "status": 409}


def items_of(request: Request, name: str, most: int) -> list[Any]:
    """The list that a batch holds under this name, and nothing else; its items are not looked at. Raises Invalid."""
    data = request.data if isinstance(request.data, dict) else {}
    items = data.get(name)
    errors = {other: ["There is no such field."] for other in sorted(set(data) - {name})}
    if not isinstance(items, list) or not 1 <= len(items) <= most:
        errors[name] = [f"Send a list of 1 to {most} {name}."]
    if errors:
        raise Invalid(errors)
    return list(items or ())


def refused_item(item: Any, error: Invalid) -> dict[str, Any]:
    name = item.get("external_id") if isinstance(item, dict) else None
    return {"status": 422, "external_id": name if isinstance(name, str) else None, "errors": error.errors}


class OneInteraction(Endpoint):
    sparse = True
    scopes = {"GET": Scope.INTERACTIONS_READ}
    gives = {"GET": {200: answers.InteractionDetail}}

    def get(self, request: Request, reference: uuid.UUID) -> Response:
        return one(request, answers.InteractionDetail, interaction_of(request, reference))


class Messages(Endpoint):
    """Somebody wrote more on an interaction."""

    scopes = {"POST": Scope.INTERACTIONS_WRITE}
    takes = {"POST": shapes.MessageIn}
    gives = {"POST": {202: answers.InteractionOut}}

    def post(self, request: Request, reference: uuid.UUID) -> Response:
        interaction = interaction_of(request, reference)
        if interaction.vouched and not _vouches(request):
            raise Http404  # a key of a public page adds to what came from one, and to nothing else
        _allowed(request, {"messages": [request.data]})
        words = intake.Words(**submitting.checked(shapes.MessageIn, request.data), received_at=timezone.now())
        case = intake.add_message(interaction, words, actor=caller(request).actor, vouched=_vouches(request))
        told = case if Scope.INTERACTIONS_READ in caller(request).key.scopes else interaction
        return Response(_told(request, intake.Accepted(told, created=True), None), status=202)


class ActionResult(Endpoint):
    """What became of an action. The same answer again is fine; another answer is refused."""

    scopes = {"POST": Scope.ACTIONS_RESULT}
    takes = {"POST": shapes.ActionResultIn}
    gives = {"POST": {200: answers.ActionOut}}

    def post(self, request: Request, key: uuid.UUID) -> Response:
        found = submitting.checked(shapes.ActionResultIn, request.data)
        outcome = Outcome(found["outcome"], reference=found["reference"], reason=found["reason"])
        effect = settling.settle_by_key(
            caller(request).partner, key, outcome, amount=found.get("amount"), actor=caller(request).actor
        )
        if effect is None:
            raise Http404
        return Response(answers.ActionOut({"key": effect.key, "state": effect.state}).data)


def _allowed(request: Request, data: Any) -> None:
    if (no := _why_not(request, data)) is not None:
        raise no


def _vouches(request: Request) -> bool:
    return Scope.SENDERS_VOUCH in caller(request).key.scopes


def _why_not(request: Request, data: Any) -> Invalid | None:
    """A chat widget's key stands on a public page: it cannot speak for the staff, nor vouch for whoever types there."""
    scopes = caller(request).key.scopes
    if not isinstance(data, dict):
        return None
    errors: dict[str, list[str]] = {}
    if Scope.SENDERS_VOUCH not in scopes:
        lacks = f"This key may not say so; it lacks {Scope.SENDERS_VOUCH}."
        errors |= {name: [lacks] for name in ("order", "public", "audience") if data.get(name)}
        errors |= {"customer": [lacks]} if isinstance(data.get("customer"), dict) else {}
        errors |= {"sender_verified": [lacks]} if data.get("sender_verified") else {}
    messages = data.get("messages")
    for index, message in enumerate(messages if isinstance(messages, list) else []):
        if Scope.AGENT_WRITE not in scopes and isinstance(message, dict) and message.get("author") in ("agent", "bot"):
            said = f"This key may only send customers' words; it lacks {Scope.AGENT_WRITE}."
            errors[f"messages[{index}].author"] = [said]
    return Invalid(errors) if errors else None


def _told(request: Request, accepted: intake.Accepted, sent: Any) -> dict[str, Any]:
    """The interaction as the key may see it. Raises Refused where another one has this id: nothing that was sent is dropped
    as if it were known, and who may not read and only guesses an id learns nothing."""
    row = accepted.interaction
    may_read = Scope.INTERACTIONS_READ in caller(request).key.scopes
    if not accepted.created and not (row.vouched == _vouches(request) and _is_what_was_sent(row, sent)):
        add = f"Add to it by POST …/interactions/{row.reference}/messages/, or choose" if may_read else "Choose"
        raise Refused(f"Another interaction was sent under this id. {add} another id, one that nobody can guess.")
    if may_read:
        return dict(_INTERACTION.to_representation(row))
    return {name: value for name, value in _INTERACTION.to_representation(row).items() if name in FOR_WRITERS}


def _is_what_was_sent(row: Interaction, sent: dict[str, Any]) -> bool:
    """Whether all that is said of it is the same, and every message there, with those that came since."""
    kept = Message.objects.filter(Q(interaction=row) | Q(arrived_as=row)).values_list("author", "text")
    told = {(message["author"], message["text"].strip()) for message in sent["messages"]}
    along = {kind: sent_along.reference(kind, one) for kind, one in row.sent_along.items()}
    orders = [*row.order_candidates, along.get("order"), row.order.number if row.order else None]
    was = {
        name: getattr(row, name) for name in ("channel", "subject", "locale", "public", "audience", "sender_verified")
    }
    if row.vouched:  # whether there is a customer is not told to others
        was["customer"] = row.customer.external_id if row.customer else along.get("customer")
    named = {kind: sent_along.reference(kind, sent[kind]) for kind in ("customer", "order") if sent.get(kind)}
    said = {name: value for name, value in {**sent, **named}.items() if name in was and value is not None}
    return (
        told <= set(kept)
        and named.get("order") in (None, *orders)
        and all(
            row.sent_along.get(kind) == sent_along.kept(kind, sent[kind])
            for kind in named
            if isinstance(sent[kind], dict)
        )
        and all(was[name] == (one.strip() if isinstance(one, str) else one) for name, one in said.items())
    )
