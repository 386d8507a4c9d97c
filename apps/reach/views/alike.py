"""Many alike on one page: some are read, all are decided by one act, and what was left out is named."""

import uuid

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from apps.interactions import alike
from apps.interactions.choosing import Choice
from apps.interactions.models import DecisionRecord, ReasonCode
from apps.policies.errors import Refused
from apps.reach.access import decides
from apps.reach.forms import AlikeForm, first_error
from apps.reach.views import case


@require_GET
@decides
def group(request: HttpRequest, escalation_id: int) -> HttpResponse:
    """The cases that are alike to one, with those drawn to be read first."""
    return _page(request, escalation_id)


@require_POST
@decides
def decide(request: HttpRequest, escalation_id: int) -> HttpResponse:
    """Decide those that are chosen. Nothing is decided when something is missing; then the page says what."""
    form = AlikeForm(request.POST)
    try:
        if not form.is_valid():
            raise Refused(first_error(form))
        said = form.cleaned_data
        choice = Choice(
            0, None, reason_code=said["reason_code"], rationale=said["rationale"], wrong_part=said["wrong_part"],
            unlike=said["unlike"],
        )  # fmt: skip
        outcome = alike.decide_all(
            case.person(request), case.find(request, escalation_id), form.versions(), said["label"],
            drawn=_drawn(request), read=form.numbers("read"), choice=choice,
        )  # fmt: skip
    except Refused as refusal:
        return _page(request, escalation_id, error=str(refusal), status=409)
    return render(request, "reach/alike_done.html", {"outcome": outcome})


@require_POST
@decides
def undo(request: HttpRequest, joint: uuid.UUID) -> HttpResponse:
    """Take all of a group back that can still be."""
    alike.undo_all(case.person(request), joint)
    return redirect("reach:queue")


def _drawn(request: HttpRequest) -> list[int]:
    """The cases that were drawn for this person to read: the page carries them signed. Empty: none that we drew."""
    try:
        found: list[int] = signing.loads(request.POST.get("drawn", ""), salt=f"alike {case.person(request).pk}")
    except signing.BadSignature:
        return []
    return found


def _page(request: HttpRequest, escalation_id: int, *, error: str = "", status: int = 200) -> HttpResponse:
    escalation = case.find(request, escalation_id)
    members = alike.group_of(case.person(request), escalation)
    drawn = _drawn(request)
    sample = [one for one in members if one.escalation.pk in drawn] or alike.sample(members)
    signed = signing.dumps([one.escalation.pk for one in sample], salt=f"alike {case.person(request).pk}")
    context = {
        "drawn": signed,
        "escalation": escalation,
        "group": members,
        "sample": sample,
        "options": members[0].packet.content["options"] if members else [],
        "reasons": ReasonCode.objects.filter(case_type__in=["", escalation.case_type]),
        "wrong_parts": DecisionRecord.WrongPart.choices,
        "error": error,
    }
    return render(request, "reach/alike.html", context, status=status)
