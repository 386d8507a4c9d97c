"""The coach: from a decided case to a draft that would let the AI decide the like of it alone."""

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from apps.interactions import likeness, precedents
from apps.interactions.models import DecisionRecord
from apps.policies import coaching
from apps.policies.errors import Refused
from apps.policies.models import partners_of
from apps.policies.money import Money
from apps.policies.words import CaseType
from apps.reach.access import drafts_boundaries
from apps.reach.views.case import person


@require_http_methods(["GET", "POST"])
@drafts_boundaries
def coach(request: HttpRequest, reference: uuid.UUID) -> HttpResponse:
    """What stopped the AI on this case, and the smallest rule in a sentence; a POST opens a draft with it."""
    decision = _decided(request, reference)
    amount = Money(decision.amount, decision.currency) if decision.amount is not None else None
    ruling = decision.ruling
    facts, telling = precedents.facts_of(ruling), likeness.TELLING[CaseType(ruling.case_type)]
    learnt = coaching.lesson(ruling, decision.action, amount, facts, telling)
    error = ""
    if request.method == "POST":
        try:
            draft = coaching.open_draft(person(request), learnt)
            return redirect("admin:policies_boundaryversion_change", draft.pk)
        except Refused as refusal:
            error = str(refusal)
    context = {"decision": decision, "lesson": learnt, "error": error}
    return render(request, "reach/coach.html", context, status=409 if error else 200)


def _decided(request: HttpRequest, reference: uuid.UUID) -> DecisionRecord:
    """The last decision of a person on a case of their brands."""
    rows = DecisionRecord.objects.filter(
        interaction__reference=reference, partner__in=partners_of(person(request)), decided_by__isnull=False
    ).exclude(state__in=["withdrawn", "voided", "rejected"])
    found = rows.select_related("ruling__version__boundary", "interaction", "partner").order_by("-pk").first()
    if found is None:
        raise Http404("No person has decided this case yet.")
    return found
