"""The audit desk: cases judged without seeing what was done, one after the other, by the same keys as Reach."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from apps.interactions import blind
from apps.interactions.classification.names import INTENT_LABELS
from apps.interactions.models import DecisionRecord
from apps.learning import audits
from apps.learning.models import CaseAudit
from apps.policies.errors import Refused
from apps.reach.access import judges_audits, sees_audits
from apps.reach.forms import AuditForm, ReviewForm, first_error
from apps.reach.views.case import person

Act = Callable[[HttpRequest, int], HttpResponse]


@require_GET
@sees_audits
def desk(request: HttpRequest) -> HttpResponse:
    """What waits, what was found, and the audit that is open, if any."""
    return render(request, "reach/audits.html", _context(request, audits.held_by(person(request))))


def says_why(act: Act) -> Act:
    """A refusal comes back as the same audit with the sentence on top."""

    @wraps(act)
    def answer(request: HttpRequest, audit_id: int) -> HttpResponse:
        try:
            return act(request, audit_id)
        except Refused as refusal:
            return _partial(request, audits.held_by(person(request)), error=str(refusal), status=409)

    return answer


@require_POST
@judges_audits
def take_next(request: HttpRequest) -> HttpResponse:
    user = person(request)
    return _partial(request, audits.held_by(user) or audits.take_next(user))


@require_POST
@judges_audits
@says_why
def judge(request: HttpRequest, audit_id: int) -> HttpResponse:
    form = AuditForm(request.POST)
    if not form.is_valid():
        raise Refused(first_error(form))
    said = form.cleaned_data
    row = audits.judge(
        person(request), audit_id, place=said["place"], amount=said["amount"], rationale=said["rationale"]
    )
    return _partial(request, row)


@require_POST
@judges_audits
@says_why
def review(request: HttpRequest, audit_id: int) -> HttpResponse:
    form = ReviewForm(request.POST)
    if not form.is_valid():
        raise Refused(first_error(form))
    said = form.cleaned_data
    audits.review(
        person(request),
        audit_id,
        verdict=said["verdict"],
        wrong_part=said["wrong_part"],
        words=said["words"],
        asked_for=said["asked_for"],
    )
    return _partial(request, audits.take_next(person(request)))


@require_POST
@judges_audits
@says_why
def skip(request: HttpRequest, audit_id: int) -> HttpResponse:
    audits.skip(person(request), audit_id)
    return _partial(request, audits.take_next(person(request)))


def _partial(request: HttpRequest, row: CaseAudit | None, *, error: str = "", status: int = 200) -> HttpResponse:
    return render(request, "reach/_audit.html", {**_context(request, row), "error": error}, status=status)


def _context(request: HttpRequest, row: CaseAudit | None) -> dict[str, Any]:
    user = person(request)
    context: dict[str, Any] = {
        "audit": row,
        "numbers": audits.desk_of(user, timezone.now()),
        "vigilance": audits.vigilance_of(user),
        "wrong_parts": DecisionRecord.WrongPart.choices,
        "intents": INTENT_LABELS.items(),
    }
    if row is not None:
        context["content"] = blind.view(row.content)
        if row.state != CaseAudit.State.OPEN:
            action, amount = audits.compared_with(row)
            context |= {
                "compared_action": action,
                "compared_amount": amount,
                "reply": row.content["proposal"]["reply_parts"],
            }
    return context
