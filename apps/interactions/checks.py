"""The three questions before the AI acts alone: able, permitted, earned. Each "no" is kept with its reason.

A "no" never drops the case. It downgrades that one decision, and the ruling stores which question said it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apps.interactions import budgets, channels, own_conditions
from apps.interactions.case import Case
from apps.interactions.classification import alarms, language
from apps.interactions.classification.case_types import besides
from apps.interactions.classification.intents import Reading
from apps.interactions.drafting import replies
from apps.interactions.drafting.grounding import unfounded
from apps.interactions.playbooks.base import Option, Plan
from apps.policies import draws
from apps.policies.conditions import evaluate
from apps.policies.facts import ALARMS, Facts
from apps.policies.gate import CompiledPolicy, Verdict
from apps.policies.lots import HELD_OUT, Lot
from apps.policies.models import Pause, Ramp
from apps.policies.specs import DEFAULT_FLOOR, Proposal
from apps.policies.words import DEFAULT_HANDLERS, Action, CaseType, Handler, Question, Seniority, Stage

# Without a rule of its own a public complaint is a senior's.
_SENIOR_TYPES = frozenset({CaseType.PUBLIC_COMPLAINT})


@dataclass(frozen=True, slots=True)
class Downgrade:
    """One question that said no: why, as a code and in words, and what handler is left.

    A replay asks the boundary's limits anew and keeps every other no as it was recorded.
    """

    question: Question
    code: str
    reason: str
    handler: Handler = Handler.HUMAN

    def as_json(self) -> dict[str, str]:
        return {
            "question": self.question.value,
            "code": self.code,
            "reason": self.reason,
            "handler": self.handler.value,
        }


@dataclass(frozen=True, slots=True)
class Authority:
    """Who handles this decision, after gate and checks. `verdict` is what the gate said under the policy of `content_hash`."""

    proposal: Proposal
    verdict: Verdict
    downgrades: tuple[Downgrade, ...]
    handler: Handler
    seniority: Seniority
    content_hash: str = ""
    ramp: int | None = None

    @property
    def alone(self) -> bool:
        return self.handler == Handler.AUTONOMOUS

    @property
    def held_out(self) -> bool:
        """Whether it is one of the few that a grant always leaves to people, who judge them unseen."""
        return any(down.code == "held out" for down in self.downgrades)


@dataclass(frozen=True, slots=True)
class Limiting:
    """What limits the AI beside its boundary, as it was read for a batch: pauses, and ramps by id."""

    pauses: Sequence[Pause] = ()
    ramps: Mapping[int, Ramp] = field(default_factory=dict)


def authority_for(
    case: Case, plan: Plan, policy: CompiledPolicy | None, limiting: Limiting, *, failed_before: str = ""
) -> Authority:
    """Ask the gate and then every check. `failed_before` says why an earlier decision on this case failed."""
    option = plan.proposal
    proposal = Proposal(option.action.value, option.amount, option.lines, option.discloses_order)
    verdict = _ask_gate(case, proposal, policy)
    downgrades = [
        *_able(plan, case, failed_before),
        *_permitted(verdict, case),
        *_earned(case, option, policy, limiting.pauses),
    ]
    ramp = policy.ramps.get(verdict.rule or "") if policy and verdict.handler == Handler.AUTONOMOUS else None
    if ramp is not None:
        downgrades += _of_the_grant(case, limiting.ramps.get(ramp))
    handler = strictest([Handler(verdict.handler), *(down.handler for down in downgrades)])
    seniority = Seniority(verdict.seniority)
    if case.case_type in _SENIOR_TYPES:
        seniority = Seniority.SENIOR
    content_hash = policy.content_hash if policy else ""
    proves = None if case.partner.sandbox_of_id is not None else ramp  # what is tried out proves nothing of a grant
    return Authority(proposal, verdict, tuple(downgrades), handler, seniority, content_hash, proves)


def _ask_gate(case: Case, proposal: Proposal, policy: CompiledPolicy | None) -> Verdict:
    if policy is None:
        return Verdict(Handler.HUMAN, Seniority.ANY, None, None, "no boundary")
    return policy.rule(case.case_type.value, proposal, case.facts.known_at(case.at))


def _of_the_grant(case: Case, ramp: Ramp | None) -> list[Downgrade]:
    """A new grant is the AI's step by step, and only for cases like those that it was proven on, which had come in fresh."""
    if ramp is None:
        return [_not_earned("ramp", "what limits this new grant is not known")]
    if ramp.stopped_at is not None:
        return [_not_earned("ramp", f"this grant was stopped: {ramp.stopped_because}")]
    known = case.facts.known_at(case.at)
    unlike = [one for one in ramp.never_certified() if evaluate(one, known) is True]
    if unlike:
        return [_not_earned("drift", f"it is unlike all that this grant was proven on: {unlike[0].in_words()}")]
    if case.came_before:
        return [
            _not_earned("came before", "a grant is proven for cases as they come in, and this one was handled before")
        ]
    if case.partner.sandbox_of_id is not None:
        return []  # the whole of it, so that it can be tried
    match ramp.lot(draws.place(f"ramp {ramp.pk}", case.drawn_as)):
        case Lot.HELD_OUT:
            return [_not_earned("held out", f"{HELD_OUT} % of what is granted always goes to people")]
        case Lot.NOT_YET:
            return [_not_earned("ramp", f"this grant is new: so far the AI acts in {ramp.share} % of its cases")]
    return []


def _able(plan: Plan, case: Case, failed_before: str) -> list[Downgrade]:
    reasons = [reason for reason in (failed_before, plan.unable_because) if reason]
    said = [Downgrade(Question.ABLE, "unable", reason) for reason in reasons]
    missing = [
        f"{condition.in_words()} is not so, or not known"
        for condition in own_conditions.lacking(plan.proposal.action, case.facts)
    ]
    action = plan.proposal.action.label.lower()
    return said + [Downgrade(Question.ABLE, "own condition", f"for “{action}”, {reason}") for reason in missing]


def _permitted(verdict: Verdict, case: Case) -> list[Downgrade]:
    """The gate's own no, in words: it is shown beside the others."""
    if verdict.handler == Handler.AUTONOMOUS:
        return []
    meant_for_ai = DEFAULT_HANDLERS.get(case.case_type) == Handler.AUTONOMOUS
    reason = (
        _refusal_in_words(verdict)
        if meant_for_ai
        else f"the boundary leaves {case.case_type.label.lower()} cases to people"
    )
    if verdict.refused_by and verdict.refused_by.startswith("built-in"):
        reason = _refusal_in_words(verdict)
    return [Downgrade(Question.PERMITTED, "gate", reason, Handler(verdict.handler))]


def _refusal_in_words(verdict: Verdict) -> str:
    match verdict.refused_by:
        case "no boundary":
            return "no boundary is active for this brand"
        case "no rule" | None:
            return "no rule of the boundary covers it"
        case "built-in:sender":
            return "it is not certain who wrote, and the answer would tell about an order or move money"
        case "built-in:owner":
            return "the order is not known to belong to the one who wrote"
        case key:
            return f"{key} of the boundary stops it"


def _earned(case: Case, option: Option, policy: CompiledPolicy | None, pauses: Sequence[Pause]) -> list[Downgrade]:
    said = []
    stage = case.partner.stage_of(case.case_type.value)
    if stage == Stage.ASSIST:
        said.append(_not_earned("stage", "for this type the AI only drafts so far", Handler.COLLABORATIVE))
    elif stage != Stage.LIVE:
        said.append(_not_earned("stage", "for this type the AI only watches so far"))
    said += [_not_earned(f"alarm {alarm}", alarms.reason(alarm, case.alarms.get(alarm))) for alarm in _alarms(case)]
    if case.reading.language not in language.MEASURED:
        name = language.NAMES[case.reading.language]
        said.append(_not_earned("language", f"it is written in {name}, which the AI was not measured on"))
    elif not case.reading.intents:
        said.append(_not_earned("not understood", "the message was not understood with enough certainty"))
    elif case.reading.confidence < floor_of(policy, case.case_type.value, option.action.value):
        sure = f"{case.reading.confidence:.2f}"
        said.append(_not_earned("confidence", f"the reading is only {sure} sure"))
    if case.facts.value("message.injection_suspected"):
        said.append(_not_earned("injection", "the message tries to instruct the AI"))
    said += _all_answered(case, option)
    said += of_the_reply(case, option)
    said += _matter(case)
    covering = [p for p in pauses if p.covers(case.partner, case.case_type.value, option.action.value)]
    if covering:
        said.append(_not_earned("paused", f"the AI is paused here: {covering[0].reason}"))
    limit = budgets.reached(
        policy, case.partner, case.case_type.value, option.action.value, option.amount,
        budgets.parties_of(case.customer, case.order), case.at,
    )  # fmt: skip
    if limit is not None:
        said.append(_not_earned(limit.code, limit.why))
    return said


def _all_answered(case: Case, option: Option) -> list[Downgrade]:
    """A reply that answers half of what was asked is not sent by the AI alone."""
    also = also_asked(case.reading, case.case_type, option.action, case.facts)
    words = " and ".join(intent.replace("_", " ") for intent in also)
    why = f"the message also asks, or may ask, about {words}, which this reply does not answer"
    return [_not_earned("also asks", why, Handler.COLLABORATIVE)] if also else []


def also_asked(reading: Reading, case_type: CaseType, action: Action, facts: Facts) -> list[str]:
    """The intents that are left open by what is done for a case of this type; a question of ours leaves all of it open."""
    if action == Action.ASK_CUSTOMER or case_type == CaseType.PUBLIC_COMPLAINT:
        return []
    return besides([*(intent for intent, _ in reading.intents), *reading.maybe], case_type, facts)


OF_THE_REPLY = frozenset({"promise", "grounding", "voice", "length"})


def of_the_reply(case: Case, option: Option) -> list[Downgrade]:
    """A reply that says what no fact says, offers what was not ruled on or is not in the brand's voice is not sent by the
    AI alone; the codes are those of `OF_THE_REPLY`."""
    claims = unfounded(option.reply.text, option.source(case))
    offers = list(dict.fromkeys(claim.words for claim in claims if claim.kind == "promise"))
    rest = list(dict.fromkeys(claim.words for claim in claims if claim.kind != "promise"))
    said = []
    if offers:
        quoted = ", ".join(f"“{words}”" for words in offers[:3])
        said.append(
            _not_earned("promise", f"the reply promises {quoted}, which is another action than the one ruled on")
        )
    if rest:
        quoted = ", ".join(f"“{words}”" for words in rest[:3])
        said.append(
            _not_earned("grounding", f"the reply says {quoted}, and nothing known says so", Handler.COLLABORATIVE)
        )
    if why := channels.too_long(case.interaction.channel, option.reply.text):
        said.append(_not_earned("length", why, Handler.COLLABORATIVE))
    if avoided := replies.avoided(case.partner, option.reply.text):
        quoted = ", ".join(f"“{words}”" for words in dict.fromkeys(avoided))
        said.append(_not_earned("voice", f"the reply says {quoted}, which the brand avoids", Handler.COLLABORATIVE))
    return said


def _not_earned(code: str, reason: str, handler: Handler = Handler.HUMAN) -> Downgrade:
    return Downgrade(Question.EARNED, code, reason, handler)


def _matter(case: Case) -> list[Downgrade]:
    """Another open case on the order is a person's, and so is one that the customer comes back with after a person
    decided it, or after being asked in vain."""
    said = []
    row, hours = case.interaction, case.hours_too_old
    if hours is not None:
        said.append(_not_earned("old word", f"the shop's last word of the order is {hours} hours old"))
    if (row.reopened or row.linked_to_id) and case.decided_by_person:
        said.append(_not_earned("comes back", "a person decided this before, and the customer came back with it"))
    if row.reminded_at is not None:
        said.append(_not_earned("no answer", "the customer was asked, and reminded, and has not answered"))
    others = case.facts.value("order.open_cases")
    if isinstance(others, int) and others > 0:
        said.append(_not_earned("open case", "another case on this order is open"))
    return said


def _alarms(case: Case) -> list[str]:
    found = case.facts.value("message.alarms")
    return [alarm for alarm in ALARMS if isinstance(found, frozenset) and alarm in found]


def floor_of(policy: CompiledPolicy | None, case_type: str, action: str) -> float:
    """How sure a reading has to be before the AI acts alone on it: what the boundary asks, and never less than ours."""
    limits = policy.limits if policy else ()
    floors = [
        limit.floor
        for limit in limits
        if limit.kind == "confidence" and limit.floor is not None and limit.looks_at(case_type, action)
    ]
    return max([float(DEFAULT_FLOOR), *(float(floor) for floor in floors)])


def strictest(handlers: Sequence[Handler]) -> Handler:
    order = [Handler.AUTONOMOUS, Handler.COLLABORATIVE, Handler.HUMAN]
    return max(handlers, key=order.index)
