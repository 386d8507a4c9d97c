"""Notices: what people on duty have to know now, who is there, and the act of seeing to it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from apps.interactions import duty, notifying
from apps.interactions.models import Notice, Shift
from apps.policies.errors import Refused
from apps.policies.models import partners_of
from apps.reach.access import acts_on_cases, sees_queue
from apps.reach.views.case import person


@require_GET
@sees_queue
def notices(request: HttpRequest) -> HttpResponse:
    return _page(request)


@require_POST
@acts_on_cases
def acknowledge(request: HttpRequest, notice_id: int) -> HttpResponse:
    try:
        notifying.acknowledge(person(request), notice_id, timezone.now())
    except Refused as refusal:
        return _page(request, error=str(refusal), status=409)
    return redirect("reach:notices")


def _page(request: HttpRequest, *, error: str = "", status: int = 200) -> HttpResponse:
    user, now = person(request), timezone.now()
    seen_to = Notice.objects.filter(acknowledged_at__isnull=False, partner__in=partners_of(user))
    context = {
        "error": error,
        "open": notifying.open_for(user),
        "seen_to": seen_to.select_related("acknowledged_by", "partner")[:20],
        "on_shift": duty.present(Shift.Kind.ON, now),
        "on_call": duty.present(Shift.Kind.ON_CALL, now),
        "upcoming": Shift.objects.filter(ends_at__gt=now).select_related("user")[:20],
        "now": now,
    }
    return render(request, "reach/notices.html", context, status=status)
