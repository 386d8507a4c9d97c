"""Holding a case: taking it, keeping it while the page is open, letting go of it, handing it on."""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from apps.interactions import claiming, duty
from apps.interactions.models import DecisionRecord, Shift
from apps.policies.errors import Refused
from apps.reach import presence
from apps.reach.access import decides, sees_queue
from apps.reach.filters import filters_of
from apps.reach.forms import DecisionForm, HandForm, HoldForm, first_error
from apps.reach.views import case

Act = Callable[[HttpRequest, int], HttpResponse]


def says_why(act: Act) -> Act:
    """A refusal comes back as the same case with the sentence on top, and with what was typed."""

    @wraps(act)
    def answer(request: HttpRequest, escalation_id: int) -> HttpResponse:
        case.find(request, escalation_id)
        try:
            return act(request, escalation_id)
        except Refused as refusal:
            form = DecisionForm(request.POST)
            return case.partial(
                request, case.find(request, escalation_id), status=409, error=str(refusal), typed=form.typed(),
                seen_version=form.seen_version(),
            )  # fmt: skip

    return answer


@require_GET
@sees_queue
def show(request: HttpRequest, escalation_id: int) -> HttpResponse:
    """Any case of the remit, to read; deciding needs a claim."""
    escalation = case.find(request, escalation_id)
    return case.partial(request, escalation) if request.headers.get("HX-Request") else case.page(request, escalation)


@require_GET
@decides
def peek(request: HttpRequest) -> HttpResponse:
    """The case that comes next, to be there at once when this one is decided. It is claimed by nobody; who decides first
    has it."""
    user = case.person(request)
    coming = claiming.coming_for(user, filters_of(request).where(user, timezone.now()))
    if coming is None:
        return HttpResponse(status=204)
    context = case.case_context(request, case.find(request, coming))
    return render(request, "reach/_peek.html", {**context, "decided": None})


@require_POST
@decides
def take_next(request: HttpRequest) -> HttpResponse:
    """Claim the most urgent case; the one already held comes first."""
    return open_next(request)


@require_POST
@decides
@says_why
def claim(request: HttpRequest, escalation_id: int) -> HttpResponse:
    claiming.claim(case.person(request), escalation_id)
    return case.partial(request, case.find(request, escalation_id))


@require_POST
@decides
@says_why
def skip(request: HttpRequest, escalation_id: int) -> HttpResponse:
    claiming.release(case.person(request), escalation_id, hold_form(request).token, skip=True)
    return open_next(request)


@require_POST
@decides
@says_why
def release(request: HttpRequest, escalation_id: int) -> HttpResponse:
    """Back in the queue, for anybody."""
    claiming.release(case.person(request), escalation_id, hold_form(request).token)
    return case.partial(request, None)


@require_POST
@decides
@says_why
def senior(request: HttpRequest, escalation_id: int) -> HttpResponse:
    form = hold_form(request)
    claiming.hand_to_senior(case.person(request), escalation_id, form.token, form.cleaned_data["note"])
    return open_next(request)


@require_GET
@decides
def colleagues(request: HttpRequest, escalation_id: int) -> HttpResponse:
    """The form to hand a case to a named person: who may decide it."""
    escalation = case.find(request, escalation_id)
    now = timezone.now()
    on_shift, away = set(duty.present(Shift.Kind.ON, now)), duty.away(now)
    people = [
        (colleague, "on shift" if colleague in on_shift else "away" if colleague.pk in away else "")
        for colleague in claiming.colleagues_for(case.person(request), escalation)
    ]
    return render(request, "reach/_hand.html", {"escalation": escalation, "people": people})


@require_POST
@decides
@says_why
def hand(request: HttpRequest, escalation_id: int) -> HttpResponse:
    form = HandForm(request.POST)
    if not form.is_valid():
        raise Refused(first_error(form))
    colleague = User.objects.filter(pk=form.cleaned_data["colleague"] or 0).first()
    claiming.hand_to(case.person(request), escalation_id, form.token, colleague, form.cleaned_data["note"])
    return open_next(request)


@require_POST
@decides
def heartbeat(request: HttpRequest, escalation_id: int) -> HttpResponse:
    """The page is still open: others see it, and the lease runs on (204). Of a lease that lapsed the answer says so (200): no
    error, since somebody may let go of a case while its page reports."""
    escalation, form = case.find(request, escalation_id), HoldForm(request.POST)
    presence.seen(case.person(request), escalation.pk, timezone.now())
    if not request.POST.get("lease_token"):
        return HttpResponse(status=204)  # somebody reads
    if not form.is_valid():
        return HttpResponse("The request names no lease.", status=400, content_type="text/plain")
    try:
        claiming.renew(case.person(request), escalation_id, form.token)
    except Refused as refusal:
        return HttpResponse(str(refusal), content_type="text/plain")
    return HttpResponse(status=204)


@require_POST
@decides
def leave(request: HttpRequest, escalation_id: int) -> HttpResponse:
    """The page was closed: what it held goes back soon."""
    form = HoldForm(request.POST)
    if form.is_valid():
        with suppress(Refused):  # it is not held any more, which is what leaving wants
            claiming.leave(case.person(request), escalation_id, form.token)
    return HttpResponse(status=204)


def open_next(request: HttpRequest, *, decided: DecisionRecord | None = None) -> HttpResponse:
    """Open the case that is held already, or claim the next of the part of the queue that is shown."""
    user = case.person(request)
    held = claiming.held_by(user) or claiming.take_next(user, filters_of(request).where(user, timezone.now()))
    if not request.headers.get("HX-Request"):
        return redirect("reach:case", held.pk) if held else redirect("reach:queue")
    return case.partial(request, case.find(request, held.pk) if held else None, decided=decided)


def hold_form(request: HttpRequest) -> HoldForm:
    form = HoldForm(request.POST)
    if not form.is_valid():
        raise Refused(first_error(form))
    return form
