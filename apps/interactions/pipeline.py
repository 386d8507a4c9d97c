"""The pipeline: classify → gather → propose → rule → act alone or brief a person, for a batch of due cases.

    advance(limit=50)   takes due cases through, and says how many it took

The row is the queue. A batch is claimed in one short transaction (`SKIP LOCKED`, attempts counted before the
work, a new lease token); the work happens outside any transaction; the result is written back only to rows
that still carry the token and state, and the rest is dropped. A case that keeps failing is stalled and shown,
and its neighbours go on: from its second attempt on a case is worked on alone.
"""

import logging
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta

import pgbulk
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from apps.interactions import escalating, gathering, outside_model, reading_models, recording, sent_along
from apps.interactions.case import Case, unanswered
from apps.interactions.checks import Limiting, authority_for
from apps.interactions.classification import intents
from apps.interactions.classification.case_types import case_type_of
from apps.interactions.classification.detecting import alarms_of
from apps.interactions.drafting.grounding import unfounded
from apps.interactions.models import DecisionRecord, Interaction, Message
from apps.interactions.playbooks import plan_for
from apps.interactions.worked import Worked
from apps.policies import audit, pauses, ramps
from apps.policies.compiled import InForce, policies_in_force
from apps.policies.machines import move

log = logging.getLogger(__name__)

BATCH = 50
LEASE = timedelta(seconds=90)
MOST_ATTEMPTS = 4
_PIPELINE = audit.system("pipeline")


def advance(limit: int = BATCH) -> int:
    """Take up to `limit` due cases one step through the pipeline; returns how many were claimed."""
    claimed = _claim(limit)
    if not claimed:
        return 0
    with audit.correlated():
        worked = work(claimed)
        recording.write_back(worked, _PIPELINE)
    return len(claimed)


def _claim(limit: int) -> list[Interaction]:
    now = timezone.now()
    with transaction.atomic():
        # A case whose decision is being carried out waits for the end of that: one open decision a case.
        carried_out = DecisionRecord.objects.filter(
            interaction=OuterRef("pk"), state__in=[DecisionRecord.State.COMMITTED, DecisionRecord.State.EXECUTING]
        )
        due = (
            Interaction.objects.select_for_update(no_key=True, skip_locked=True)
            .filter(due_at__lte=now, state=Interaction.State.RECEIVED)
            .exclude(lease_until__gt=now)
            .exclude(Exists(carried_out))
            .order_by("-public", "due_at", "id")  # what others read comes first
        )
        rows = list(due[:limit])
        worn_out = [row for row in rows if row.attempts >= MOST_ATTEMPTS]
        _stall(worn_out)
        rows = [row for row in rows if row.attempts < MOST_ATTEMPTS]
        fresh = [row for row in rows if row.attempts == 0]
        rows = fresh or rows[:1]  # what failed before is worked on alone
        for row in rows:
            row.attempts, row.lease_token, row.lease_until = row.attempts + 1, uuid.uuid4(), now + LEASE
        pgbulk.update(Interaction, rows, ["attempts", "lease_token", "lease_until"])
    return rows


def _stall(rows: Sequence[Interaction]) -> None:
    for row in rows:
        row.stalled_because = row.stalled_because or f"Workers ended {row.attempts} times while working on it."
        row.due_at = row.lease_token = None
    move(
        rows,
        "stall",
        actor=_PIPELINE,
        reason=f"{MOST_ATTEMPTS} attempts",
        save=("stalled_because", "due_at", "lease_token"),
    )


def work(claimed: Sequence[Interaction]) -> list[Worked]:
    """Understand, gather, propose and rule: reads only, outside any transaction. Outside models of brands that chose one
    take part."""
    cases = load(claimed)
    opt_ins = outside_model.opted_in(case.partner for case in cases)
    readers = outside_model.read_too(cases, [_asked_in(case.interaction) for case in cases], opt_ins)
    counts = gathering.counts_for(cases)
    in_force = policies_in_force(list({case.partner.pk: case.partner for case in cases}.values()))
    limiting = _limiting(in_force)
    results: list[Worked] = []
    seen: dict[tuple[int | None, str], int] = {}
    for case in cases:
        worked = Worked(case, read_by=readers.get(case.interaction.pk, ""))
        try:
            gathering.gather(case, counts)
            _work_on(worked, in_force, limiting, seen)
        except Exception as error:
            # One case that breaks a playbook must not take its neighbours along; it is tried again, then stalled.
            log.exception("case %s failed", case.interaction.external_id)
            worked.error = f"{type(error).__name__}: {error}"
        results.append(worked)
    outside_model.put_into_words(results, opt_ins, claims_against)
    return results


def _limiting(in_force: dict[int, InForce]) -> Limiting:
    policies = [one.policy for rules in in_force.values() for one in (rules.active, rules.replaced) if one is not None]
    return Limiting(pauses.in_force(), ramps.of(pk for policy in policies for pk in policy.ramps.values()))


def claims_against(worked: Worked) -> Callable[[str], list[str]]:
    """The check of what an outside model writes: its claims that nothing in the packet supports, in its words."""
    assert worked.plan is not None
    source = worked.plan.proposal.source(worked.case)
    return lambda text: [claim.words for claim in unfounded(text, source)]


def brief_again(interaction: Interaction, actor: audit.Actor) -> None:
    """A decision failed while it was carried out: rule and brief the case anew, inside the caller's transaction.

    The failure is a "no" to *able*, so the case goes to a person, who is told what happened.
    """
    (case,) = load([interaction])
    gathering.gather(case, gathering.counts_for([case]))
    worked = Worked(case)
    in_force = policies_in_force([case.partner])
    _rule(worked, in_force, _limiting(in_force))
    recording.brief_failed(worked, actor)


def _work_on(
    worked: Worked,
    in_force: dict[int, InForce],
    limiting: Limiting,
    seen: dict[tuple[int | None, str], int],
) -> None:
    """`seen` holds the cases without an order of this batch, by customer and type."""
    case = worked.case
    _go_on_after_return(case)
    case.case_type = case_type_of([intent for intent, _ in case.reading.intents], case.facts)
    worked.merge_into = _same_matter_without_order(case, seen)
    if worked.merge_into is None:
        _rule(worked, in_force, limiting)


def _go_on_after_return(case: Case) -> None:
    """The return that we sent a label for is in and nothing new was written: the case is still that return, however
    the customer's last words ("thanks!") read."""
    known = case.facts.value
    if known("order.return_received") and known("order.label_sent") and not any(_is_open(m) for m in case.messages):
        case.reading = intents.Reading((("return_or_refund", 1.0),), 1.0)


def _is_open(message: Message) -> bool:
    return message.author == "customer" and not message.handled


def _rule(worked: Worked, in_force: dict[int, InForce], limiting: Limiting) -> None:
    case = worked.case
    case.case_type = case_type_of([intent for intent, _ in case.reading.intents], case.facts)
    worked.plan, worked.playbook_version = plan_for(case)
    rules_here = in_force.get(case.partner.pk)
    released = rules_here.ruling(str(case.interaction.reference)) if rules_here else None
    if released is not None:
        worked.version_id, worked.content_hash = released.version_id, released.policy.content_hash
    failed_before = escalating.last_failure(case.interaction)
    policy = released.policy if released else None
    worked.authority = authority_for(case, worked.plan, policy, limiting, failed_before=failed_before)
    for shadow in rules_here.shadows if rules_here else ():
        verdict = shadow.policy.rule(case.case_type.value, worked.authority.proposal, case.facts.known_at(case.at))
        worked.shadows.append((shadow.version_id, verdict))


def load(claimed: Sequence[Interaction]) -> list[Case]:
    """The cases with everything that playbooks read, in bulk, their unanswered messages read; facts are not gathered yet."""
    rows = list(
        Interaction.objects.filter(pk__in=[row.pk for row in claimed])
        .select_related("partner", "customer")
        .prefetch_related(*gathering.rows_of_cases(), "partner__stages")
        .order_by("pk")
    )
    tokens = {row.pk: row.lease_token for row in claimed}
    orders = gathering.load_orders({row.order_id for row in rows if row.order_id})
    terms = gathering.active_terms({row.partner_id for row in rows})
    products = gathering.products_in(orders.values())
    own_words = gathering.alarm_words({row.partner_id for row in rows})
    partners = {row.partner_id: row.partner for row in rows}
    texts, reader = [_asked_in(row) for row in rows], reading_models.current()
    cases = []
    found = alarms_of([_ever_said(row) for row in rows], [own_words.get(row.partner_id, {}) for row in rows])
    for row, reading, alarming in zip(rows, intents.read(texts, reader.model, reader.version), found, strict=True):
        row.lease_token = tokens[row.pk]
        cases.append(
            Case(
                interaction=row,
                partner=partners[row.partner_id],
                customer=row.customer,
                order=orders.get(row.order_id) if row.order_id else None,
                terms=terms.get(row.partner_id),
                messages=row.message_rows,  # type: ignore[attr-defined]
                reading=reading,
                products=products.get(row.partner_id, {}),
                alarms=alarming,
            )
        )
    return cases


def _ever_said(row: Interaction) -> str:
    """All that the customer wrote on the case: a later "thanks" takes no alarm back."""
    messages = row.message_rows  # type: ignore[attr-defined]
    return "\n".join([row.subject, *(message.text for message in messages if message.author == "customer")])


def _asked_in(row: Interaction) -> str:
    """The words to read: the subject with the first message, and every message that nobody has answered."""
    messages = row.message_rows  # type: ignore[attr-defined]
    started = [message.handled for message in messages if message.author == "customer"][:1] == [False]
    first = [row.subject] if row.subject and started else []
    return "\n".join([*first, *(message.text for message in unanswered(messages))])


def _same_matter_without_order(case: Case, seen: dict[tuple[int | None, str], int]) -> int | None:
    """The customer's earlier open case without an order that asks for the same, if there is one."""
    row = case.interaction
    if row.order_id is not None or row.customer_id is None or row.sender_verified is False or not case.reading.intents:
        return None
    if sent_along.order_to_come(row):
        return None
    earlier = (
        Interaction.objects.in_the_open()
        .exclude(state=Interaction.State.RESOLVED)
        .exclude(sent_along.NAMES_ONE)
        .filter(
            customer_id=row.customer_id, order__isnull=True, case_type=case.case_type.value, vouched=True, pk__lt=row.pk
        )
        .order_by("pk")
        .values_list("pk", flat=True)
        .first()
    )
    return earlier or _first_of_batch(seen, (row.customer_id, case.case_type.value), row.pk)


def _first_of_batch(seen: dict[tuple[int | None, str], int], matter: tuple[int | None, str], pk: int) -> int | None:
    first = seen.setdefault(matter, pk)
    return None if first == pk else first
