"""What a person does in tests: decide as they saw it, and let the undo window pass."""

from datetime import timedelta

from django.utils import timezone

from apps.interactions import deciding
from apps.interactions.deciding import Choice
from apps.interactions.models import DecisionRecord


def choice(escalation, **fields):
    packet = escalation.interaction.packets.filter(state="ready").get()
    return Choice(packet_version=packet.version, lease_token=escalation.lease_token, **fields)


def decide(held, **fields):
    user, escalation = held
    return deciding.decide(user, escalation.pk, choice(escalation, **fields))


def pass_undo_window():
    DecisionRecord.objects.filter(state="decided").update(commit_at=timezone.now() - timedelta(seconds=1))
