"""The editor's live check: what of an edited amount and reply would be refused, needs a second person, or says what nothing
known says. It decides nothing; the same rules are asked again when the decision is sent."""

from dataclasses import dataclass, replace

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from apps.interactions import budgets, choosing, gathering, pipeline, remits
from apps.interactions.case import Case
from apps.interactions.drafting import replies
from apps.interactions.drafting.grounding import unfounded
from apps.interactions.models import Escalation
from apps.interactions.playbooks import plan_for
from apps.policies.compiled import policies_in_force
from apps.policies.errors import Refused
from apps.policies.money import Money
from apps.policies.specs import Proposal
from apps.policies.words import CaseType, Handler


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence on the edited decision. `kind` is `stop` (it would be refused), `second` (a second person has to agree),
    `look` (check it) or `fine`."""

    kind: str
    text: str


def check(user: User, escalation: Escalation, place: int, amount: str, reply: str) -> list[Finding]:
    """What is to be said of the option at `place` with this amount and reply; nothing at all is said as one `fine`."""
    packet = escalation.interaction.packets.filter(state="ready").first()
    options = packet.content["options"] if packet else []
    if not 0 <= place < len(options):
        return [Finding("stop", "Choose one of the options.")]
    option = options[place]
    try:
        money = choosing.money_of(option, amount)
        choosing.affordable(escalation.interaction, option["action"], money)
        choosing.says_what_is_done(option, money, reply)
    except Refused as refusal:
        return [Finding("stop", str(refusal))]
    found = [*_remit(user, option["action"], money)]
    case = _case(escalation)
    found += _wording(case, option["label"], money, reply)
    found += _boundary(case, option["action"], money)
    return found


def _remit(user: User, action: str, money: Money | None) -> list[Finding]:
    asked = {"action": action, "amount": money.amount if money else None, "currency": money.currency if money else ""}
    with transaction.atomic():
        why = remits.needs_second(user, asked, timezone.now())
    return [Finding("second", f"A second person has to agree: {why}.")] if why else []


def _case(escalation: Escalation) -> Case:
    (case,) = pipeline.load([escalation.interaction])
    gathering.gather(case, gathering.counts_for([case]))
    case.case_type = CaseType(escalation.case_type)
    return case


def _wording(case: Case, label: str, money: Money | None, reply: str) -> list[Finding]:
    """What the reply says that nothing known says, and words that the brand avoids."""
    plan, _ = plan_for(case)
    option = next((option for option in plan.options if option.label == label), None)
    if option is None:
        return [Finding("look", "The case has changed since; its words could not be checked.")]
    claims = unfounded(reply, replace(option, amount=money).source(case))
    words = list(dict.fromkeys(claim.words for claim in claims))
    found = [Finding("look", f"Nothing known says {_quoted(words)}. Check it before you send.")] if words else []
    avoided = list(dict.fromkeys(replies.avoided(case.partner, reply)))
    return found + ([Finding("look", f"The brand avoids {_quoted(avoided)}.")] if avoided else [])


def _quoted(words: list[str]) -> str:
    return ", ".join(f"“{word}”" for word in words[:4])


def _boundary(case: Case, action: str, money: Money | None) -> list[Finding]:
    """What the boundary and its budgets would say to the AI: a person may go beyond, and should know when."""
    in_force = policies_in_force([case.partner]).get(case.partner.pk)
    released = in_force.ruling(str(case.interaction.reference)) if in_force else None
    if released is None:
        return [Finding("fine", "No boundary is active for this brand.")]
    facts = case.facts.known_at(case.at)
    verdict = released.policy.rule(case.case_type.value, Proposal(action, money, (), True), facts)
    limit = budgets.reached(
        released.policy, case.partner, case.case_type.value, action, money, budgets.parties_of(case.customer, case.order),
        case.at,
    )  # fmt: skip
    if limit is not None:
        return [Finding("look", f"For the AI this would be over: {limit.why}.")]
    if verdict.handler == Handler.AUTONOMOUS:
        return [Finding("fine", "Inside the boundary: the AI may do this alone.")]
    return [Finding("fine", "Outside what the AI may do alone; it is yours to decide.")]
