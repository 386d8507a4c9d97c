"""Many alike on one page: some are read, all are decided by one act, and what was left out is named."""

import uuid

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
            case.person(request), form.versions(), said["label"], read=form.numbers("read"), choice=choice
        )
    except Refused as refusal:
        return _page(request, escalation_id, error=str(refusal), status=409)
    return render(request, "reach/alike_done.html", {"outcome": outcome})


@require_POST
@decides
def undo(request: HttpRequest, joint: uuid.UUID) -> HttpResponse:
    """Take all of a group back that can still be."""
    alike.undo_all(case.person(request), joint)
    return redirect("reach:queue")


def _page(request: HttpRequest, escalation_id: int, *, error: str = "", status: int = 200) -> HttpResponse:
    escalation = case.find(request, escalation_id)
    members = alike.group_of(case.person(request), escalation)
    context = {
        "escalation": escalation,
        "group": members,
        "sample": alike.sample(members),
        "options": members[0].packet.content["options"] if members else [],
        "reasons": ReasonCode.objects.filter(case_type__in=["", escalation.case_type]),
        "wrong_parts": DecisionRecord.WrongPart.choices,
        "error": error,
    }
    return render(request, "reach/alike.html", context, status=status)
