"""The outbox: a webhook event is a row written in the transaction of what it tells about."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Max

from apps.interactions import channels, clocks
from apps.interactions.mail import outgoing
from apps.interactions.models import Effect, Interaction, OutboxEvent
from apps.policies.models import BoundaryVersion, Partner


def keep(events: Sequence[OutboxEvent]) -> None:
    """Write events, in the caller's transaction; a reply to somebody who wrote to a mailbox leaves by mail, too."""
    OutboxEvent.objects.bulk_create(events)
    replies = [event for event in events if event.kind == "reply.created"]
    if replies:
        outgoing.put(replies)


def interaction_event(kind: str, interaction: Interaction, **more: Any) -> OutboxEvent:
    payload = {
        "id": str(interaction.reference),
        "external_id": interaction.external_id,
        "state": interaction.state,
        "type": interaction.case_type,
        "handler": interaction.handler,
        **more,
    }
    return OutboxEvent(
        partner_id=interaction.partner_id, kind=kind, subject=str(interaction.reference), payload=payload
    )


def reply_event(interaction: Interaction, text: str, *, holding: bool, by: str = "ai") -> OutboxEvent:
    """`by` says who wrote it: the AI, or a person (“agent”)."""
    until = deliver_until(interaction)
    more = {
        "channel": interaction.channel, "text": text, "holding": holding, "by": by,
        "deliver_until": clocks.as_text(until) if until else None,
    }  # fmt: skip
    return interaction_event("reply.created", interaction, **more)


def deliver_until(interaction: Interaction) -> datetime | None:
    """Until when the channel delivers a reply in one's own words; None: always."""
    if channels.CHANNELS[interaction.channel].window is None:
        return None
    last = interaction.messages.filter(author="customer").aggregate(last=Max("received_at"))["last"]
    return channels.open_until(interaction.channel, last or interaction.received_at)


def merged_event(arrived: Interaction, case: Interaction) -> OutboxEvent:
    """What comes of a merged interaction is told under the ids of the case that it went into."""
    into = {"id": str(case.reference), "external_id": case.external_id}
    return interaction_event("interaction.merged", arrived, merged_into=into)


def action_event(kind: str, effect: Effect, interaction: Interaction, **more: Any) -> OutboxEvent:
    """`lines` as they are ordered: an action is about all of a line."""
    amount = None if effect.amount is None else {"amount": str(effect.amount), "currency": effect.currency}
    ordered = dict(interaction.order.lines.values_list("sku", "quantity")) if effect.lines and interaction.order else {}
    return interaction_event(
        kind,
        interaction,
        key=str(effect.key),
        action=effect.action,
        amount=amount,
        lines=[{"sku": sku, "quantity": ordered.get(sku)} for sku in effect.lines],
        order=interaction.order.number if interaction.order else None,
        deadline=clocks.as_text(effect.deadline_at) if effect.deadline_at else None,
        **more,
    )


def tell_of_boundary(sender: object, version: BoundaryVersion, **kwargs: Any) -> None:
    """Every partner of the boundary hears that another version rules."""
    payload = {
        "boundary": version.boundary.name, "version": version.number, "content_hash": version.policy().content_hash
    }  # fmt: skip
    OutboxEvent.objects.bulk_create(
        [
            OutboxEvent(
                partner=partner, kind="boundary.changed", subject=f"boundary {version.boundary_id}", payload=payload
            )
            for partner in Partner.objects.filter(boundary=version.boundary_id)
        ]
    )
