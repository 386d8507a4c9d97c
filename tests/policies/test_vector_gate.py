"""The gate over columns says to each case what the gate says to it alone."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.policies.columns import column_of
from apps.policies.facts import VOCABULARY
from apps.policies.gate import compile_policy
from apps.policies.specs import PolicySpec
from apps.policies.vector_gate import ACTIONS, HANDLER_OF, SENIOR_OF, Proposals, rule_columns
from apps.policies.words import Handler, Seniority
from tests.policies import strategies

TYPE = "standard_return"
cases = st.lists(st.tuples(strategies.proposals, strategies.facts), min_size=1, max_size=12)


@settings(max_examples=500, deadline=None)
@given(strategies.rules(), strategies.guardrails(), cases)
def test_law_columns_and_cases_are_ruled_alike(rules, guardrails, cases):
    proposals = Proposals(
        np.array([ACTIONS.index(proposal.action) for proposal, _ in cases], np.int16),
        column_of(VOCABULARY["order.total"], [proposal.amount for proposal, _ in cases]),
        np.array([proposal.discloses_order for proposal, _ in cases]),
    )
    columns = {name: column_of(VOCABULARY[name], [facts[name] for _, facts in cases]) for name in strategies.NAMES}
    verdicts = rule_columns(PolicySpec(tuple(rules), tuple(guardrails)), TYPE, proposals, columns)
    gate = compile_policy(rules, guardrails)
    for place, (proposal, facts) in enumerate(cases):
        alone = gate.rule(TYPE, proposal, facts)
        strictness = verdicts.strictness[place]
        said = (
            Handler.values[HANDLER_OF[strictness]],
            Seniority.values[SENIOR_OF[strictness]],
            verdicts.keys[verdicts.rules[place]] if verdicts.rules[place] >= 0 else None,
            verdicts.keys[verdicts.refused_by[place]] if verdicts.refused_by[place] >= 0 else None,
        )
        assert said == (alone.handler, alone.seniority, alone.rule, alone.refused_by)
