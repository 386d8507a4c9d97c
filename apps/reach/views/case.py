"""The open case: what the page and its htmx partial need, rendered the same way whole or swapped."""

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from apps.interactions.models import DecisionRecord, Escalation
from apps.reach.brief import brief_of
from apps.reach.queue import last_decisions, queue_of


def person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the access decorators let nobody else in
    return request.user


def page(request: HttpRequest, escalation: Escalation | None, **more: Any) -> HttpResponse:
    """The whole of Reach with this case open; none open shows what to do instead."""
    context = {**queue_context(request), **case_context(request, escalation, **more)}
    return render(request, "reach/queue.html", context)


def partial(request: HttpRequest, escalation: Escalation | None, *, status: int = 200, **more: Any) -> HttpResponse:
    """Brief and panel alone, with queue and header numbers beside them, for htmx to swap."""
    context = {**queue_context(request), **case_context(request, escalation, **more), "swap": True}
    response = render(request, "reach/_case.html", context, status=status)
    if request.headers.get("HX-Request"):
        response["HX-Push-Url"] = f"/reach/{escalation.pk}/" if escalation else "/reach/"
    return response


def queue_context(request: HttpRequest) -> dict[str, Any]:
    chosen = request.GET.get("filter") or request.POST.get("filter") or "all"
    return {"queue": queue_of(person(request), chosen), "now": timezone.now()}


def case_context(
    request: HttpRequest,
    escalation: Escalation | None,
    *,
    error: str = "",
    typed: dict[str, str] | None = None,
    decided: DecisionRecord | None = None,
) -> dict[str, Any]:
    now = timezone.now()
    user = person(request)
    brief = brief_of(user, escalation, now, typed) if escalation is not None else None
    taken_back = last_decisions(user, now)
    return {
        "brief": brief,
        "escalation": escalation,
        "error": error,
        "typed": typed or {},
        "decided": decided or (taken_back[0] if taken_back else None),
    }
