"""What time alone brings about in learning."""

from django.utils import timezone

from apps.learning import audits


def sweep() -> None:
    """End audits that nobody judged in time."""
    audits.expire_overdue(timezone.now())
