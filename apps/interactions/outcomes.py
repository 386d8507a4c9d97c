"""Outcomes: what became of a case, as the brand reports it, or as it is seen here when the customer writes again.

report(case, said, …)        keep one; the same once more changes nothing
wrote_again(case, …)         the customer came back within seven days of the answer
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from apps.interactions import events, tenancy
from apps.interactions.models import Interaction, Outcome
from apps.interactions.models.outcome import REOPENED_WITHIN
from apps.policies import audit
from apps.policies.errors import Invalid

MOST_MERGES = 10  # of one case into another and on


@dataclass(frozen=True, slots=True)
class Said:
    """One outcome as it was reported; `score` is 1 to 5, of what is scored."""

    kind: str
    at: datetime
    reference: str
    score: int | None = None


def report(case: Interaction, said: Said, *, actor: audit.Actor, now: datetime) -> tuple[Outcome, bool]:
    """The outcome, and whether it is new. Raises Invalid for a score where none belongs, for none where one does, and for
    another outcome under a reference that is known."""
    # The brand knows the message that it sent; what was decided is on the case that has it now.
    for _ in range(MOST_MERGES):
        case = case.merged_into or case
    if (said.kind in Outcome.SCORED) != (said.score is not None):
        needs = "Send 1 to 5." if said.kind in Outcome.SCORED else "Only satisfaction and reviews have a score."
        raise Invalid({"score": [needs]})
    if said.at < case.received_at:
        raise Invalid({"at": ["This is before the customer wrote. Check the case, the clock and the time zone."]})
    with transaction.atomic():
        row, created = Outcome.objects.get_or_create(
            interaction=case, kind=said.kind, reference=said.reference,
            defaults={"partner_id": case.partner_id, "score": said.score, "at": said.at, "reported_at": now},
        )  # fmt: skip
        if not created and (row.score, row.at) != (said.score, said.at):
            raise Invalid({"reference": ["Another outcome was reported under this reference; what is reported stays."]})
        if created:
            audit.record(actor, case, "outcome", reason=said.kind, at=now)
            with tenancy.lifted():  # a breaker counts all brands
                events.outcome_reported.send(sender=Outcome, outcome=row, now=now)
    return row, created


def wrote_again(case: Interaction, *, actor: audit.Actor, now: datetime) -> None:
    """Call it before the case is reopened, or with the ended case that a new one goes on from."""
    if case.resolved_at is not None and now - case.resolved_at <= REOPENED_WITHIN:
        said = Said(Outcome.Kind.REOPENED, now, f"answer of {case.resolved_at.isoformat()}")
        if not case.outcomes.filter(kind=said.kind, reference=said.reference).exists():
            report(case, said, actor=actor, now=max(now, case.received_at))
