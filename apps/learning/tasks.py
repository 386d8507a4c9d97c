"""What time alone brings about in learning."""

from django.utils import timezone

from apps.learning import audits, outcomes, ramping, replays, reporting, retraining


def sweep() -> None:
    """End audits that nobody judged in time, let ramps go on, make the reports that are due, and look at outcomes."""
    now = timezone.now()
    audits.expire_overdue(now)
    ramping.go_on(now)
    reporting.give_up_lost(now)
    reporting.ask_due(now)
    replays.attach_missing(now)
    retraining.retrain_when_due(now)
    outcomes.look(now)
