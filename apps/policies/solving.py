"""Proofs about policies: every case of one type as a problem for a SAT solver.

A fact is a variable whose values are its cells (`cells.py`), "unknown" among them, so a question about all cases
is finite and is decided, not sampled. The formulas follow `gate.py` line by line:

    granted(p)  read from the last rule up: a rule that grants the proposal p adds the cases it holds for; a rule
                that does not grant it takes away every case in which it is not certain to fail
    at_least(s, p)   the verdict on the proposal p is at least as strict as s
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pysat.solvers import Solver

from apps.policies.cells import Cell, One, Span, TooComplex, Unknown, cells_of
from apps.policies.conditions import Condition, solved
from apps.policies.facts import VOCABULARY
from apps.policies.gate import AUTONOMOUS, BUILT_IN_GUARDRAILS, STRICTNESS, granted, looks_at, within
from apps.policies.specs import GuardrailSpec, PolicySpec, Proposal, RuleSpec
from apps.policies.words import ORDER_ACTIONS, Action, Handler, Seniority

DISCLOSES = "reply.discloses_order"  # not a fact of the case: whether the reply tells anything about the order
MOST_CONFLICTS = 200_000  # a question; far above what boundaries need, so that a hopeless one ends
_STRICTEST_OF_PEOPLE = STRICTNESS[Handler.HUMAN.value, Seniority.ANY.value]


class Budget:
    """How much work one verification may do. `spend` raises TooComplex when it is used up."""

    def __init__(self, questions: int) -> None:
        self.left = questions

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TooComplex("it takes more steps than a verification may")


@dataclass(frozen=True, slots=True)
class Region:
    """Cases in words' reach: for each fact that matters, the cells it may be in."""

    cells: Mapping[str, frozenset[int]]


class Space:
    """The cases of one type, for all conditions that are in play. Literals are the solver's: negative means not."""

    def __init__(self, conditions: Iterable[Condition], budget: Budget) -> None:
        operands: dict[str, list[object]] = {}
        for condition in conditions:
            operands.setdefault(condition.fact, []).append(condition.value)
        self.cells: dict[str, tuple[Cell, ...]] = {
            name: cells_of(VOCABULARY[name], operands[name]) for name in VOCABULARY if name in operands
        }
        self.cells[DISCLOSES] = (One(True), One(False))
        self._budget = budget
        self._solver = Solver(name="glucose4")
        self._last = 0
        self.literals: dict[str, list[int]] = {name: [self._new() for _ in cells] for name, cells in self.cells.items()}
        self._gates: dict[tuple[int, ...], int] = {}
        for literals in self.literals.values():
            self._solver.add_clause(literals)
            for index, one in enumerate(literals):
                for other in literals[index + 1 :]:
                    self._solver.add_clause([-one, -other])
        self.true = self._new()
        self._solver.add_clause([self.true])

    def close(self) -> None:
        self._solver.delete()

    def _new(self) -> int:
        self._last += 1
        return self._last

    def any_of(self, literals: Iterable[int]) -> int:
        """A literal that is true exactly when one of these is."""
        distinct = tuple(sorted({literal for literal in literals if literal != -self.true}))
        if self.true in distinct:
            return self.true
        if len(distinct) <= 1:
            return distinct[0] if distinct else -self.true
        if distinct not in self._gates:
            gate = self._gates[distinct] = self._new()
            self._solver.add_clause([-gate, *distinct])
            for literal in distinct:
                self._solver.add_clause([gate, -literal])
        return self._gates[distinct]

    def all_of(self, literals: Iterable[int]) -> int:
        return -self.any_of(-literal for literal in literals)

    def holds(self, conditions: Sequence[Condition]) -> int:
        """All conditions are true."""
        return self.all_of(self._where(condition, True) for condition in conditions)

    def fails(self, conditions: Sequence[Condition]) -> int:
        """One condition is false."""
        return self.any_of(self._where(condition, False) for condition in conditions)

    def _where(self, condition: Condition, outcome: bool) -> int:
        cells, literals = self.cells[condition.fact], self.literals[condition.fact]
        return self.any_of(
            literal for cell, literal in zip(cells, literals, strict=True) if solved(condition, cell) is outcome
        )

    def known(self) -> list[int]:
        """Every fact is known."""
        return [-literals[0] for name, literals in self.literals.items() if isinstance(self.cells[name][0], Unknown)]

    def possible(self, assumptions: Sequence[int]) -> bool:
        """Is there a case in which all of these hold? Raises TooComplex when that could not be decided."""
        self._budget.spend()
        self._solver.conf_budget(MOST_CONFLICTS)
        answer = self._solver.solve_limited(assumptions=list(assumptions))
        if answer is None:
            raise TooComplex("one of its questions is too hard to decide")
        return bool(answer)

    def case(self) -> dict[str, int]:
        """The case that the last `possible` found: the cell of each fact."""
        true = {literal for literal in self._solver.get_model() if literal > 0}
        return {
            name: next(index for index, literal in enumerate(literals) if literal in true)
            for name, literals in self.literals.items()
        }

    def truths(self, literals: Sequence[int]) -> list[bool]:
        """What the last case makes of these literals."""
        model = set(self._solver.get_model())
        return [literal in model for literal in literals]

    def needed(self) -> set[int]:
        """Which of the assumptions of the last `possible` made it impossible."""
        return set(self._solver.get_core() or ())

    def outside(self, region: Region) -> list[int]:
        """The literals of which at least one is true outside the region, and none inside."""
        return [
            self.literals[name][index]
            for name, allowed in region.cells.items()
            for index in range(len(self.cells[name]))
            if index not in allowed
        ]

    def widest(self, case: Mapping[str, int], must: int, given: int) -> Region:
        """A region around the case in which `must` holds wherever `given` does, and that no fact could widen.

        Numbers keep to one range around the case, so that the region can be read.
        """
        known = {name: frozenset({index}) for name, index in case.items()}
        assert self._implied(known, must, given)
        needed = self.needed()
        allowed = {name: some for name, some in known.items() if not needed.isdisjoint(self._excluding(name, some))}
        for name in reversed(list(allowed)):  # whole facts first: fewer words
            fewer = {other: some for other, some in allowed.items() if other != name}
            if self._implied(fewer, must, given):
                allowed = fewer
        for name in list(allowed):
            self._widen(name, allowed, case[name], must, given)
        return Region(allowed)

    def _widen(self, name: str, allowed: dict[str, frozenset[int]], at: int, must: int, given: int) -> None:
        """Let one fact of a region be in as many cells as it can: numbers in one range, anything else freely."""

        def possible(more: Iterable[int]) -> bool:
            return self._implied({**allowed, name: allowed[name] | set(more)}, must, given)

        cells = self.cells[name]
        spans = isinstance(cells[at], Span)
        for ends in (range(at + 1, len(cells)), range(at - 1, -1, -1)) if spans else ():
            reach = [index for index in ends if _same_scale(cells[index], cells[at])]
            fits = bisect_left(range(len(reach)), True, key=lambda count: not possible(reach[: count + 1]))
            allowed[name] |= set(reach[:fits])
        for index, cell in enumerate(cells):
            if index not in allowed[name] and not (spans and isinstance(cell, Span)) and possible([index]):
                allowed[name] |= {index}

    def _implied(self, allowed: Mapping[str, frozenset[int]], must: int, given: int) -> bool:
        outside = [literal for name, some in allowed.items() for literal in self._excluding(name, some)]
        return not self.possible([*outside, given, -must])

    def _excluding(self, name: str, allowed: frozenset[int]) -> list[int]:
        return [-literal for index, literal in enumerate(self.literals[name]) if index not in allowed]

    def known_part(self, region: Region) -> Region:
        """The part of a region in which every fact that it names is known."""
        return Region({
            name: frozenset(i for i in allowed if not isinstance(self.cells[name][i], Unknown))
            for name, allowed in region.cells.items()
        })  # fmt: skip

    def switch(self, region: Region) -> int:
        """A literal that, assumed, leaves the region out."""
        switch = self._new()
        self._solver.add_clause([-switch, *self.outside(region)])
        return switch


def _same_scale(one: Cell, other: Cell) -> bool:
    return isinstance(one, Span) and isinstance(other, Span) and one.currency == other.currency


class Encoded:
    """The rules and guardrails that one policy has for one type, as formulas over a space."""

    def __init__(self, space: Space, policy: PolicySpec, case_type: str) -> None:
        self.space, self.policy, self.case_type = space, policy, case_type
        self.rules = policy.rules_for(case_type)
        self.guardrails = [*BUILT_IN_GUARDRAILS, *policy.guardrails]
        self.holds = [space.holds(rule.conditions) for rule in self.rules]
        self.fails = [space.fails(rule.conditions) for rule in self.rules]

    def granted(self, proposal: Proposal, *, tightened: bool = True) -> int:
        """The AI may do this alone; without the guardrails when not `tightened`."""
        space, found = self.space, -self.space.true
        for rule, holds, fails in reversed(list(zip(self.rules, self.holds, self.fails, strict=True))):
            if grants(rule, proposal):
                found = space.any_of([holds, found])
            else:
                found = space.all_of([fails, found])
        if tightened:
            found = space.all_of([found, *(-self.fires(guardrail, proposal) for guardrail in self.guardrails)])
        return found

    def decides(self, index: int) -> int:
        """The rule at this place is the first that holds."""
        return self.space.all_of([self.holds[index], *(-above for above in self.holds[:index])])

    def fires(self, guardrail: GuardrailSpec, proposal: Proposal) -> int:
        """The guardrail sends this proposal to a person."""
        space = self.space
        disclosing = Proposal(proposal.action, proposal.amount, proposal.lines, discloses_order=True)
        if not looks_at(guardrail, self.case_type, disclosing):
            return -space.true
        if guardrail.ceiling is not None and within(proposal.amount, guardrail.ceiling):
            return -space.true
        fires = -space.fails(guardrail.conditions)
        if guardrail.order_data_only and Action(proposal.action) not in ORDER_ACTIONS:
            return space.all_of([fires, space.literals[DISCLOSES][0]])
        return fires

    def at_least(self, strictness: int, proposal: Proposal) -> int:
        """The verdict on this proposal is at least as strict as this (1: not autonomous, 4: a senior's)."""
        space = self.space
        found = space.true if strictness <= _STRICTEST_OF_PEOPLE else -space.true
        for rule, holds, fails in reversed(list(zip(self.rules, self.holds, self.fails, strict=True))):
            own = 0 if grants(rule, proposal) else _of_people(rule)
            if own >= strictness:
                found = space.any_of([-fails, found])
            else:
                found = space.all_of([-holds, found])
        strict_ones = [g for g in self.guardrails if STRICTNESS[g.handler, g.seniority] >= strictness]
        return space.any_of([found, *(self.fires(guardrail, proposal) for guardrail in strict_ones)])


def grants(rule: RuleSpec, proposal: Proposal) -> bool:
    return rule.handler == AUTONOMOUS and granted(rule, proposal) == AUTONOMOUS


def _of_people(rule: RuleSpec) -> int:
    """How strict a rule is with a proposal it does not grant."""
    return _STRICTEST_OF_PEOPLE if rule.handler == AUTONOMOUS else STRICTNESS[rule.handler, rule.seniority]
