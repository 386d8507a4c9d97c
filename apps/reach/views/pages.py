"""Pages that are read: the queue with an open case, and the list of signals."""

import json

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import escape
from django.views.decorators.http import require_GET, require_POST

from apps.interactions import blind
from apps.interactions.models import ContextPacket
from apps.learning.models import Signal
from apps.policies.gate_words import trace_in_words
from apps.policies.models import partners_of
from apps.reach import finding, live_check
from apps.reach.access import decides, sees_queue, sees_signals
from apps.reach.filters import filters_of
from apps.reach.forms import CheckForm, ViewForm, first_error
from apps.reach.models import SavedView
from apps.reach.views import case

SIGNALS_A_PAGE = 50


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Each to their own desk: who decides goes to Reach, everybody else to the admin."""
    if request.user.has_perm("interactions.decide_escalation"):
        return redirect("reach:queue")
    return redirect("admin:index")


@require_GET
@sees_queue
def queue(request: HttpRequest) -> HttpResponse:
    """Reach: the queue, and what to do next. A case that is held already is named, and opens by a key: nobody who has
    just come to the page decides with the first key they press."""
    return case.page(request, None)


@require_GET
@sees_queue
def queue_list(request: HttpRequest) -> HttpResponse:
    """The list alone, as htmx asks for it every few seconds and after each act."""
    return render(request, "reach/_queue.html", case.queue_context(request))


@require_GET
@sees_queue
def numbers(request: HttpRequest) -> HttpResponse:
    """The header's numbers alone."""
    return render(request, "reach/_numbers.html")


@require_GET
@sees_queue
def trace(request: HttpRequest, escalation_id: int) -> HttpResponse:
    """Every rule and guardrail that was tried on a case, in words; of one that is to be judged blind, none."""
    escalation = case.find(request, escalation_id)
    ruling = escalation.interaction.ruling if not blind.is_blind(escalation) else None
    steps = trace_in_words(ruling) if ruling else []
    return render(request, "reach/_trace.html", {"ruling": ruling, "trace": steps})


@require_GET
@sees_queue
def packet(request: HttpRequest, escalation_id: int, version: int) -> HttpResponse:
    """A packet of the case as text; of one that is to be judged blind, what it shows."""
    escalation = case.find(request, escalation_id)
    found = get_object_or_404(ContextPacket, interaction=escalation.interaction_id, version=version)
    content = found.content or {}
    shown = blind.view(content) if content and blind.is_blind(escalation) else content
    return HttpResponse(escape(json.dumps(shown, indent=2, ensure_ascii=False)))


@require_POST
@decides
def check(request: HttpRequest, escalation_id: int) -> HttpResponse:
    """What is to be said of the decision as it stands in the editor."""
    escalation, form = case.find(request, escalation_id), CheckForm(request.POST)
    if not form.is_valid() or blind.is_blind(escalation):
        return render(request, "reach/_check.html", {"findings": []})
    said = form.cleaned_data
    findings = live_check.check(case.person(request), escalation, said["option"] or 0, said["amount"], said["reply"])
    return render(request, "reach/_check.html", {"findings": findings})


@require_GET
@sees_queue
def found(request: HttpRequest) -> HttpResponse:
    """What the search box finds, as it is typed."""
    text = request.GET.get("q", "")
    cases = finding.find(case.person(request), text)
    return render(request, "reach/_found.html", {"cases": cases, "text": text.strip(), "shortest": finding.SHORTEST})


@require_POST
@sees_queue
def save_view(request: HttpRequest) -> HttpResponse:
    """Keep the filters that are chosen under a name; the same name again is replaced."""
    form, user = ViewForm(request.POST), case.person(request)
    if not form.is_valid():
        return render(
            request, "reach/_queue.html", {**case.queue_context(request), "error": first_error(form)}, status=409
        )
    SavedView.objects.update_or_create(
        user=user, name=form.cleaned_data["name"].strip(), defaults={"query": filters_of(request).query}
    )
    return render(request, "reach/_queue.html", case.queue_context(request))


@require_POST
@sees_queue
def forget_view(request: HttpRequest, view_id: int) -> HttpResponse:
    SavedView.objects.filter(user=case.person(request), pk=view_id).delete()
    return render(request, "reach/_queue.html", case.queue_context(request))


@require_GET
@sees_signals
def signals(request: HttpRequest) -> HttpResponse:
    """What decisions have taught so far: proposal against decision."""
    user = case.person(request)
    rows = Signal.objects.filter(partner__in=partners_of(user)).select_related("partner", "by", "decision__interaction")
    chosen = request.GET.get("type", "")
    if chosen:
        rows = rows.filter(case_type=chosen)
    page = Paginator(rows, SIGNALS_A_PAGE).get_page(request.GET.get("page"))
    agreed = rows.filter(agreed=True).count()
    types = (
        Signal.objects.filter(partner__in=partners_of(user)).order_by("case_type").values_list("case_type", flat=True)
    )
    context = {
        "page": page,
        "total": page.paginator.count,
        "agreed": agreed,
        "share": round(100 * agreed / page.paginator.count) if page.paginator.count else None,
        "types": types.distinct(),
        "chosen": chosen,
    }
    return render(request, "learning/signals.html", context)


@require_GET
def health(request: HttpRequest) -> JsonResponse:
    """Answers when web server and database do."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})
