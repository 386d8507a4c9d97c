"""What time alone brings about in learning."""

import logging

from django.utils import timezone

from apps.learning import audits, outcomes, ramping, replays, reporting, retraining

log = logging.getLogger(__name__)

STEPS = (
    audits.expire_overdue,
    ramping.go_on,
    reporting.give_up_lost,
    reporting.ask_due,
    replays.attach_missing,
    outcomes.look,
    retraining.retrain_when_due,
)


def sweep() -> None:
    """End audits that nobody judged in time, let ramps go on, have the reports made that are due, look at outcomes, train
    anew. A step that breaks is logged and tried again the next time; it keeps no other from its turn."""
    now = timezone.now()
    for step in STEPS:
        try:
            step(now)
        except Exception:
            log.exception("%s broke; the other steps go on", step.__name__)
