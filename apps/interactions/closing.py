"""Closing: what ends by itself when nobody writes any more."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from apps.interactions import outbox
from apps.interactions.drafting import replies
from apps.interactions.models import Effect, Interaction, Message, OutboxEvent
from apps.interactions.models.interaction import InteractionQuerySet
from apps.policies import audit
from apps.policies.machines import move
from apps.policies.models import Partner

_S = Interaction.State
_SWEEPER = audit.system("sweeper")
REMIND_AFTER = timedelta(days=7)
RETURN_COMES_WITHIN = timedelta(days=90)
GIVE_UP_AFTER = timedelta(days=7)  # after the reminder
_REMINDER = "We are still waiting for your answer to our question. If we do not hear from you, we close this case."


def close_quiet(limit: int = 500) -> int:
    """Close resolved cases after their partner's quiet period; remind, then close, those that wait for an answer."""
    now, moved = timezone.now(), 0
    for partner in Partner.objects.all():
        cases = Interaction.objects.of(partner)
        quiet = cases.filter(state=_S.RESOLVED, resolved_at__lt=now - timedelta(days=partner.quiet_days)).exclude(
            _label_is_out(), resolved_at__gt=now - RETURN_COMES_WITHIN
        )
        moved += _each(quiet, limit, lambda rows: move(rows, "close", actor=_SWEEPER, reason="quiet period"))
        waiting = cases.filter(state=_S.AWAITING_CUSTOMER)
        silent = waiting.filter(reminded_at__isnull=True, ruling__at__lt=now - REMIND_AFTER)
        moved += _each(silent, limit, lambda rows: _remind(rows, now))
        given_up = waiting.filter(reminded_at__lt=now - GIVE_UP_AFTER)
        moved += _each(given_up, limit, lambda rows: move(rows, "give_up_waiting", actor=_SWEEPER, reason="no answer"))
    return moved


def _label_is_out() -> Q:
    """A return label was sent and the parcel has not been scanned in: the refund that was promised is still to come."""
    label = Effect.objects.filter(decision__interaction=OuterRef("pk"), action="return_label", state="done")
    return Q(Exists(label), order__return_received_at__isnull=True)


def _each(rows: InteractionQuerySet, limit: int, act: Callable[[list[Interaction]], object]) -> int:
    with transaction.atomic():
        found = list(
            rows.select_for_update(no_key=True, skip_locked=True, of=("self",)).select_related("partner")[:limit]
        )
        act(found)
    return len(found)


def _remind(rows: list[Interaction], now: datetime) -> None:
    for case in rows:
        name = case.customer.first_name if case.customer else "there"
        text = replies.write(case.partner, name, _REMINDER).text
        Message.objects.create(interaction=case, author="ai", text=text, holding=True, sent_at=now)
        OutboxEvent.objects.bulk_create([outbox.reply_event(case, text, holding=True)])
        audit.record(_SWEEPER, case, "reminded")
        case.reminded_at = now
        case.save(update_fields=["reminded_at"])
