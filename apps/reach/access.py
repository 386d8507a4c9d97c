"""Who may open which page: every view of Reach is behind one of these."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

View = Callable[..., HttpResponseBase]


def needs(permission: str) -> Callable[[View], View]:
    """Signed in and with the permission; a person without it gets a 403 that says so, nobody is sent round in circles."""

    def decorate(view: View) -> View:
        guarded: Any = login_required(permission_required(permission, raise_exception=True)(view))
        return guarded  # type: ignore[no-any-return]

    return decorate


def needs_any(*permissions: str) -> Callable[[View], View]:
    """Signed in and with one of the permissions."""

    def decorate(view: View) -> View:
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not any(request.user.has_perm(permission) for permission in permissions):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        signed_in: Any = login_required(wraps(view)(guarded))
        return signed_in  # type: ignore[no-any-return]

    return decorate


sees_queue = needs("interactions.view_escalation")
sees_numbers = needs_any("interactions.view_escalation", "interactions.view_numbers")
decides = needs("interactions.decide_escalation")
acts_on_cases = needs_any("interactions.decide_escalation", "interactions.add_shift")
drafts_boundaries = needs("policies.add_boundaryversion")
sees_audits = needs_any("learning.judge_caseaudit", "learning.view_caseaudit")
judges_audits = needs("learning.judge_caseaudit")
sees_signals = needs("learning.view_signal")
