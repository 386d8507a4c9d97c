"""Who may open which page: every view of Reach is behind one of these."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpResponseBase

View = Callable[..., HttpResponseBase]


def needs(permission: str) -> Callable[[View], View]:
    """Signed in and with the permission; a person without it gets a 403 that says so, nobody is sent round in circles."""

    def decorate(view: View) -> View:
        guarded: Any = login_required(permission_required(permission, raise_exception=True)(view))
        return guarded  # type: ignore[no-any-return]

    return decorate


sees_queue = needs("interactions.view_escalation")
decides = needs("interactions.decide_escalation")
drafts_boundaries = needs("policies.add_boundaryversion")
sees_audits = needs("learning.view_caseaudit")
judges_audits = needs("learning.judge_caseaudit")
sees_signals = needs("learning.view_signal")
