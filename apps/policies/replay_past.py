"""Past cases that a brand brought along, beside a replay: what people did in them, asked of both versions.

They prove nothing, since whoever decided them may have seen what a machine proposed, and are in none of the replay's figures;
but they are there before anything was ruled here.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from apps.policies.gate import BUILT_IN_GUARDRAILS, Verdict, compile_policy
from apps.policies.simulating import Asked
from apps.policies.specs import PolicySpec
from apps.policies.words import CaseType, Handler

MOST_NAMED = 5


def past_cases(past: Sequence[Asked], draft: PolicySpec, active: PolicySpec) -> dict[str, Any]:
    """`rows` by type: how many cases there are, in how many the AI alone could do what people did, under the active version
    and under the draft, and in how many the draft leaves it to people while something that it asks is not known. `unknown`
    counts cases by what that is. Stages and limits are not asked."""
    before, after = (compile_policy(policy.rules, policy.guardrails, policy.limits) for policy in (active, draft))
    found: dict[str, dict[str, Any]] = {}
    lacking: Counter[str] = Counter()
    for case in past:
        none = {"case_type": case.case_type, "cases": 0, "before": 0, "after": 0, "unknown": 0}
        row = found.setdefault(case.case_type, none)
        did = replace(case.proposal, discloses_order=True)  # nothing says that it told of no order
        was, is_now = (policy.rule(case.case_type, did, case.facts) for policy in (before, after))
        row["cases"] += 1
        row["before"] += was.handler == Handler.AUTONOMOUS
        row["after"] += is_now.handler == Handler.AUTONOMOUS
        unknown = set(_unknown(is_now, draft)) if is_now.handler != Handler.AUTONOMOUS else ()
        row["unknown"] += bool(unknown)
        lacking.update(unknown)
    rows = [found[name] for name in CaseType.values if name in found]
    return {"rows": rows, "unknown": dict(lacking.most_common(MOST_NAMED))}


def _unknown(verdict: Verdict, policy: PolicySpec) -> Iterator[str]:
    """The facts that were asked for in vain. A guardrail that names a condition fired since that is not known."""
    asked = {rule.key: rule.conditions for rule in policy.rules}
    asked |= {guardrail.key: guardrail.conditions for guardrail in (*policy.guardrails, *BUILT_IN_GUARDRAILS)}
    for step in verdict.trace:
        if step.outcome in ("unknown", "fired") and step.condition is not None:
            yield asked[step.key][step.condition].fact
