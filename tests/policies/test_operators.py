"""One operator table, three readings: whatever the condition and the facts, all three say the same."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.policies import operators
from apps.policies.cells import cell_of, cells_of
from apps.policies.columns import FALSE, TRUE, UNKNOWN, column_of
from apps.policies.conditions import Condition, evaluate, solved, vectorised
from apps.policies.facts import VOCABULARY
from apps.policies.operators import OPERATORS
from tests.policies import strategies

OF_OUTCOME = {TRUE: True, FALSE: False, UNKNOWN: None}


def readings(condition, others, values):
    """What the three readings say of the condition for each value; `others` are conditions in play beside it."""
    spec = VOCABULARY[condition.fact]
    outcomes = vectorised(condition, column_of(spec, values))
    cells = cells_of(spec, [other.value for other in (condition, *others) if other.fact == condition.fact])
    for value, outcome in zip(values, outcomes, strict=True):
        yield (
            evaluate(condition, {condition.fact: value}),
            OF_OUTCOME[int(outcome)],
            solved(condition, cell_of(value, cells)),
        )


@st.composite
def conditions_and_values(draw):
    condition = draw(strategies.conditions())
    others = draw(st.lists(strategies.conditions(), max_size=4))
    return condition, others, draw(st.lists(st.none() | strategies.values_of(condition.fact), min_size=1, max_size=8))


def hold_equal(drawn):
    for one_case in readings(*drawn):
        assert len(set(one_case)) == 1, (drawn[0], one_case)


@settings(max_examples=1000, deadline=None)
@given(conditions_and_values())
def test_law_the_three_readings_are_equal(drawn):
    hold_equal(drawn)


def _opposite(outcome):
    return None if outcome is None else not outcome


BUGS = {
    "evaluate": lambda row: replace(
        row, evaluate=lambda operand: lambda value: _opposite(row.evaluate(operand)(value))
    ),
    "vectorise": lambda row: replace(row, vectorise=operators._opposite(row.vectorise)),
    "solve": lambda row: replace(row, solve=operators._not(row.solve)),
}


@pytest.mark.parametrize("reading", BUGS)
@pytest.mark.parametrize("sign", OPERATORS)
def test_the_law_catches_a_bug_in_any_reading_of_any_operator(sign, reading, monkeypatch):
    monkeypatch.setitem(OPERATORS, sign, BUGS[reading](OPERATORS[sign]))

    @settings(max_examples=2000, deadline=None, database=None, derandomize=True)
    @given(conditions_and_values().filter(lambda drawn: drawn[0].operator == sign))
    def law(drawn):
        hold_equal(drawn)

    with pytest.raises(AssertionError):
        law()


@pytest.mark.parametrize(("sign", "swapped"), [("<", "≤"), ("≤", "<"), (">", "≥"), ("≥", ">")])
@pytest.mark.parametrize("reading", ["evaluate", "vectorise", "solve"])
def test_the_law_catches_a_limit_that_is_off_by_its_end(sign, swapped, reading, monkeypatch):
    wrong = replace(OPERATORS[sign], **{reading: getattr(OPERATORS[swapped], reading)})
    monkeypatch.setitem(OPERATORS, sign, wrong)

    @settings(max_examples=3000, deadline=None, database=None, derandomize=True)
    @given(conditions_and_values().filter(lambda drawn: drawn[0].operator == sign))
    def law(drawn):
        hold_equal(drawn)

    with pytest.raises(AssertionError):
        law()


def test_every_value_in_range_has_exactly_one_cell():
    spec = VOCABULARY["order.days_past_window"]
    cells = cells_of(spec, [(1, 15), 30, -365, 3650])
    for value in range(spec.minimum, spec.maximum + 1):
        assert sum(1 for cell in cells[1:] if cell.low <= value <= cell.high) == 1


def test_a_set_condition_meets_or_misses_each_list():
    lists = [frozenset({"complaint", "refund"}), frozenset({"refund", "status"})]
    cells = cells_of(VOCABULARY["message.intents"], lists)
    assert len(cells) == 1 + 4
    for value in (frozenset(), frozenset({"complaint"}), frozenset({"status", "complaint"}), frozenset({"refund"})):
        for wanted in lists:
            condition = Condition("message.intents", "in", wanted)
            assert solved(condition, cell_of(value, cells)) is bool(value & wanted)
