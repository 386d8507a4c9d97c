"""The open case: what the page and its htmx partial need, rendered the same way whole or swapped."""

from typing import Any

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from apps.interactions import alike, claiming
from apps.interactions.classification.language import NAMES
from apps.interactions.classification.names import INTENT_LABELS
from apps.interactions.models import DecisionRecord, Escalation
from apps.policies.words import CaseType
from apps.reach import presence
from apps.reach.brief import brief_of, news_since
from apps.reach.filters import DUE, filters_of
from apps.reach.queue import last_decisions, queue_of


def person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the access decorators let nobody else in
    return request.user


def find(request: HttpRequest, escalation_id: int) -> Escalation:
    """An escalation of the person's remit; any other is a 404. One that was taken back leads to the one that waits now."""
    user = person(request)
    rows = (
        claiming.covered_by_remit(user)
        .select_related("interaction__partner", "interaction__customer", "interaction__order", "claimed_by", "partner")
        .annotate(others_alike=alike.others_alike(), also_open_by=presence.others_at(user, timezone.now()))
    )
    found = rows.filter(pk=escalation_id).first()
    if found is None:
        raise Http404("There is no such case in your remit.")
    if found.state == Escalation.State.CANCELLED:
        return rows.waiting().filter(interaction=found.interaction_id).first() or found
    return found


def page(request: HttpRequest, escalation: Escalation | None, **more: Any) -> HttpResponse:
    """The whole of Reach with this case open; none open shows what to do instead."""
    context = {**queue_context(request), **case_context(request, escalation, **more)}
    return render(request, "reach/queue.html", context)


def partial(request: HttpRequest, escalation: Escalation | None, *, status: int = 200, **more: Any) -> HttpResponse:
    """Brief and panel alone, for htmx to swap. After an act the queue and the numbers ask for themselves anew."""
    response = render(request, "reach/_case.html", case_context(request, escalation, **more), status=status)
    if request.headers.get("HX-Request"):
        query = filters_of(request).query
        response["HX-Push-Url"] = (f"/reach/{escalation.pk}/" if escalation else "/reach/") + (
            f"?{query}" if query else ""
        )
        if request.method == "POST":
            response["HX-Trigger"] = "queue-changed"
    return response


def queue_context(request: HttpRequest) -> dict[str, Any]:
    return {
        "queue": queue_of(person(request), filters_of(request)),
        "case_types": CaseType.choices,
        "due_choices": DUE.items(),
        "languages": sorted(NAMES.items(), key=lambda pair: pair[1]),
    }


def case_context(
    request: HttpRequest,
    escalation: Escalation | None,
    *,
    error: str = "",
    typed: dict[str, str] | None = None,
    decided: DecisionRecord | None = None,
    seen_version: int | None = None,
) -> dict[str, Any]:
    now, user = timezone.now(), person(request)
    brief = brief_of(user, escalation, now, typed, seen_version) if escalation is not None else None
    context: dict[str, Any] = {
        "brief": brief,
        "escalation": escalation,
        "error": error,
        "typed": typed or {},
        "wrong_parts": DecisionRecord.WrongPart.choices,
        "intents": INTENT_LABELS.items(),
    }
    if brief is None:
        filters = filters_of(request)
        context["held"] = claiming.held_by(user)
        context["waiting"] = claiming.next_for(user, filters.where(user, now)).count()
        context["narrowed"] = filters.narrowed or filters.show != "all"
        context["news"] = news_since(escalation.interaction, seen_version) if escalation else []
    taken_back = [decided] if decided else last_decisions(user, now)
    return {**context, "decided": taken_back[0] if taken_back else None}
