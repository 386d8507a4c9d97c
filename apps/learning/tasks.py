"""What time alone brings about in learning."""

from django.utils import timezone

from apps.learning import audits, ramping, refinements


def sweep() -> None:
    """End audits that nobody judged in time, let ramps go on, and make the reports that are due."""
    now = timezone.now()
    audits.expire_overdue(now)
    ramping.go_on(now)
    refinements.make_due(now)
