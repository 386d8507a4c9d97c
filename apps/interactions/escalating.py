"""Escalating: cases that wait for a person get their packet, their clock and an honest holding reply, in bulk."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import pgbulk

from apps.interactions import alike, blind, briefing, case_clocks, clocks, outbox, urgency
from apps.interactions.classification import language
from apps.interactions.drafting import replies
from apps.interactions.linking import linked_cases
from apps.interactions.models import (
    CaseTypeSetting,
    ContextPacket,
    DecisionRecord,
    Escalation,
    Interaction,
    Message,
)
from apps.interactions.worked import Worked
from apps.policies import audit
from apps.policies.machines import move
from apps.policies.words import Handler


def brief_people(waiting: Sequence[Worked], actor: audit.Actor, now: datetime) -> None:
    """Everything else waits for a person, with a ready packet and an honest holding reply."""
    write_packets(waiting, actor)
    move([worked.case.interaction for worked in waiting], "escalate", actor=actor)
    settings = {row.case_type: row for row in CaseTypeSetting.objects.all()}
    before = blind.drawn_before([worked.case.interaction for worked in waiting])
    wanted = blind.wanted(worked.case.partner for worked in waiting)
    escalations = Escalation.objects.bulk_create(
        [_escalation(worked, settings, before, wanted, now) for worked in waiting]
    )
    pgbulk.update(Interaction, [worked.case.interaction for worked in waiting], list(case_clocks.FIELDS))
    told, events = [], []
    for worked, escalation in zip(waiting, escalations, strict=True):
        case = worked.case
        row = case.interaction
        if not _told(case.messages):
            text = _holding_reply(worked, row.resolve_by or escalation.due_at, max(now, case.at))
            told.append(Message(interaction=row, author="ai", text=text, holding=True, sent_at=max(now, case.at)))
            events.append(outbox.reply_event(row, text, holding=True))
        events.append(outbox.interaction_event("interaction.escalated", row))
    Message.objects.bulk_create(told)
    outbox.keep(events)


def write_packets(waiting: Sequence[Worked], actor: audit.Actor) -> None:
    ids = [worked.case.interaction.pk for worked in waiting]
    last = dict(
        ContextPacket.objects.filter(interaction_id__in=ids)
        .order_by("version")
        .values_list("interaction_id", "version")
    )
    old = ContextPacket.objects.filter(interaction_id__in=ids, state__in=["gathering", "ready"])
    move(list(old), "supersede", actor=actor, reason="something newer is known")
    linked = linked_cases([worked.case.interaction for worked in waiting])
    packets = []
    for worked in waiting:
        assert worked.plan is not None
        assert worked.authority is not None
        row = worked.case.interaction
        content = briefing.packet_content(
            worked.case, worked.plan, worked.authority, already_tried(row), linked[row.pk]
        )
        packets.append(
            ContextPacket(
                interaction=row,
                version=last.get(row.pk, 0) + 1,
                content=content,
                content_hash=briefing.content_hash(content),
                ruling=row.ruling,
            )
        )
    move(ContextPacket.objects.bulk_create(packets), "complete", actor=actor)


def _escalation(
    worked: Worked, settings: dict[str, CaseTypeSetting], before: Mapping[int, blind.Chance | None], wanted: blind.Wanted,
    now: datetime,
) -> Escalation:  # fmt: skip
    assert worked.authority is not None
    assert worked.plan is not None
    case, verdict, row = worked.case, worked.authority.verdict, worked.case.interaction
    setting = settings.get(case.case_type.value) or CaseTypeSetting()
    due_at = case_clocks.run(
        row, case.partner, max(now, case.at),
        reply_minutes=setting.first_reply_minutes, resolve_minutes=verdict.due_minutes or setting.due_minutes,
    )  # fmt: skip
    unseen = blind.draw(row, before, wanted.chance_of(worked))
    return Escalation(
        interaction=row,
        partner_id=case.partner.pk,
        case_type=case.case_type.value,
        language=case.reading.language,
        headline=blind.headline(case.case_type.value, case.order.number if case.order else None)
        if unseen
        else worked.plan.question,
        blind=unseen is not None,
        blind_chance=unseen.chance if unseen else None,
        blind_least=unseen.least if unseen else None,
        alike=alike.key_of(case, worked.plan, worked.authority),
        handler=Handler.COLLABORATIVE if worked.authority.handler == Handler.COLLABORATIVE else Handler.HUMAN,
        seniority=worked.authority.seniority.value,
        flagged=row.public,
        harm=urgency.harm_of(case),
        reply_by=row.reply_by,
        due_at=due_at,
        opened_at=now,
    )


def _told(messages: Sequence[Message]) -> bool:
    """Whether the customer knows that a person is on it: since our last answer or question, once."""
    ours = [message.holding for message in messages if message.author != "customer"]
    return ours[-1:] == [True]


def _holding_reply(worked: Worked, due_at: datetime, at: datetime) -> str:
    """Says that a person decides, from when on people are there and by when they answer; promises nothing else."""
    case, partner = worked.case, worked.case.partner
    by = clocks.time_in_words(partner, clocks.rounded_up(due_at), at)
    body = f"Thank you for writing. A person on our team looks at this and answers you by {by}."
    if not clocks.is_open(partner, at):
        back = clocks.time_in_words(partner, clocks.next_staffed(partner, at), at)
        body = (
            f"Thank you for writing. A person on our team decides this: we are back at {back} and answer you by {by}."
        )
    if case.reading.language not in partner.languages:
        body += f" We answer in {language.in_words(partner.languages)}."
    name = replies.name_for(partner, case.customer, public=case.interaction.public)
    return replies.write(partner, name, body).text


def already_tried(row: Interaction) -> list[str]:
    """What was done on this case before, in words."""
    said = []
    for decision in _decisions(row):
        who = decision.decided_by.get_username() if decision.decided_by else "The AI"
        for effect in decision.effects.all():
            amount = f" of {effect.amount:,.2f} {effect.currency}" if effect.amount is not None else ""
            why = f" ({effect.outcome_reason})" if effect.outcome_reason else ""
            done = effect.get_state_display().lower()
            said.append(f"{who}: {effect.get_action_display().lower()}{amount}: {done}{why}")
    return said


def last_failure(row: Interaction) -> str:
    """Why the latest decision on this case failed, in words; empty when it did not."""
    latest = _decisions(row)[-1:]
    return latest[0].ended_because if latest and latest[0].state == DecisionRecord.State.FAILED else ""


def _decisions(row: Interaction) -> list[DecisionRecord]:
    """Oldest first, from the rows that were read with the batch."""
    return sorted(row.decisions.all(), key=lambda decision: decision.pk)
