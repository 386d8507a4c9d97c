"""Audits: a random share of what the AI did alone, judged by people who do not see what it did; judgements by two; and
cases with a known answer, which show how attentive people are.

    take_next(user) → judge(user, …) → review(user, …)

They are drawn in the transaction of what they look at, with a probability that is kept. Nobody audits what they decided or
judged themselves, nor their own order.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from apps.interactions import blind, choosing
from apps.interactions.classification.names import INTENTS
from apps.interactions.models import DecisionRecord, Interaction
from apps.learning import breaker
from apps.learning.disagreement import differs
from apps.learning.drawing import TIME_FOR
from apps.learning.models import CaseAudit, KnownAnswer
from apps.learning.models.audit import found_wrong
from apps.policies import audit
from apps.policies.errors import Moved, Refused
from apps.policies.machines import move
from apps.policies.models import partners_of

LEASE = timedelta(minutes=15)
KNOWN_PERCENT = 8  # of what somebody takes from the desk
_S = CaseAudit.State
_HELD = ("claimed_by", "claimed_at", "lease_until")


def waiting_for(user: User) -> QuerySet[CaseAudit]:
    """What this person may judge: of their brands, by others, and held by nobody else."""
    own = Q(judgement__by=user)  # and whoever decided on the case, with the proposal in view or not
    for path in ("decision__interaction", "judgement__escalation__interaction"):
        own |= Q(**{f"{path}__decisions__decided_by": user}) | Q(**{f"{path}__decisions__second_by": user})
    if user.email:
        for path in ("decision__interaction", "judgement__escalation__interaction"):
            own |= Q(**{f"{path}__customer__email__iexact": user.email})
            own |= Q(**{f"{path}__order__customer__email__iexact": user.email})
    others = Q(claimed_by__isnull=False, lease_until__gt=timezone.now()) & ~Q(claimed_by=user)
    mine = Q(claimed_by=user)
    known = Q(kind=CaseAudit.Kind.KNOWN) & ~mine  # made for one person
    rows = CaseAudit.objects.filter(state=_S.OPEN, partner__in=partners_of(user))
    return (
        rows.exclude(pk__in=CaseAudit.objects.filter(own, state=_S.OPEN).values("pk"))
        .exclude(others)
        .exclude(known)
        .exclude(skipped_by=user)
    )


def hides(user: User, case: Interaction) -> bool:
    """Whether what was done on a case stays hidden from this person: they may be asked to judge it, and nobody has yet."""
    if not user.has_perm("learning.judge_caseaudit"):
        return False
    of_case = Q(decision__interaction=case) | Q(judgement__escalation__interaction=case)
    return CaseAudit.objects.filter(of_case, state=_S.OPEN).exists()


def held_by(user: User) -> CaseAudit | None:
    """The audit this person has open and has not finished: judged, it is still to be reviewed."""
    mine = Q(state=_S.OPEN, claimed_by=user, lease_until__gt=timezone.now()) | Q(state=_S.JUDGED, judged_by=user)
    return CaseAudit.objects.filter(mine).order_by("-claimed_at").first()


def take_next(user: User) -> CaseAudit | None:
    """The one that is due first; now and then one with a known answer. None when nothing is left to judge."""
    now = timezone.now()
    with transaction.atomic():
        if blind.drawn(KNOWN_PERCENT) and (known := _known_for(user, now)) is not None:
            return known
        row = waiting_for(user).order_by("due_at", "pk").select_for_update(
            no_key=True, skip_locked=True, of=("self",)
        ).first()  # fmt: skip
        if row is None:
            return None
        row.claimed_by, row.claimed_at, row.lease_until = user, now, now + LEASE
        row.save(update_fields=_HELD)
    return row


def _known_for(user: User, now: datetime) -> CaseAudit | None:
    """A known answer that this person has not judged yet, as an audit of its own."""
    judged = CaseAudit.objects.filter(claimed_by=user, answer__isnull=False).values("answer")
    left = list(KnownAnswer.objects.filter(active=True, partner__in=partners_of(user)).exclude(pk__in=judged)[:50])
    left = [answer for answer in left if user.pk not in (answer.made_by_id, answer.judged_by_id)]
    if not left:
        return None
    answer = random.SystemRandom().choice(left)
    return CaseAudit.objects.create(
        kind=CaseAudit.Kind.KNOWN, partner=answer.partner, case_type=answer.case_type, answer=answer, content=answer.content,
        probability=Decimal(KNOWN_PERCENT) / 100, drawn_at=now, due_at=now + TIME_FOR, claimed_by=user, claimed_at=now,
        lease_until=now + LEASE,
    )  # fmt: skip


def _holding(user: User, audit_id: int, state: str) -> CaseAudit:
    row = CaseAudit.objects.select_for_update(no_key=True, of=("self",)).filter(pk=audit_id).first()
    if row is None or row.claimed_by_id != user.pk or row.state != state:
        raise Moved("This audit is not yours any more. Take the next one.")
    return row


def judge(user: User, audit_id: int, *, place: int, amount: str = "", rationale: str = "") -> CaseAudit:
    """Keep what this person would have done. Raises Moved when it is not theirs, Refused when nothing was chosen."""
    now = timezone.now()
    with transaction.atomic():
        row = _holding(user, audit_id, _S.OPEN)
        options = blind.in_fixed_order(row.content)
        if not 0 <= place < len(options):
            raise Refused("Choose what you would do.")
        option = options[place]
        money = choosing.money_of(option, amount)
        row.judged_by, row.judged_at, row.rationale = user, now, rationale.strip()
        row.action, row.label = option["action"], option["label"]
        row.amount, row.currency = (money.amount, money.currency) if money else (None, "")
        row.seconds = int((now - (row.claimed_at or now)).total_seconds())
        row.agreed = not _difference(row)
        saved = ("judged_by", "judged_at", "rationale", "action", "label", "amount", "currency", "seconds", "agreed")
        move(row, "judge", actor=audit.person(user), save=saved)
        if (
            row.kind != CaseAudit.Kind.ALONE
        ):  # people are compared; nothing of the AI is there to be found right or wrong
            row.verdict, row.done_at = CaseAudit.Verdict.RIGHT, now
            move(row, "review", actor=audit.person(user), save=("verdict", "done_at"))
    return row


def compared_with(row: CaseAudit) -> tuple[str, Decimal | None]:
    """Action and amount of what an audit is about: done by the AI, judged by somebody before, or known."""
    source = row.decision or row.judgement
    if source is not None:
        return source.action, source.amount
    assert row.answer is not None
    return row.answer.action, None


def _difference(row: CaseAudit) -> str:
    """In what somebody's answer differs from what it is compared with; of a known answer the action alone is kept."""
    action, amount = compared_with(row)
    if row.kind == CaseAudit.Kind.KNOWN:
        return differs(row.action, None, action, amount)
    other = row.judgement.label if row.judgement is not None else row.content["options"][0]["label"]
    return differs(row.action, row.amount, action, amount, option=row.label, proposed_option=other)


def review(
    user: User, audit_id: int, *, verdict: str, wrong_part: str = "", words: str = "", asked_for: str = ""
) -> CaseAudit:
    """Say whether what the AI did was right, all of it, its reply too. Raises Refused without a verdict, or when what was
    wrong is not named."""
    with transaction.atomic():
        row = _holding(user, audit_id, _S.JUDGED)
        if verdict not in CaseAudit.Verdict.values:
            raise Refused("Say whether what the AI did was right.")
        if verdict == CaseAudit.Verdict.WRONG and wrong_part not in DecisionRecord.WrongPart.values:
            raise Refused("Say what was wrong: the type, a fact, the action, the amount or the wording.")
        row.verdict, row.words, row.done_at = verdict, words.strip(), timezone.now()
        row.wrong_part = wrong_part if verdict == CaseAudit.Verdict.WRONG else ""
        misread = row.wrong_part == DecisionRecord.WrongPart.TYPE and asked_for in INTENTS
        row.asked_for = asked_for if misread else ""
        move(row, "review", actor=audit.person(user), reason=row.words,
             save=("verdict", "words", "wrong_part", "asked_for", "done_at"))  # fmt: skip
        breaker.count(row, row.done_at)
    return row


def skip(user: User, audit_id: int) -> None:
    """Put it back for others; it is not offered to this person again."""
    with transaction.atomic():
        row = _holding(user, audit_id, _S.OPEN)
        if row.kind != CaseAudit.Kind.KNOWN:  # that was made for this person, who is not asked it again
            row.claimed_by = row.claimed_at = None
        row.lease_until = None
        row.save(update_fields=_HELD)
        row.skipped_by.add(user)


def expire_overdue(now: datetime, limit: int = 500) -> int:
    """End audits that nobody finished in time. Who would have done otherwise, unseen, found it wrong, whether or not they said
    so once they saw it; the others are overdue for good."""
    with transaction.atomic():
        rows = CaseAudit.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
        begun = rows.filter(state__in=[_S.OPEN, _S.JUDGED], due_at__lt=now).exclude(lease_until__gt=now)
        late = list(begun.select_related("decision", "partner", "ramp")[:limit])
        otherwise = [row for row in late if row.state == _S.JUDGED and row.agreed is False]
        for row in otherwise:
            _end_unreviewed(row, now)
        over = [row for row in late if row not in otherwise]
        move(over, "expire", actor=audit.system("sweeper"), reason="not judged in time")
    return len(late)


def _end_unreviewed(row: CaseAudit, now: datetime) -> None:
    row.verdict, row.done_at = CaseAudit.Verdict.WRONG, now
    row.wrong_part = _difference(row) or DecisionRecord.WrongPart.ACTION
    row.words = "Judged otherwise unseen, and not reviewed in time."
    move(
        row,
        "review",
        actor=audit.system("sweeper"),
        reason=row.words,
        save=("verdict", "wrong_part", "words", "done_at"),
    )
    breaker.count(row, now)


@dataclass(frozen=True, slots=True)
class Vigilance:
    """How often somebody gave the known answer; None: no such case yet."""

    right: int
    judged: int

    @property
    def share(self) -> float | None:
        return self.right / self.judged if self.judged else None


def vigilance_of(user: User) -> Vigilance:
    known = CaseAudit.objects.filter(kind=CaseAudit.Kind.KNOWN, judged_by=user, state=_S.DONE)
    found = known.aggregate(right=Count("pk", filter=Q(agreed=True)), judged=Count("pk"))
    return Vigilance(found["right"], found["judged"])


def desk_of(user: User, now: datetime) -> Mapping[str, int]:
    """The desk's numbers: waiting for this person, overdue, done in seven days, of those found wrong and of these called as
    good once they were seen, and judged by two with how many differing."""
    rows = CaseAudit.objects.filter(partner__in=partners_of(user))
    week = Q(done_at__gte=now - timedelta(days=7))
    known, begun = Q(kind=CaseAudit.Kind.KNOWN), [_S.OPEN, _S.JUDGED]
    alone, double = Q(kind=CaseAudit.Kind.ALONE), Q(kind=CaseAudit.Kind.DOUBLE)
    return {
        "waiting": waiting_for(user).count(),
        **rows.aggregate(
            overdue=Count("pk", filter=~known & (Q(state=_S.EXPIRED) | Q(state__in=begun, due_at__lt=now))),
            done=Count("pk", filter=week & alone),
            wrong=Count("pk", filter=week & alone & found_wrong()),
            as_good=Count("pk", filter=week & alone & Q(agreed=False, verdict=CaseAudit.Verdict.RIGHT)),
            by_two=Count("pk", filter=double & Q(state=_S.DONE)),
            differing=Count("pk", filter=double & Q(state=_S.DONE, agreed=False)),
        ),
    }


def keep_as_known(user: User, row: CaseAudit, why: str) -> KnownAnswer:
    """A case that two people, or the AI and an auditor, answered alike becomes one with a known answer.

    Raises Refused when it is not settled, or without saying why the answer is right.
    """
    regretted = CaseAudit.objects.filter(pk=row.pk).filter(found_wrong()).exists()
    settled = row.state == _S.DONE and row.agreed and row.verdict == CaseAudit.Verdict.RIGHT and not regretted
    if not settled or row.kind == CaseAudit.Kind.KNOWN:
        raise Refused("Only an audit that is done and was answered alike can be kept as a known answer.")
    if not why.strip():
        raise Refused("Say what makes it the right answer.")
    answer = KnownAnswer.objects.create(
        partner=row.partner,
        case_type=row.case_type,
        content=row.content,
        action=row.action,
        why=why.strip(),
        made_by=user,
        judged_by=row.judged_by,
    )
    audit.record(audit.person(user), answer, "created", reason=answer.why)
    return answer
