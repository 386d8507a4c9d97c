"""Settlement: waiting until nothing is due, and counting what became of everything that was sent."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.utils import timezone

from apps.interactions import execution, tasks
from apps.interactions.models import DecisionRecord, Interaction
from apps.policies.models import Partner

POLL_SECONDS = 0.25
_S = Interaction.State


def work_left() -> int:
    """Rows that a worker still has to move: due cases, decisions to commit, effects that can leave."""
    now = timezone.now()
    return (
        Interaction.objects.filter(due_at__isnull=False, state=_S.RECEIVED).count()
        + DecisionRecord.objects.filter(state="decided", commit_at__lte=now).count()
        + execution.ready_effects().count()
    )


def settle(say: Callable[[str], object]) -> None:
    """Wait for the workers, or, when none is alive, do their work here; returns when nothing is left."""
    said = None
    while work_left():
        alive = tasks.workers_are_alive()
        if alive is not said:
            say("Workers are running: waiting for them." if alive else "No worker is running: working here.")
            said = alive
        if alive or not tasks.advance():
            time.sleep(POLL_SECONDS)


def counts(partner: Partner, sent: Sequence[str] | None) -> dict[str, Any]:
    """How many interactions are where. `lost` is what was sent and is in no state that somebody looks after."""
    rows = Interaction.objects.of(partner)
    if sent is not None:
        rows = rows.filter(external_id__in=RawSQL("SELECT unnest(%s::text[])", [sorted(set(sent))]))  # one parameter
    by_state = Counter(rows.values_list("state", flat=True))
    settled = {
        "resolved": by_state[_S.RESOLVED] + by_state[_S.CLOSED],
        "awaiting_decision": by_state[_S.AWAITING_DECISION],
        "awaiting_customer": by_state[_S.AWAITING_CUSTOMER],
        "merged": by_state[_S.MERGED],
        "dismissed": by_state[_S.DISMISSED],
        "stalled": by_state[_S.STALLED],
    }
    number = len(set(sent)) if sent is not None else rows.count()
    handled = rows.filter(~Q(state=_S.MERGED))
    return {
        "interactions": number,
        **settled,
        "lost": number - sum(settled.values()) - by_state[_S.REFERRED],
        "by_type": dict(sorted(Counter(handled.values_list("case_type", flat=True)).items())),
        "by_handler": dict(sorted(Counter(handled.values_list("handler", flat=True)).items())),
    }
