"""Making a ruling's row: what was proposed and known, what the gate said, what each later question took away."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from apps.policies.facts import VOCABULARY, Facts, Kind, vocabulary_hash
from apps.policies.gate import Verdict
from apps.policies.models import Ruling
from apps.policies.money import CENT, Money
from apps.policies.specs import Proposal
from apps.policies.words import Handler

LIMIT_CODES = frozenset({"confidence", "budget", "velocity", "quiet"})
"""Noes that limits of the boundary said: a replay asks them anew."""

_HANDLERS = tuple(Handler.values)


def ruling_of(
    *, at: datetime, facts: Facts, facts_at: datetime, proposal: Proposal, verdict: Verdict,
    downgrades: Sequence[Mapping[str, str]], made_with: Mapping[str, str], **fields: Any,
) -> Ruling:  # fmt: skip
    """An unsaved ruling. `facts_at` is the moment that the facts were taken at; `fields` are the row's other columns."""
    return Ruling(
        at=at,
        action=proposal.action,
        proposal=proposal.as_json(),
        facts=facts.as_json(facts_at),
        used=used_by_gate(facts, facts_at),
        gate_handler=verdict.handler,
        gate_seniority=verdict.seniority,
        rule=verdict.rule or "",
        refused_by=verdict.refused_by or "",
        verdict=verdict.as_json(),
        downgrades=list(downgrades),
        kept_no=kept_no(downgrades),
        made_with={**made_with, "vocabulary": vocabulary_hash()},
        **fields,
    )


def used_by_gate(facts: Facts, at: datetime) -> dict[str, Any]:
    """The values that the gate could use, flat: money as cents, with its currency beside it, sets as sorted lists."""
    used: dict[str, Any] = {}
    for name, value in facts.known_at(at).items():
        match value:
            case None:
                continue
            case Money():
                used[name], used[f"{name} currency"] = int(value.amount / CENT), value.currency
            case frozenset():
                used[name] = sorted(value)
            case _:
                used[name] = float(value) if VOCABULARY[name].kind is Kind.DECIMAL else value
    return used


def kept_no(downgrades: Sequence[Mapping[str, str]]) -> int:
    """The strictest handler that *able* or *earned* left, other than by a limit, as its place in Handler; 0: none."""
    kept = [d["handler"] for d in downgrades if d["question"] != "permitted" and d["code"] not in LIMIT_CODES]
    return max((_HANDLERS.index(handler) for handler in kept), default=0)
