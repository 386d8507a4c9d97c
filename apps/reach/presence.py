"""Presence: who has a case open right now, to read it or to decide it."""

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Value
from django.db.models.functions import Coalesce, NullIf

from apps.reach.models import Presence

GONE_AFTER = timedelta(seconds=75)  # the page says so every 30 seconds


def seen(user: User, escalation_id: int, now: datetime) -> None:
    """This person has this case open; nobody is at two at once."""
    Presence.objects.update_or_create(user=user, defaults={"escalation_id": escalation_id, "seen_at": now})


def others_at(user: User, now: datetime) -> ArraySubquery:
    """The first names of who else has an escalation open, to annotate escalations with."""
    rows = Presence.objects.filter(escalation=OuterRef("pk"), seen_at__gt=now - GONE_AFTER).exclude(user=user)
    name = Coalesce(NullIf("user__first_name", Value("")), "user__username")
    return ArraySubquery(rows.values_list(name, flat=True))
