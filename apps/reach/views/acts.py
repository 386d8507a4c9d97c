"""What a supervisor does with a case. Each view translates a form into one call of the domain and shows the next state."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from apps.interactions import blind, claiming, deciding
from apps.interactions.models import DecisionRecord, Note
from apps.policies.errors import Refused
from apps.reach.access import decides
from apps.reach.forms import DecisionForm, JudgeForm, NoteForm, first_error
from apps.reach.views import case
from apps.reach.views.holding import hold_form, open_next, says_why


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
        raise Refused(first_error(form))
    decision = deciding.decide(case.person(request), escalation_id, form.choice(asks=asks))
    return open_next(request, decided=decision)


@require_POST
@decides
@says_why
def judge(request: HttpRequest, escalation_id: int) -> HttpResponse:
    """A blind case is judged; from then on it is shown with its proposal, and decided."""
    form = JudgeForm(request.POST)
    if not form.is_valid():
        raise Refused(first_error(form))
    said = form.cleaned_data
    blind.judge(
        case.person(request), escalation_id, said["lease_token"], said["packet_version"],
        place=said["place"], amount=said["amount"], rationale=said["rationale"],
    )  # fmt: skip
    return case.partial(request, case.find(request, escalation_id), typed={"rationale": said["rationale"]})


@require_POST
@decides
@says_why
def second(request: HttpRequest, escalation_id: int) -> HttpResponse:
    """A second person agrees to a proposed decision, or says no and why."""
    form = hold_form(request)
    agrees = request.POST.get("agree") == "yes"
    decision = deciding.second(
        case.person(request), escalation_id, form.token, agree=agrees, reason=form.cleaned_data["note"]
    )
    if not agrees:
        return case.partial(request, case.find(request, escalation_id))
    return open_next(request, decided=decision)


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
    return case.partial(request, case.find(request, decision.escalation_id), typed=_typed_before(decision))


def _typed_before(decision: DecisionRecord) -> dict[str, str]:
    """What the decision said that was typed, so that deciding again does not start from nothing."""
    words = {
        "rationale": decision.rationale,
        "reason_code": decision.reason_code,
        "wrong_part": decision.wrong_part,
        "asked_for": decision.asked_for,
        "unlike": decision.unlike,
    }
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
def dismiss(request: HttpRequest, escalation_id: int) -> HttpResponse:
    """Spam, or withdrawn: ends without an answer."""
    form = hold_form(request)
    deciding.dismiss(case.person(request), escalation_id, form.token, form.cleaned_data["note"])
    return open_next(request)


@require_POST
@decides
@says_why
def note(request: HttpRequest, escalation_id: int) -> HttpResponse:
    form = NoteForm(request.POST)
    if not form.is_valid():
        raise Refused(first_error(form))
    typed = DecisionForm(request.POST).typed()  # a half-written reply is sent along and comes back
    escalation = case.find(request, escalation_id)
    Note.objects.create(
        interaction=escalation.interaction, by=case.person(request), text=form.cleaned_data["note"].strip()
    )
    return case.partial(request, escalation, typed=typed)
