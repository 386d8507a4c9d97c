"""What every page's header shows: where one can go, today's numbers, and what is paused."""

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from apps.interactions import notifying
from apps.policies import pauses, staff
from apps.reach.queue import Today, today

_PLACES = (
    ("Reach", "reach:queue", "/reach/", "interactions.view_escalation"),
    ("Audit desk", "reach:audits", "/audits/", "learning.judge_caseaudit|learning.view_caseaudit"),
    ("Flow", "reach:flow", "/flow/", "interactions.view_escalation"),
    ("Insights", "reach:insights", "/insights/", "interactions.view_escalation|interactions.view_numbers"),
    ("Signals", "reach:signals", "/signals/", "learning.view_signal"),
    ("Boundaries", "admin:policies_boundary_changelist", "/admin/policies/boundary", "policies.view_boundary"),
    ("Admin", "admin:index", "/admin/", ""),
)


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Queries run only in templates that show the numbers."""
    user = getattr(request, "user", None)
    if not isinstance(user, User) or not user.is_authenticated:
        return {}
    places = [
        (label, name, prefix) for label, name, prefix, rights in _PLACES
        if not rights or any(user.has_perm(right) for right in rights.split("|"))
    ]  # fmt: skip
    here = max((prefix for _, _, prefix in places if request.path.startswith(prefix)), key=len, default="")
    return {
        "places": [{"label": label, "name": name, "here": prefix == here} for label, name, prefix in places],
        "notices": SimpleLazyObject(lambda: notifying.open_for(user)),
        "role": SimpleLazyObject(lambda: staff.role_of(user)),
        "today": SimpleLazyObject(lambda: _today(user)),
        "paused": SimpleLazyObject(lambda: pauses.seen_by(user).filter(lifted_at=None)),
    }


def _today(user: User) -> Today:
    return today(user, timezone.localtime())
