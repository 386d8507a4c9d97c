"""Closing: what ends by itself when nobody writes any more."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from apps.interactions import clocks, hearing, outbox
from apps.interactions.drafting import replies
from apps.interactions.models import Effect, Interaction, Message
from apps.interactions.models.interaction import InteractionQuerySet
from apps.interactions.waking import wake_workers
from apps.policies import audit
from apps.policies.machines import move
from apps.policies.models import Partner

_S = Interaction.State
_SWEEPER = audit.system("sweeper")
REMIND_AFTER = timedelta(days=7)
RETURN_COMES_WITHIN = timedelta(days=90)
GIVE_UP_AFTER = timedelta(days=7)  # after the reminder
_REMINDER = "We are still waiting for your answer to our question. If we have not heard from you by {by}, {then}."
_THEN = {
    Partner.Silence.CLOSE: "we close this case; you can write to us again at any time",
    Partner.Silence.PERSON: "a person on our team looks at what can be done without it",
}


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
        lately = Message.objects.filter(interaction=OuterRef("pk"), created_at__gte=now - REMIND_AFTER)
        silent = waiting.filter(~Exists(lately), reminded_at__isnull=True, ruling__at__lt=now - REMIND_AFTER)
        moved += _each(silent, limit, lambda rows: _remind(rows, now))
        given_up = waiting.filter(reminded_at__lt=now - GIVE_UP_AFTER)
        moved += _each(given_up, limit, lambda rows: _give_up(rows, now))
    return moved


def _give_up(rows: list[Interaction], now: datetime) -> None:
    """Close what nobody answers, or let a person look at it, as the brand wants it."""
    to_people = [case for case in rows if case.partner.when_silent == Partner.Silence.PERSON]
    move([case for case in rows if case not in to_people], "give_up_waiting", actor=_SWEEPER, reason="no answer")
    for case in to_people:
        hearing.take_up(case, actor=_SWEEPER, reason="no answer", now=now)
    if to_people:
        wake_workers()


def _label_is_out() -> Q:
    """A return label was sent and the parcel has not been scanned in: the refund that was promised is still to come."""
    label = Effect.objects.filter(decision__interaction=OuterRef("pk"), action="return_label", state="done")
    return Q(Exists(label), order__return_received_at__isnull=True)


def _each(rows: InteractionQuerySet, limit: int, act: Callable[[list[Interaction]], object]) -> int:
    with transaction.atomic():
        free = rows.select_for_update(no_key=True, skip_locked=True, of=("self",))
        found = list(free.select_related("partner", "customer")[:limit])
        act(found)
    return len(found)


def _remind(rows: list[Interaction], now: datetime) -> None:
    for case in rows:
        name = replies.name_for(case.partner, case.customer, public=case.public)
        by = clocks.day_in_words(case.partner, now + GIVE_UP_AFTER)
        body = _REMINDER.format(by=by, then=_THEN[Partner.Silence(case.partner.when_silent)])
        text = replies.write(case.partner, name, body).text
        # As a message it is our last word, after which a hand-over is said anew; to the partner it decides nothing.
        Message.objects.create(interaction=case, author="ai", text=text, sent_at=now)
        outbox.keep([outbox.reply_event(case, text, holding=True)])
        audit.record(_SWEEPER, case, "reminded")
        case.reminded_at = now
        case.save(update_fields=["reminded_at"])
