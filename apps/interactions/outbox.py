"""The outbox: a webhook event is a row written in the transaction of what it tells about."""

from typing import Any

from apps.interactions.models import Effect, Interaction, OutboxEvent


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


def reply_event(interaction: Interaction, text: str, *, holding: bool) -> OutboxEvent:
    return interaction_event("reply.created", interaction, channel=interaction.channel, text=text, holding=holding)


def action_event(kind: str, effect: Effect, interaction: Interaction) -> OutboxEvent:
    amount = None if effect.amount is None else {"amount": str(effect.amount), "currency": effect.currency}
    return interaction_event(
        kind,
        interaction,
        key=str(effect.key),
        action=effect.action,
        amount=amount,
        lines=effect.lines,
        order=interaction.order.number if interaction.order else None,
    )
