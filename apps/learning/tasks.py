"""What time alone brings about in learning."""

from functools import partial

from django.utils import timezone

from apps.interactions.tasks import in_turn
from apps.learning import audits, minimums, outcomes, ramping, replays, reporting, retraining

STEPS = (
    audits.expire_overdue,
    ramping.go_on,
    minimums.settle,
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
    in_turn(*(partial(step, now) for step in STEPS))
