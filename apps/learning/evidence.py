"""Evidence: what people judged without seeing what the AI proposed or did, with the facts as they were known then.

Blind decisions and random audits of what the AI did alone are evidence. Decisions with the proposal in view are not, whatever
they say, and neither are the known cases that test people's attention. Once somebody sees a proposal they can find more wrong
with it, and never less: what they would have done unseen counts. Who asks the customer first, or ends the case without an
answer, has judged it. A drawn case that was charged back later, or was fraud, is an error, whatever people found; one that was
not drawn is told by the alarm of outcomes alone (outcomes.py).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet

from apps.interactions import precedents
from apps.interactions.models import DecisionRecord, Escalation, Interaction, Judgement, Outcome
from apps.learning.certification import Judged
from apps.learning.disagreement import AMOUNT_TOLERANCE, Disagreement, differs
from apps.learning.models import CaseAudit, Signal
from apps.policies import draws
from apps.policies.facts import Value
from apps.policies.models import Partner
from apps.policies.money import Money
from apps.policies.specs import Proposal
from apps.policies.words import Action, Handler

# Why the AI may not, whatever case it is: whoever makes a boundary wider, or a type live, changes that.
OF_NO_CASE = frozenset({"gate", "stage", "paused", "held out", "ramp", "budget", "quiet"})
_TAKEN_BACK = [DecisionRecord.State.WITHDRAWN, DecisionRecord.State.REJECTED]
AT_ONCE = 2_000  # rows in memory, of a year of many brands


@dataclass(frozen=True, slots=True)
class Piece:
    """One judged case: what the AI proposed or did, the facts that were ruled on, and the judgement. `how` is "blind" or
    "audit"; `granted` when the AI did it, or would have, had its grant not held it out or left it to people so far; it
    `passes` when it came in fresh, and no check of the case itself, such as that it was read with certainty, keeps it from
    being the AI's."""

    case_type: str
    action: str
    amount: Money | None
    facts: Mapping[str, Value | None]
    how: str
    channel: str
    granted: bool
    judged: Judged
    discloses: bool = True
    made_with: tuple[str, ...] = ()
    passes: bool = True
    ruling: int = 0

    @property
    def proposal(self) -> Proposal:
        return Proposal(self.action, self.amount, (), self.discloses)


def pieces_of(partners: list[Partner], since: datetime, until: datetime) -> list[Piece]:
    """The evidence of some brands and a period, the oldest first."""
    regretted = regretted_of(partners, until)
    found = [
        *_blind(partners, since, until, regretted),
        *_asked(partners, since, until),
        *_dismissed(partners, since, until),
        *_audits(partners, since, until, regretted),
    ]
    return sorted(found, key=lambda piece: (piece.judged.on, int(piece.judged.case)))


def regretted_of(partners: list[Partner], until: datetime) -> dict[int, datetime]:
    """The cases, by primary key, that were charged back or were fraud, and when that was last, as far as it was reported until
    then. What was known before somebody judged or decided is no error of theirs."""
    rows = Outcome.objects.filter(partner__in=partners, kind__in=Outcome.ERRORS, reported_at__lt=until)
    return dict(rows.order_by().values_list("interaction").annotate(last=Max("at")))


def _regrets(regretted: Mapping[int, datetime], case: int, at: datetime) -> bool:
    last = regretted.get(case)
    return last is not None and last >= at


def judged_by_two(partners: list[Partner], since: datetime, until: datetime) -> dict[str, Disagreement]:
    """By type: how many cases two people judged, neither seeing the other's, and how many of them differently."""
    rows = CaseAudit.objects.filter(
        kind=CaseAudit.Kind.DOUBLE,
        state=CaseAudit.State.DONE,
        partner__in=partners,
        done_at__gte=since,
        done_at__lt=until,
    )
    counted = rows.order_by("case_type").values_list("case_type")
    found = counted.annotate(pairs=Count("pk"), differing=Count("pk", filter=Q(agreed=False)))
    return {case_type: Disagreement(pairs, differing) for case_type, pairs, differing in found}


def _blind(
    partners: list[Partner], since: datetime, until: datetime, regretted: Mapping[int, datetime]
) -> Iterator[Piece]:
    rows = Judgement.objects.filter(escalation__partner__in=partners, at__gte=since, at__lt=until)
    own = ("action", "amount", "label", "proposed_label", "by", "at", *_chances("escalation"), "found")
    path = "escalation__interaction", "packet__ruling"
    for row, case, ruling in _ruled(rows.annotate(found=_found_wrong_later()), own, *path, "at", partners):
        amount = precedents.amount_of(ruling)
        differing = differs(
            row["action"], row["amount"], ruling.action, amount.amount if amount else None, option=row["label"],
            proposed_option=row["proposed_label"] or row["label"],
        )  # fmt: skip
        wrong = bool(differing) or row["found"] or _regrets(regretted, case.pk, row["at"])
        yield from _piece(case, ruling, ruling.action, amount, "blind", _drawn_by("by", "at", row, wrong, "escalation"))


def _found_wrong_later() -> Q:
    """Whether who judged a case unseen, and then saw the proposal, decided otherwise on the same packet: by another action or
    amount, by a question to the customer first, by no answer at all, or by rewriting the reply, which can only be judged by who
    sees it."""
    here = {"escalation": OuterRef("escalation"), "packet": OuterRef("packet")}
    decided = DecisionRecord.objects.filter(**here).exclude(state__in=_TAKEN_BACK)
    asked = Q(how=DecisionRecord.How.ASKED) & ~Q(ruling__action=Action.ASK_CUSTOMER)
    signals = Signal.objects.filter(**{f"decision__{name}": value for name, value in here.items()})
    low, high = (F("proposed_amount") * (1 + sign * AMOUNT_TOLERANCE) for sign in (-1, 1))
    changed = Q(reply_changed=True) | Q(decision__amount__lt=low) | Q(decision__amount__gt=high)
    dismissed = Q(
        escalation__state=Escalation.State.CANCELLED, escalation__interaction__state=Interaction.State.DISMISSED
    )
    return (
        Q(Exists(decided.filter(Q(how=DecisionRecord.How.OVERRIDDEN) | asked)))
        | Q(Exists(signals.filter(changed)))
        | dismissed
    )


def _asked(partners: list[Partner], since: datetime, until: datetime) -> Iterator[Piece]:
    """Blind cases on which somebody asked the customer before judging: another action than what was proposed, unless that
    is to ask. They stay blind, and may be judged later, too."""
    judged = Judgement.objects.filter(escalation=OuterRef("escalation"), at__lte=OuterRef("decided_at"))
    rows = DecisionRecord.objects.filter(
        ~Exists(judged), how=DecisionRecord.How.ASKED, escalation__blind=True, decided_by__isnull=False,
        partner__in=partners, decided_at__gte=since, decided_at__lt=until,
    ).exclude(state__in=_TAKEN_BACK)  # fmt: skip
    own = ("decided_by", "decided_at", *_chances("escalation"))
    for row, case, ruling in _ruled(rows, own, "interaction", "ruling", "decided_at", partners):
        wrong = ruling.action != Action.ASK_CUSTOMER
        by = _drawn_by("decided_by", "decided_at", row, wrong, "escalation")
        yield from _piece(case, ruling, ruling.action, precedents.amount_of(ruling), "blind", by)


def _dismissed(partners: list[Partner], since: datetime, until: datetime) -> Iterator[Piece]:
    """Blind cases that somebody ended without an answer before judging them, where the AI would have acted."""
    later = Escalation.objects.filter(interaction=OuterRef("interaction"), pk__gt=OuterRef("pk"))
    rows = Escalation.objects.filter(
        ~Exists(later), blind=True, judgement__isnull=True, state=Escalation.State.CANCELLED, partner__in=partners,
        interaction__state=Interaction.State.DISMISSED, closed_at__gte=since, closed_at__lt=until,
    )  # fmt: skip
    own = ("claimed_by", "closed_at", *_chances(""))
    for row, case, ruling in _ruled(rows, own, "interaction", "interaction__ruling", "closed_at", partners):
        by = _drawn_by("claimed_by", "closed_at", row, True, "")
        yield from _piece(case, ruling, ruling.action, precedents.amount_of(ruling), "blind", by)


def _audits(
    partners: list[Partner], since: datetime, until: datetime, regretted: Mapping[int, datetime]
) -> Iterator[Piece]:
    rows = CaseAudit.objects.filter(
        kind=CaseAudit.Kind.ALONE,
        state=CaseAudit.State.DONE,
        partner__in=partners,
        done_at__gte=since,
        done_at__lt=until,
    )
    done = [f"decision__{name}" for name in ("action", "amount", "currency", "decided_at")]
    path = "decision__interaction", "decision__ruling"
    for row, case, ruling in _ruled(
        rows, ("verdict", "agreed", "judged_by", "done_at", "probability", *done), *path, "done_at", partners
    ):
        action, paid, currency, at = (row[name] for name in done)
        amount = Money(paid, currency) if paid is not None else None
        wrong = row["verdict"] == CaseAudit.Verdict.WRONG or not row["agreed"] or _regrets(regretted, case.pk, at)
        chance = float(row["probability"])
        yield from _piece(
            case, ruling, action, amount, "audit", _By(row["judged_by"], row["done_at"], wrong, chance, chance)
        )


@dataclass(frozen=True, slots=True)
class _Case:
    pk: int
    customer: int | None
    channel: str
    external_id: str
    partner: str


@dataclass(frozen=True, slots=True)
class _Ruling:
    """Only what is asked of one: the rest is large, and stays where it is."""

    pk: int
    case_type: str
    action: str
    gate_handler: str
    facts: Any
    proposal: Any
    downgrades: Any
    made_with: Any


_OF_CASE, _OF_RULING = ("pk", "customer", "channel", "external_id"), tuple(field.name for field in fields(_Ruling))


def _ruled(
    rows: QuerySet[Any], own: Sequence[str], case: str, ruling: str, by: str, partners: list[Partner]
) -> Iterator[tuple[dict[str, Any], _Case, _Ruling]]:
    """Columns of some rows with the case and the ruling of each, the oldest first; `case` and `ruling` lead there. No models
    are made of them: there are too many."""
    slugs = {partner.pk: partner.slug for partner in partners}
    of_case, of_ruling = [f"{case}__{name}" for name in _OF_CASE], [f"{ruling}__{name}" for name in _OF_RULING]
    whose = f"{case}__partner"
    for row in rows.order_by(by, "pk").values(*own, *of_case, *of_ruling, whose).iterator(AT_ONCE):
        found = _Case(partner=slugs[row[whose]], **{name: row[f"{case}__{name}"] for name in _OF_CASE})
        yield row, found, _Ruling(**{name: row[f"{ruling}__{name}"] for name in _OF_RULING})


@dataclass(frozen=True, slots=True)
class _By:
    """Who judged, when, whether the AI was wrong, with which chance the case was drawn, and the smallest of its kind. One that
    is not fresh came to people before, as something else or with less said."""

    person: int | None
    at: datetime
    wrong: bool
    chance: float = 1.0
    least: float = 1.0
    is_fresh: bool = True


def _chances(path: str) -> tuple[str, str]:
    """Where a row says with which chance its case was drawn to be judged blind, and the smallest of its kind."""
    lead = f"{path}__" if path else ""
    return f"{lead}blind_chance", f"{lead}blind_least"


def _drawn_by(person: str, at: str, row: Mapping[str, Any], wrong: bool, path: str) -> _By:
    chance, least = (row[name] for name in _chances(path))
    came_before = chance is not None and least is None
    return _By(row[person], row[at], wrong, chance or 1.0, least or chance or 1.0, not came_before)


def _piece(case: _Case, ruling: _Ruling, action: str, amount: Money | None, how: str, by: _By) -> Iterator[Piece]:
    """None of a case whose facts say what there is no more in the vocabulary: no region of today can be told of it."""
    facts = precedents.known_facts_of(ruling)
    if facts is None:
        return
    judged = Judged(
        case=str(case.pk),
        customer=str(case.customer or ""),
        by=str(by.person),
        on=by.at.date(),
        wrong=by.wrong,
        money=amount.amount if amount else Decimal(0),
        partner=case.partner,
        probability=by.chance,
        least=by.least,
        place=draws.place("even", f"{case.partner}/{case.external_id}"),
    )
    only_the_grant = all(no["code"] in ("held out", "ramp") for no in ruling.downgrades)
    granted = ruling.gate_handler == Handler.AUTONOMOUS and only_the_grant
    discloses = bool(ruling.proposal.get("discloses_order", True))
    yield Piece(
        ruling.case_type,
        action,
        amount,
        facts,
        how,
        case.channel,
        granted,
        judged,
        discloses,
        versions_of(ruling.made_with),
        by.is_fresh and passes(ruling.downgrades),
        ruling.pk,
    )


def passes(downgrades: Iterable[Mapping[str, Any]]) -> bool:
    """Whether no check of the case itself kept it from being the AI's."""
    return all(no["code"] in OF_NO_CASE for no in downgrades)


def versions_of(made_with: Mapping[str, str]) -> tuple[str, ...]:
    """What a ruling was made with, in words: "classifier 1a2b". The list of facts is none of it."""
    return tuple(sorted(f"{name} {made}" for name, made in made_with.items() if name != "vocabulary"))
