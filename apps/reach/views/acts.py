"""What a supervisor does with a case. Each view translates a form into one call of the domain and shows the next state."""

from collections.abc import Callable
from functools import wraps

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from apps.interactions import claiming, deciding
from apps.interactions.models import DecisionRecord, Escalation, Note
from apps.policies.errors import Refused
from apps.reach.access import decides, sees_queue
from apps.reach.forms import DecisionForm, HoldForm, NoteForm
from apps.reach.views import case

Act = Callable[[HttpRequest, int], HttpResponse]


def _escalation(request: HttpRequest, escalation_id: int) -> Escalation:
    """An escalation of the person's remit; any other is a 404."""
    found = (
        claiming.covered_by_remit(case.person(request))
        .select_related("interaction__partner", "interaction__customer", "interaction__order", "claimed_by", "partner")
        .filter(pk=escalation_id)
        .first()
    )
    if found is None:
        raise Http404("There is no such case in your remit.")
    return found


def says_why(act: Act) -> Act:
    """A refusal comes back as the same case with the sentence on top, and with what was typed."""

    @wraps(act)
    def answer(request: HttpRequest, escalation_id: int) -> HttpResponse:
        escalation = _escalation(request, escalation_id)
        try:
            return act(request, escalation.pk)
        except Refused as refusal:
            typed = DecisionForm(request.POST).typed()
            return case.partial(
                request, _escalation(request, escalation_id), status=409, error=str(refusal), typed=typed
            )

    return answer


@require_GET
@sees_queue
def show(request: HttpRequest, escalation_id: int) -> HttpResponse:
    """Any case of the remit, to read; deciding needs a claim."""
    escalation = _escalation(request, escalation_id)
    return case.partial(request, escalation) if request.headers.get("HX-Request") else case.page(request, escalation)


@require_POST
@decides
def take_next(request: HttpRequest) -> HttpResponse:
    """Claim the most urgent case; the one already held comes first."""
    return _next(request)


@require_POST
@decides
@says_why
def claim(request: HttpRequest, escalation_id: int) -> HttpResponse:
    claiming.claim(case.person(request), escalation_id)
    return case.partial(request, _escalation(request, escalation_id))


@require_POST
@decides
@says_why
def decide(request: HttpRequest, escalation_id: int) -> HttpResponse:
    return _decide(request, escalation_id, asks=False)


@require_POST
@decides
@says_why
def ask(request: HttpRequest, escalation_id: int) -> HttpResponse:
    if not request.POST.get("question", "").strip():
        raise Refused("Write the question first.")
    return _decide(request, escalation_id, asks=True)


def _decide(request: HttpRequest, escalation_id: int, *, asks: bool) -> HttpResponse:
    form = DecisionForm(request.POST)
    if not form.is_valid():
        raise Refused(_first_error(form))
    decision = deciding.decide(case.person(request), escalation_id, form.choice(asks=asks))
    return _next(request, decided=decision)


@require_POST
@decides
@says_why
def second(request: HttpRequest, escalation_id: int) -> HttpResponse:
    """A second person agrees to a proposed decision, or says no and why."""
    form = _hold_form(request)
    agrees = request.POST.get("agree") == "yes"
    decision = deciding.second(
        case.person(request), escalation_id, form.token, agree=agrees, reason=form.cleaned_data["note"]
    )
    if not agrees:
        return case.partial(request, _escalation(request, escalation_id))
    return _next(request, decided=decision)


@require_POST
@decides
def undo(request: HttpRequest, decision_id: int) -> HttpResponse:
    """Take a decision back within its window; its case opens again, and the one opened since goes back."""
    user = case.person(request)
    try:
        decision = deciding.undo(user, decision_id)
    except Refused as refusal:
        return case.partial(request, claiming.held_by(user), status=409, error=str(refusal))
    assert decision.escalation_id is not None
    claiming.release_others(user, keep=decision.escalation_id)
    return case.partial(request, _escalation(request, decision.escalation_id), typed=_typed_before(decision))


def _typed_before(decision: DecisionRecord) -> dict[str, str]:
    """What the decision said that was typed, so that deciding again does not start from nothing."""
    words = {"rationale": decision.rationale, "reason_code": decision.reason_code}
    options = decision.packet.content["options"] if decision.packet else []
    chosen = [place for place, option in enumerate(options) if option["action"] == decision.action]
    words["option"] = str(chosen[0]) if chosen else ""
    if decision.how == DecisionRecord.How.MODIFIED:
        words["reply"] = decision.reply
        words["amount"] = str(decision.amount or "")
    if decision.how == DecisionRecord.How.ASKED:
        words["question"] = decision.reply
    return {name: text for name, text in words.items() if text}


@require_POST
@decides
@says_why
def skip(request: HttpRequest, escalation_id: int) -> HttpResponse:
    claiming.release(case.person(request), escalation_id, _hold_form(request).token, skip=True)
    return _next(request)


@require_POST
@decides
@says_why
def release(request: HttpRequest, escalation_id: int) -> HttpResponse:
    """Back in the queue, for anybody."""
    claiming.release(case.person(request), escalation_id, _hold_form(request).token)
    return case.partial(request, None)


@require_POST
@decides
@says_why
def senior(request: HttpRequest, escalation_id: int) -> HttpResponse:
    form = _hold_form(request)
    claiming.hand_to_senior(case.person(request), escalation_id, form.token, form.cleaned_data["note"])
    return _next(request)


@require_POST
@decides
@says_why
def dismiss(request: HttpRequest, escalation_id: int) -> HttpResponse:
    """Spam, or withdrawn: ends without an answer."""
    form = _hold_form(request)
    deciding.dismiss(case.person(request), escalation_id, form.token, form.cleaned_data["note"])
    return _next(request)


@require_POST
@decides
@says_why
def note(request: HttpRequest, escalation_id: int) -> HttpResponse:
    form = NoteForm(request.POST)
    if not form.is_valid():
        raise Refused(_first_error(form))
    typed = DecisionForm(request.POST).typed()  # a half-written reply is sent along and comes back
    escalation = _escalation(request, escalation_id)
    Note.objects.create(
        interaction=escalation.interaction, by=case.person(request), text=form.cleaned_data["note"].strip()
    )
    return case.partial(request, escalation, typed=typed)


@require_POST
@decides
def heartbeat(request: HttpRequest, escalation_id: int) -> HttpResponse:
    """The page is still open: the lease runs on. A lease that lapsed answers 409, and the page says so."""
    form = HoldForm(request.POST)
    try:
        if form.is_valid():
            claiming.renew(case.person(request), escalation_id, form.token)
            return HttpResponse(status=204)
    except Refused as refusal:
        return HttpResponse(str(refusal), status=409, content_type="text/plain")
    return HttpResponse("The request names no lease.", status=400, content_type="text/plain")


def _next(request: HttpRequest, *, decided: DecisionRecord | None = None) -> HttpResponse:
    user = case.person(request)
    held = claiming.held_by(user) or claiming.take_next(user)
    if not request.headers.get("HX-Request"):
        return redirect("reach:case", held.pk) if held else redirect("reach:queue")
    return case.partial(request, _escalation(request, held.pk) if held else None, decided=decided)


def _hold_form(request: HttpRequest) -> HoldForm:
    form = HoldForm(request.POST)
    if not form.is_valid():
        raise Refused(_first_error(form))
    return form


def _first_error(form: DecisionForm | HoldForm | NoteForm) -> str:
    name, errors = next(iter(form.errors.items()))
    return f"{name.replace('_', ' ').capitalize()}: {errors[0]}"
