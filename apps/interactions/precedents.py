"""Precedents: what people decided in like cases of the brand, and whether that is a clear line."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from apps.interactions import likeness
from apps.interactions.models import DecisionRecord, Precedent, ReasonCode
from apps.policies import simulating
from apps.policies.errors import Invalid
from apps.policies.facts import Value
from apps.policies.models import Partner, Ruling
from apps.policies.money import Money
from apps.policies.words import Action

LOOKED_AT = 20  # the latest of a circle
_CIRCLES = ("near", "close", "wide")  # columns, and the index of each
_LATEST = (
    "(SELECT *, {place} AS circle FROM interactions_precedent WHERE partner_id = %s AND {name} = %s ORDER BY at DESC"
    f" LIMIT {LOOKED_AT})"
)
ENOUGH = 5
CLEAR_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Line:
    """The latest like cases. `alike` says in what they are alike, `actions` what was done how often, the most frequent
    first. It is clear when there are enough of them and most say the same."""

    alike: str
    cases: tuple[Precedent, ...]
    actions: tuple[tuple[str, int], ...]

    @property
    def action(self) -> str:
        return self.actions[0][0] if self.actions else ""

    @property
    def share(self) -> float:
        return self.actions[0][1] / len(self.cases) if self.cases else 0.0

    @property
    def clear(self) -> bool:
        return len(self.cases) >= ENOUGH and self.share >= CLEAR_SHARE

    def in_words(self) -> str:
        """ "In 9 of 10 like cases: refund"."""
        return f"In {self.actions[0][1]} of {len(self.cases)} like cases: {Action(self.action).label.lower()}"

    def summary(self) -> dict[str, Any]:
        """What was shown of it, for the audit trail of a decision."""
        return {"alike": self.alike, "actions": dict(self.actions), "clear": self.clear} if self.cases else {}

    def as_json(self) -> list[dict[str, Any]]:
        """As a context packet holds it."""
        return [
            {
                "case": str(row.case),
                "action": row.action,
                "amount": {"amount": str(row.amount), "currency": row.currency} if row.amount is not None else None,
                "reason": row.reason,
                "decided_at": row.at.isoformat(),
                "alike": self.alike,
            }
            for row in self.cases
        ]


def line_for(partner: Partner, case_type: str, facts: Mapping[str, Value | None]) -> Line:
    """The nearest circle that holds enough cases, else the widest. All three are read in one query."""
    circles = likeness.circles(case_type, facts)
    latest = " UNION ALL ".join(_LATEST.format(place=place, name=name) for place, name in enumerate(_CIRCLES))
    keys = [value for circle in circles for value in (partner.pk, circle.key)]
    found: list[list[Precedent]] = [[], [], []]
    for row in Precedent.objects.raw(latest, keys):
        found[row.circle].append(row)  # type: ignore[attr-defined]
    place = next((place for place, rows in enumerate(found) if len(rows) >= ENOUGH), 2)
    cases = sorted(found[place], key=lambda row: row.at, reverse=True)
    return Line(circles[place].words, tuple(cases), tuple(Counter(row.action for row in cases).most_common()))


def line_of_ruling(ruling: Ruling) -> Line:
    """The line for a case as it was ruled on."""
    return line_for(ruling.partner, ruling.case_type, facts_of(ruling))


def facts_of(ruling: simulating.Ruled) -> dict[str, Value | None]:
    return simulating.read(simulating.of_ruling(ruling)).facts


def known_facts_of(ruling: simulating.Ruled) -> dict[str, Value | None] | None:
    """The same; None when they say what there is no more in the vocabulary: such a case tells nothing of today's."""
    try:
        return facts_of(ruling)
    except Invalid:
        return None


def amount_of(ruling: simulating.Ruled) -> Money | None:
    """What was proposed to be paid."""
    raw = ruling.proposal["amount"]
    return Money(Decimal(raw["amount"]), raw["currency"]) if raw else None


def keep(decision: DecisionRecord) -> None:
    """A person's committed decision becomes a precedent; a question to the customer decides nothing."""
    if decision.decided_by_id is None or decision.action == Action.ASK_CUSTOMER:
        return
    ruling = decision.ruling
    near, close, wide = likeness.circles(ruling.case_type, facts_of(ruling))
    if decision.joint and Precedent.objects.filter(decision__joint=decision.joint, near=near.key).exists():
        return  # many by one act are one judgement
    code = ReasonCode.objects.filter(code=decision.reason_code, case_type__in=["", ruling.case_type]).first()
    Precedent.objects.create(
        decision=decision,
        case=decision.interaction.reference,
        partner_id=decision.partner_id,
        case_type=ruling.case_type,
        near=near.key,
        close=close.key,
        wide=wide.key,
        action=decision.action,
        amount=decision.amount,
        currency=decision.currency,
        reason=code.label if code and decision.reason_code else "",
        at=decision.committed_at or decision.decided_at,
    )
