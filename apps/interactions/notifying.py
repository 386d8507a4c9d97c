"""The notify port: what people on duty have to know is raised once, sent by e-mail and webhook, and escalated when nobody
acknowledges it.

    raise_notice(kind, key, …)   in the transaction of what happened; the same key again raises nothing
    watch(now)                   raises what time brings: public complaints, clocks, stalled cases, boundaries that end
    send(now)                    delivers what is due; an address that fails is tried again, ever more seldom, until the
                                 notice is seen to or over
"""

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx2
from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Count, Q, QuerySet

from apps.interactions import duty
from apps.interactions.models import Delivery, Escalation, Interaction, Notice, Shift, WebhookEndpoint
from apps.policies import audit, pauses, ramps
from apps.policies.errors import Refused
from apps.policies.models import BoundaryVersion, Partner, partners_of

log = logging.getLogger(__name__)

RUNS_OUT_WITHIN = timedelta(minutes=15)
CALL_AFTER = timedelta(minutes=10)
WARN_BEFORE_END = timedelta(days=1)
FIRST_RETRY, LONGEST_RETRY = timedelta(minutes=1), timedelta(hours=1)
WEBHOOK_SECONDS = 5
LONGEST_SECONDS = 20.0
_OPEN = {"acknowledged_at__isnull": True, "over_at__isnull": True}


def raise_notice(
    kind: str, key: str, text: str, path: str, now: datetime, *, partner: Partner | None = None, case_type: str = "",
    for_seniors: bool = False,
) -> Notice | None:  # fmt: skip
    """Raise a notice, unless there is one of this key already."""
    notice, created = Notice.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind, "text": text[:300], "path": path, "raised_at": now, "partner": partner, "case_type": case_type,
            "for_seniors": for_seniors,
        },
    )  # fmt: skip
    return notice if created else None


def key_of_trip(pause_id: int) -> str:
    return f"breaker:{pause_id}"


def key_of_stop(ramp_id: int) -> str:
    return f"grant:{ramp_id}"


def key_of_webhook(endpoint: WebhookEndpoint) -> str:
    return f"webhook:{endpoint.pk}:{endpoint.stopped_at:%Y-%m-%d %H:%M:%S}"


def watch(now: datetime) -> None:
    """Raise what has come up since, and end what is over by itself."""
    told = set(Notice.objects.filter(kind=Notice.Kind.PUBLIC, **_OPEN).values_list("key", flat=True))
    for row in Escalation.objects.waiting().filter(flagged=True).select_related("partner", "interaction"):
        if f"public:{row.pk}" in told:
            continue
        heard = f", heard by {row.interaction.audience:,}" if row.interaction.audience else ""
        raise_notice(
            Notice.Kind.PUBLIC, f"public:{row.pk}", f"{row.partner.name}: said in public{heard}. {row.headline}",
            f"/reach/{row.pk}/", now, partner=row.partner, case_type=row.case_type, for_seniors=row.seniority == "senior",
        )  # fmt: skip
    _clocks(now)
    _stalled(now)
    _endings(now)
    _end_what_is_over(now)


def _clocks(now: datetime) -> None:
    """One notice an hour and brand, however many cases it is."""
    for partner, count in _by_brand(_running_out(now).filter(due_at__gt=now - timedelta(days=1))):
        cases = "1 case runs" if count == 1 else f"{count:,} cases run"
        raise_notice(
            Notice.Kind.CLOCK, f"clock:{partner.pk}:{now:%Y-%m-%dT%H}", f"{partner.name}: {cases} out of time in 15 minutes",
            f"/reach/?brand={partner.slug}&due=hour", now, partner=partner,
        )  # fmt: skip


def _running_out(now: datetime) -> QuerySet[Escalation]:
    """What was said in public calls by itself, and is not told a second time."""
    return Escalation.objects.waiting().filter(due_at__lt=now + RUNS_OUT_WITHIN, flagged=False)


def _stalled(now: datetime) -> None:
    for partner, count in _by_brand(Interaction.objects.filter(state=Interaction.State.STALLED)):
        cases = "1 case has" if count == 1 else f"{count:,} cases have"
        raise_notice(
            Notice.Kind.STALLED, f"stalled:{partner.pk}:{now:%Y-%m-%d}", f"{partner.name}: {cases} stalled",
            "/admin/interactions/interaction/?state__exact=stalled", now, partner=partner,
        )  # fmt: skip


def _by_brand(rows: QuerySet[Any]) -> list[tuple[Partner, int]]:
    """How many of the rows each brand has."""
    counts = dict(rows.order_by().values_list("partner").annotate(Count("pk")))
    return [(partner, counts[partner.pk]) for partner in Partner.objects.filter(pk__in=counts)]


def _endings(now: datetime) -> None:
    ending = BoundaryVersion.objects.filter(state="active", ends_at__gt=now, ends_at__lt=now + WARN_BEFORE_END)
    for version in ending.select_related("boundary"):
        raise_notice(
            Notice.Kind.ENDING, f"ending:{version.pk}", f"{version} ends at {version.ends_at:%d %B %H:%M} UTC",
            f"/admin/policies/boundaryversion/{version.pk}/change/", now,
        )  # fmt: skip


def _end_what_is_over(now: datetime) -> None:
    """What was decided, is in time or runs again calls nobody any more."""
    waiting = Escalation.objects.waiting()
    public = {f"public:{pk}" for pk in waiting.filter(flagged=True).values_list("pk", flat=True)}
    pressed = set(_running_out(now).values_list("partner", flat=True))
    stalled = set(Interaction.objects.filter(state=Interaction.State.STALLED).values_list("partner", flat=True))
    stopped = {key_of_trip(pause.pk) for pause in pauses.in_force()}
    stopped |= {key_of_stop(pk) for pk in ramps.stopped_in_force()}
    deaf = WebhookEndpoint.objects.filter(stopped_at__isnull=False, removed_at__isnull=True)
    unheard = {key_of_webhook(endpoint) for endpoint in deaf.only("stopped_at")}
    over = [
        notice.pk
        for notice in Notice.objects.filter(**_OPEN)
        if (notice.kind == Notice.Kind.PUBLIC and notice.key not in public)
        or (notice.kind == Notice.Kind.CLOCK and notice.partner_id not in pressed)
        or (notice.kind == Notice.Kind.STALLED and notice.partner_id not in stalled)
        or (notice.kind == Notice.Kind.BREAKER and notice.key not in stopped)
        or (notice.kind == Notice.Kind.WEBHOOK and notice.key not in unheard)
    ]
    Notice.objects.filter(pk__in=over).update(over_at=now)


def send(now: datetime) -> int:
    """Make and send the deliveries that are due; returns how many were sent. Whoever is on shift hears first; nobody
    there, or nobody who acknowledged it in time: those on call do."""
    here, callable_now = (list(duty.present(kind, now)) for kind in (Shift.Kind.ON, Shift.Kind.ON_CALL))
    for notice in Notice.objects.filter(**_OPEN).select_related("partner"):
        on_shift = duty.concerned(here, notice)
        _plan(notice, on_shift, now)
        late = now - notice.raised_at >= CALL_AFTER
        if notice.called_at is None and (late or not on_shift):
            called = duty.concerned(callable_now, notice)
            _plan(notice, called, now)
            if called:  # nobody there: they are looked for again
                Notice.objects.filter(pk=notice.pk).update(called_at=now)
    due = Delivery.objects.filter(
        sent_at__isnull=True, due_at__lte=now, **{f"notice__{name}": yes for name, yes in _OPEN.items()}
    ).order_by("attempts", "due_at", "id")  # what is new waits for nothing that fails
    sent, until = 0, time.monotonic() + LONGEST_SECONDS
    for row in due.select_related("notice", "user"):
        if time.monotonic() > until:  # a server that does not answer must not hold up the sweeper
            break
        if _claim(row, now):
            sent += _deliver(row, now)
    return sent


def _claim(row: Delivery, now: datetime) -> bool:
    """Whoever counts this attempt makes it; another sweep finds it due later. An attempt that died is tried again then."""
    wait = min(FIRST_RETRY * 2 ** min(row.attempts, 10), LONGEST_RETRY)
    free = Delivery.objects.filter(pk=row.pk, sent_at__isnull=True, attempts=row.attempts)
    return free.update(attempts=row.attempts + 1, due_at=now + wait) == 1


def _plan(notice: Notice, people: Sequence[User], now: datetime) -> None:
    rows = [
        Delivery(notice=notice, user=user, channel="email", made_at=now, due_at=now) for user in people if user.email
    ]
    tried_out = notice.partner is not None and notice.partner.sandbox_of_id is not None
    if settings.NOTIFY_WEBHOOK and not tried_out:
        rows.append(Delivery(notice=notice, user=None, channel="webhook", made_at=now, due_at=now))
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)


def _deliver(row: Delivery, now: datetime) -> int:
    """Outside any transaction: a server that does not answer holds up nothing but itself."""
    link = f"{settings.SITE_URL}{row.notice.path}"
    try:
        if row.channel == "email":
            assert row.user is not None
            body = f"{row.notice.text}\n\n{link}\n\nAcknowledge it: {settings.SITE_URL}/notices/\n"
            send_mail(f"Remit: {row.notice.text}"[:150], body, None, [row.user.email])
        else:
            _post(
                {
                    "kind": row.notice.kind,
                    "text": row.notice.text,
                    "url": link,
                    "raised_at": row.notice.raised_at.isoformat(),
                }
            )
    except Exception as error:
        log.warning("notice %s could not be sent by %s: %s", row.notice_id, row.channel, error)
        unsent = Delivery.objects.filter(pk=row.pk, sent_at__isnull=True)  # a later attempt may have come through
        unsent.update(error=f"{type(error).__name__}: {error}"[:300])
        return 0
    Delivery.objects.filter(pk=row.pk).update(sent_at=now, error="")
    return 1


def _post(payload: dict[str, str]) -> None:
    """To the address that the one who runs Remit has set: theirs to trust."""
    httpx2.post(settings.NOTIFY_WEBHOOK, json=payload, timeout=WEBHOOK_SECONDS).raise_for_status()


def acknowledge(user: User, notice_id: int, now: datetime) -> Notice:
    """Somebody sees to it: nobody else is called. Raises Refused when it is not theirs, or somebody does already."""
    with transaction.atomic():
        notice = Notice.objects.select_for_update(no_key=True).filter(pk=notice_id).first()
        if notice is None or not duty.covers(user, notice):
            raise Refused("There is no such notice for you.")
        if notice.acknowledged_by is not None:
            raise Refused(f"{notice.acknowledged_by.get_full_name() or notice.acknowledged_by} sees to it already.")
        notice.acknowledged_by, notice.acknowledged_at = user, now
        notice.save(update_fields=["acknowledged_by", "acknowledged_at"])
        audit.record(audit.person(user), notice, "acknowledged", at=now)
    return notice


def open_for(user: User) -> list[Notice]:
    """The notices that nobody has acknowledged and that concern this person, the latest first."""
    theirs = Q(partner__isnull=True) | Q(partner__in=partners_of(user))
    rows = Notice.objects.filter(theirs, **_OPEN).select_related("partner")[:100]
    return [notice for notice in rows if duty.covers(user, notice)]
