"""What time alone brings about in learning."""

from django.utils import timezone

from apps.learning import audits, refinements


def sweep() -> None:
    """End audits that nobody judged in time, and make the reports that are due."""
    now = timezone.now()
    audits.expire_overdue(now)
    refinements.make_due(now)
