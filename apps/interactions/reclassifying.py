"""Reading the past again: which cases another classifier would have had handled otherwise. Changes nothing.

The messages are those that each case's latest ruling was about, the facts those that were known then, and the boundary
the one that ruled. What able and earned said for other reasons than the reading is kept.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import QuerySet

from apps.interactions.checks import also_asked, floor_of, strictest
from apps.interactions.classification import intents
from apps.interactions.classification.case_types import case_type_of
from apps.interactions.classification.intents import Reading
from apps.interactions.classification.language import MEASURED
from apps.interactions.models import Interaction, Message
from apps.policies import simulating
from apps.policies.compiled import compiled_version
from apps.policies.facts import Fact, Facts
from apps.policies.models import Partner, Ruling
from apps.policies.words import Action, CaseType, Handler

BATCH = 200
_OF_THE_READING = frozenset({"not understood", "confidence", "language", "also asks"})


@dataclass(frozen=True, slots=True)
class ReadAgain:
    """One case: how it was read and handled, and how it would be. `handler` is None when the type is another one: then
    the AI would have proposed something else, which nobody has ruled on."""

    external_id: str
    reference: str
    type_then: str
    type_now: str
    confidence_then: float
    confidence_now: float
    handler_then: str
    handler_now: str | None

    @property
    def otherwise(self) -> bool:
        return self.type_then != self.type_now or self.handler_then != self.handler_now


def cases_since(since: datetime, partner: Partner | None = None) -> QuerySet[Interaction]:
    """Cases whose latest ruling is from then or later, oldest first."""
    rows = Interaction.objects.filter(ruling__at__gte=since).exclude(state=Interaction.State.MERGED)
    return rows.filter(partner=partner) if partner else rows


def read_again(cases: QuerySet[Interaction], model: Any = None) -> Iterator[ReadAgain]:
    """Each case as `model` would have had it handled (default: the one that ships), batch by batch."""
    rows = cases.select_related("ruling__version").prefetch_related("messages", "decisions__ruling").order_by("pk")
    for batch in in_batches(rows, BATCH):
        yield from _batch(batch, model)


def in_batches(rows: QuerySet[Interaction], size: int) -> Iterator[list[Interaction]]:
    """The rows, read from the database as they are needed."""
    reading = rows.iterator(chunk_size=size)
    while batch := list(islice(reading, size)):
        yield batch


def _batch(rows: Sequence[Interaction], model: Any) -> Iterator[ReadAgain]:
    for row, reading in zip(rows, intents.read([asked_then(row) for row in rows], model), strict=True):
        assert row.ruling is not None
        yield _compared(row, row.ruling, reading)


def asked_then(row: Interaction) -> str:
    """The words that the ruling was about: the customer's, since what an earlier decision answered."""
    assert row.ruling is not None
    at = row.ruling.at
    answered = [
        decision.ruling.at
        for decision in row.decisions.all()
        if decision.state == "executed" and decision.action != Action.ASK_CUSTOMER and decision.ruling.at < at
    ]
    since = max(answered, default=None)
    theirs = [message for message in row.messages.all() if message.author == "customer" and message.created_at <= at]
    asked = [message for message in theirs if since is None or message.created_at > since] or theirs[-1:]
    return "\n".join([*_subject(row, theirs, asked), *(message.text for message in asked)])


def _subject(row: Interaction, theirs: Sequence[Message], asked: Sequence[Message]) -> list[str]:
    return [row.subject] if row.subject and asked[:1] == theirs[:1] else []


def _compared(row: Interaction, ruling: Ruling, reading: Reading) -> ReadAgain:
    asked = simulating.read(simulating.of_ruling(ruling))
    found = [name for name, _ in reading.intents]
    known = {name: value for name, value in asked.facts.items() if value is not None}
    known.pop("message.intents", None)
    if found:
        known["message.intents"] = frozenset(found)
    facts = Facts({name: Fact(name, value, "as it was", ruling.at) for name, value in known.items()})
    case_type = case_type_of(found, facts).value
    asked = replace(asked, facts=dict(known))
    return ReadAgain(
        external_id=row.external_id,
        reference=str(row.reference),
        type_then=ruling.case_type,
        type_now=case_type,
        confidence_then=float(ruling.confidence),
        confidence_now=reading.confidence,
        handler_then=ruling.handler,
        handler_now=_handler(ruling, asked, reading, facts).value if case_type == ruling.case_type else None,
    )


def _handler(ruling: Ruling, asked: simulating.Asked, reading: Reading, facts: Facts) -> Handler:
    version = ruling.version
    policy = compiled_version(version.pk, version.approved_hash) if version else None
    said = policy.rule(asked.case_type, asked.proposal, asked.facts).handler if policy else Handler.HUMAN
    kept = [Handler(no["handler"]) for no in ruling.downgrades if no["question"] != "permitted" and
            no["code"] not in _OF_THE_READING]  # fmt: skip
    floor = floor_of(policy, asked.case_type, asked.proposal.action)
    unsure = not reading.intents or reading.confidence < floor or reading.language not in MEASURED
    also = also_asked(reading, CaseType(asked.case_type), Action(asked.proposal.action), facts)
    by_reading = [Handler.HUMAN] if unsure else [Handler.COLLABORATIVE] if also else []
    return strictest([Handler(said), *kept, *by_reading])
