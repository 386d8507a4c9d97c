"""The circuit breaker of a model, in its row: one process's bad experience spares all the others theirs.

closed → (`failures_to_open` faults in a row) → open → (after `pause_seconds`, one call probes) → closed, or open again.

Only faults of the endpoint count. An answer that is odd counts as a sign of life: otherwise whoever can make the
model write nonsense could turn it off for every brand.
"""

from datetime import datetime, timedelta
from enum import Enum

from django.db.models import Case, F, Value, When

from apps.interactions.models import OutsideModel


class Pass(Enum):
    """Whether a call may be made: as any other, as the one probe, or not."""

    GO = "go"
    PROBE = "probe"
    STAY = "stay"


def admit(model: OutsideModel, now: datetime) -> Pass:
    """Ask before a call. Of all that ask after the pause, one is the probe; should it die, the next pause brings another."""
    row = OutsideModel.objects.values("open_until", "active").get(pk=model.pk)
    if not row["active"]:
        return Pass.STAY
    if row["open_until"] is None:
        return Pass.GO
    probing = OutsideModel.objects.filter(pk=model.pk, open_until__lte=now).update(open_until=_until(model, now))
    return Pass.PROBE if probing else Pass.STAY


def answered(model: OutsideModel, given: Pass) -> None:
    """A sign of life. While the breaker is open only the probe's counts: other calls began before it opened."""
    rows = OutsideModel.objects.filter(pk=model.pk)
    if given is not Pass.PROBE:
        rows = rows.filter(open_until=None, failures__gt=0)
    rows.update(failures=0, open_until=None)


def failed(model: OutsideModel, now: datetime) -> None:
    """A fault of the endpoint."""
    opens = When(failures__gte=model.failures_to_open - 1, then=Value(_until(model, now)))
    OutsideModel.objects.filter(pk=model.pk).update(
        failures=F("failures") + 1, open_until=Case(opens, default=F("open_until"))
    )


def _until(model: OutsideModel, now: datetime) -> datetime:
    return now + timedelta(seconds=model.pause_seconds)
