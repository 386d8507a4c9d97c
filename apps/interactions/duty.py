"""Who is there: on shift, on call, away. Somebody who is away is neither, whatever else is planned."""

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, QuerySet

from apps.interactions.models import Notice, Shift
from apps.policies.models import remit_of


def present(kind: str, now: datetime) -> QuerySet[User]:
    """The people of a kind of duty right now, without those who are away."""
    at = Shift.objects.filter(user=OuterRef("pk"), starts_at__lte=now, ends_at__gt=now)
    people = User.objects.filter(Exists(at.filter(kind=kind)), is_active=True)
    return (
        people.exclude(Exists(at.filter(kind=Shift.Kind.AWAY)))
        .select_related("remit")
        .order_by("first_name", "username")
    )


def away(now: datetime) -> set[int]:
    """The ids of those who are away."""
    found = Shift.objects.filter(kind=Shift.Kind.AWAY, starts_at__lte=now, ends_at__gt=now)
    return set(found.values_list("user_id", flat=True))


def concerned(people: Iterable[User], notice: Notice) -> list[User]:
    """Those of the people whose remit covers what a notice is about."""
    return [user for user in people if covers(user, notice)]


def covers(user: User, notice: Notice) -> bool:
    """Whether a notice is about this person's brands and types, and within their seniority."""
    remit = remit_of(user)
    brands = remit.partner_ids()
    if notice.partner_id is not None and brands is not None and notice.partner_id not in brands:
        return False
    if notice.partner is not None and brands is None and notice.partner.sandbox_of_id is not None:
        return False
    if notice.case_type and remit.case_types and notice.case_type not in remit.case_types:
        return False
    return not notice.for_seniors or user.has_perm("interactions.decide_senior")
