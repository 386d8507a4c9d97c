"""Drafting the past again: which cases another drafter would have had handled otherwise, or answered in other words.

Facts, type and proposal are those that were ruled on; what the gate, able and the rest of earned said is kept. A case
whose order has moved on since, or for which the playbook proposes something else today, cannot be drafted again as it
was, and says so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from apps.interactions import gathering, outside_model, pipeline
from apps.interactions.case import Case
from apps.interactions.checks import OF_THE_REPLY, of_the_reply, strictest
from apps.interactions.drafting import replies
from apps.interactions.models import ContextPacket, Interaction, ModelOptIn, OutsideModel
from apps.interactions.playbooks import plan_for
from apps.interactions.reclassifying import in_batches
from apps.interactions.worked import Worked
from apps.policies import simulating
from apps.policies.facts import Fact, Facts, value_as_json
from apps.policies.models import Ruling
from apps.policies.words import CaseType, Handler

BATCH = 50
# What our own decisions change about an order: being otherwise today says nothing about the day of the ruling.
_OURS = frozenset({"order.label_sent", "order.refundable", "order.open_cases"})


@dataclass(frozen=True, slots=True)
class DraftedAgain:
    """One case: its reply and handler then and now. `handler_now` is None when it cannot be said, which `unsaid` explains."""

    external_id: str
    reference: str
    case_type: str
    drafter_then: str
    drafter_now: str
    reply_then: str
    reply_now: str
    handler_then: str
    handler_now: str | None
    unsaid: str = ""

    @property
    def otherwise(self) -> bool:
        return self.handler_now is not None and (self.handler_then, self.reply_then) != (
            self.handler_now,
            self.reply_now,
        )


def drafted_again(cases: QuerySet[Interaction], model: OutsideModel | None = None) -> Iterator[DraftedAgain]:
    """Each case as today's templates would have it answered, or as `model` would for the brands that chose it to write.

    An outside model is called for each, and its calls are kept and paid like any other; nothing else is written.
    """
    for rows in in_batches(cases.order_by("pk"), BATCH):
        yield from _batch(rows, model)


def _batch(rows: Sequence[Interaction], model: OutsideModel | None) -> Iterator[DraftedAgain]:
    loaded = pipeline.load(rows)
    rulings = Ruling.objects.in_bulk([row.ruling_id for row in rows])
    counts, said = gathering.counts_for(loaded), _replies_then(rows)
    results = []
    for case in loaded:
        ruling = rulings[case.interaction.ruling_id or 0]
        results.append((_proposed_again(case, counts, ruling), ruling))
    writable = [worked for worked, _ in results if not worked.error]
    outside_model.put_into_words(writable, _opt_ins(loaded, model), pipeline.claims_against)
    for worked, ruling in results:
        yield _compared(worked, ruling, said.get(ruling.pk, ""))


def _opt_ins(cases: Sequence[Case], model: OutsideModel | None) -> dict[int, ModelOptIn]:
    if model is None:
        return {}
    chosen = ModelOptIn.objects.filter(partner__in={case.partner.pk for case in cases}, model=model, draft=True)
    return {row.partner_id: row for row in chosen.select_related("model")}


def _replies_then(rows: Sequence[Interaction]) -> dict[int, str]:
    """What was drafted under each ruling: in the packet a person saw, or in what the AI sent alone."""
    rulings = [row.ruling_id for row in rows]
    packets = ContextPacket.objects.filter(ruling__in=rulings).order_by("version")
    said = {packet.ruling_id or 0: str(packet.content["proposal"]["reply"]) for packet in packets}
    alone = [decision for row in rows for decision in row.decisions.filter(ruling__in=rulings, how="alone")]
    return said | {decision.ruling_id: decision.reply for decision in alone}


def _proposed_again(case: Case, counts: Any, ruling: Ruling) -> Worked:
    """The plan for a case as it was ruled on; `error` says why there is none."""
    gathering.gather(case, counts)
    moved_on = _moved_on(case.facts, ruling)
    then = simulating.read(simulating.of_ruling(ruling))
    case.facts = Facts(
        {name: Fact(name, value, "as it was", ruling.at) for name, value in then.facts.items() if value is not None}
    )
    case.case_type = CaseType(ruling.case_type)
    if moved_on:
        return Worked(case, error="the order has moved on since")
    plan, version = plan_for(case)
    option = plan.proposal
    if (option.action.value, option.amount, option.discloses_order) != (
        then.proposal.action, then.proposal.amount, then.proposal.discloses_order,
    ):  # fmt: skip
        return Worked(case, error="the playbook proposes something else today")
    return Worked(case, plan, version)


def _moved_on(today: Facts, ruling: Ruling) -> bool:
    names = {name for name in {*ruling.facts, *(fact.name for fact in today)} if name.startswith("order.")} - _OURS
    then = {name: ruling.facts[name]["value"] if name in ruling.facts else None for name in names}
    return any(value_as_json(today.value(name)) != then[name] for name in names)


def _compared(worked: Worked, ruling: Ruling, reply_then: str) -> DraftedAgain:
    row = worked.case.interaction
    reply_now, handler_now = "", None
    if worked.plan is not None and not worked.error:
        option = worked.plan.proposal
        kept = [Handler(no["handler"]) for no in ruling.downgrades if no["code"] not in OF_THE_REPLY]
        anew = [no.handler for no in of_the_reply(worked.case, option)]
        reply_now, handler_now = option.reply.text, strictest([Handler(ruling.gate_handler), *kept, *anew]).value
    return DraftedAgain(
        external_id=row.external_id,
        reference=str(row.reference),
        case_type=ruling.case_type,
        drafter_then=ruling.made_with["drafter"],
        drafter_now=worked.drafted_by or replies.VERSION,
        reply_then=reply_then,
        reply_now=reply_now,
        handler_then=ruling.handler,
        handler_now=handler_now,
        unsaid=worked.error,
    )
