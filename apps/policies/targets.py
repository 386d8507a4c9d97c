"""Error targets: how often the AI may be wrong in what learning lets it do, by type, action and the money at stake.

A boundary says them as guardrails of the kind "error"; where none looks at a case, and of everything together, `USUAL` is
meant. Certificates are proven against them, ramps go on and breakers trip by them.
"""

from dataclasses import dataclass
from decimal import Decimal

from apps.policies.specs import LimitSpec, PolicySpec
from apps.policies.words import Action, CaseType

USUAL = 0.02
MOST_WRONG = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Targets:
    """Shares of cases from 0 to 1."""

    usual: float = USUAL
    limits: tuple[LimitSpec, ...] = ()

    def of(self, case_type: str, action: str, at_stake: Decimal | None = None) -> float:
        """The strictest that looks at such cases, when so much may be at stake in one."""
        found = [
            float(limit.target) for limit in self.limits
            if limit.target is not None and limit.looks_at(case_type, action)
            and (limit.amount is None or (at_stake is not None and at_stake >= limit.amount.amount))
        ]  # fmt: skip
        return min(found, default=self.usual)

    @property
    def overall(self) -> float:
        """Of everything together: the strictest that looks at every case."""
        everywhere = [one for one in self.limits if not (one.case_types or one.actions or one.amount)]
        return min([float(one.target) for one in everywhere if one.target is not None], default=self.usual)


def targets_of(policy: PolicySpec) -> Targets:
    return Targets(limits=tuple(limit for limit in policy.limits if limit.kind == "error"))


def loosens(draft: Targets, active: Targets) -> bool:
    """Whether one allows more error than the other anywhere: for any type and action, whatever is at stake, or overall."""
    limits = (*draft.limits, *active.limits)
    stakes = [None, Decimal(0), *(limit.amount.amount for limit in limits if limit.amount)]
    return draft.overall > active.overall or any(
        draft.of(case_type, action, at_stake) > active.of(case_type, action, at_stake)
        for case_type in CaseType.values for action in Action.values for at_stake in stakes
    )  # fmt: skip
