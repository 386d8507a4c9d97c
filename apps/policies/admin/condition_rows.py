"""Conditions in a form: rows of pick-lists, each with the fact's own kind of value.

A row posts `fact-N`, `operator-N` and `value-N` (several for a list, `low-N` and `high-N` for "between").
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from apps.policies.conditions import BadCondition, operators_for, parse
from apps.policies.facts import VOCABULARY, FactSpec, Kind, choice_in_words
from apps.policies.operators import OPERATORS

MOST_ROWS = 20


@dataclass(slots=True)
class ConditionRow:
    """One row as the template shows it: the choices that fit, what is chosen, and what is wrong with it."""

    index: int
    fact: str = ""
    operator: str = ""
    values: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def spec(self) -> FactSpec | None:
        return VOCABULARY.get(self.fact)

    @property
    def operators(self) -> list[str]:
        return operators_for(self.spec) if self.spec else []

    @property
    def operand(self) -> str:
        """How many values follow: one, many, two or none."""
        return OPERATORS[self.operator].operand if self.operator in OPERATORS else "one"

    @property
    def choices(self) -> list[tuple[str, str]]:
        if self.spec is None:
            return []
        if self.spec.kind is Kind.BOOL:
            return [("true", "yes"), ("false", "no")]
        return [(choice, choice_in_words(choice)) for choice in self.spec.choices]

    @property
    def first(self) -> str:
        return self.values[0] if self.values else ""

    @property
    def last(self) -> str:
        return self.values[-1] if len(self.values) > 1 else ""

    def raw(self, currency: str) -> dict[str, Any]:
        """The condition as `conditions.parse` reads it."""
        values: list[Any] = list(self.values)
        if self.spec is not None and self.spec.kind is Kind.MONEY:
            values = [{"amount": value, "currency": currency} for value in values]
        value: Any = values if self.operand in ("many", "two") else (values[0] if values else "")
        return {"fact": self.fact, "operator": self.operator, "value": value}


def facts_by_subject() -> list[tuple[str, list[FactSpec]]]:
    """The vocabulary for a pick-list, grouped by what the facts are about."""
    groups: dict[str, list[FactSpec]] = {}
    for spec in VOCABULARY.values():
        groups.setdefault(spec.name.split(".")[0], []).append(spec)
    return list(groups.items())


def fitted(row: ConditionRow) -> ConditionRow:
    """The row with an operator that fits its fact; values of another kind are dropped."""
    if row.spec is not None and row.operator not in row.operators:
        row.operator, row.values = row.operators[0], []
    return row


def from_conditions(conditions: list[Mapping[str, Any]]) -> list[ConditionRow]:
    return [_from_json(index, condition) for index, condition in enumerate(conditions)]


def _from_json(index: int, condition: Mapping[str, Any]) -> ConditionRow:
    value = condition.get("value")
    items = value if isinstance(value, list) else [] if value is None else [value]
    return ConditionRow(
        index, str(condition.get("fact", "")), str(condition.get("operator", "")), [_text(item) for item in items]
    )


def _text(item: Any) -> str:
    if isinstance(item, bool):
        return "true" if item else "false"
    return str(item["amount"]) if isinstance(item, Mapping) else str(item)


def from_post(data: QueryDict) -> list[ConditionRow]:
    """The rows of a posted form, in their order on the page; a row without a fact is left out."""
    numbers = sorted(int(name[5:]) for name in data if re.fullmatch(r"fact-[0-9]{1,4}", name))
    rows: list[ConditionRow] = []
    for number in numbers[:MOST_ROWS]:
        fact = data.get(f"fact-{number}", "")
        if not fact:
            continue
        pair = [data.get(f"low-{number}", ""), data.get(f"high-{number}", "")]
        values = pair if f"low-{number}" in data else data.getlist(f"value-{number}")
        rows.append(ConditionRow(len(rows), fact, data.get(f"operator-{number}", ""), values))
    return rows


def read(rows: list[ConditionRow], currency: str) -> list[dict[str, object]] | None:
    """The rows as checked conditions for the database; None when one cannot be read, which then says why."""
    conditions = []
    for row in rows:
        try:
            conditions.append(parse(row.raw(currency)).as_json())
        except BadCondition as error:
            row.error = str(error)
    return None if any(row.error for row in rows) else conditions
