"""Rules and guardrails as English sentences."""

from apps.policies.conditions import BadCondition
from apps.policies.models import Guardrail, Rule
from apps.policies.models.rule import RuleRow
from apps.policies.words import Action, CaseType, Handler, Seniority


def rule_conditions(rule: Rule) -> str:
    """ "When order dispatched is no and …", or "Always"."""
    parts = conditions_in_words(rule)
    return "When " + " and ".join(parts) if parts else "Always"


def rule_outcome(rule: Rule) -> str:
    """What follows: "the AI alone may refund up to 100.00 USD"."""
    action = Action(rule.action).label.lower() if rule.action else "act"
    if rule.handler == Handler.AUTONOMOUS:
        limit = f" up to {rule.ceiling:,.2f} {rule.version.boundary.currency}" if rule.ceiling is not None else ""
        return f"the AI alone may {action}{limit}"
    who = "a senior" if rule.seniority == Seniority.SENIOR else "a person"
    due = f" within {rule.due_minutes} minutes" if rule.due_minutes else ""
    if rule.handler == Handler.COLLABORATIVE:
        return f"the AI drafts and {who} decides{due}"
    return f"{who} decides{due}"


def rule_sentence(rule: Rule) -> str:
    conditions = rule_conditions(rule)
    return f"{CaseType(rule.case_type).label}: {conditions[0].lower()}{conditions[1:]}, {rule_outcome(rule)}."


def guardrail_sentence(guardrail: Guardrail) -> str:
    try:
        return guardrail.spec().in_words()
    except BadCondition as error:
        return f"[cannot be read: {error}]"


def sentence_of(row: RuleRow) -> str:
    """A rule or a guardrail as a sentence."""
    if isinstance(row, Rule):
        return rule_sentence(row)
    assert isinstance(row, Guardrail)
    return guardrail_sentence(row)


def conditions_in_words(row: RuleRow) -> list[str]:
    try:
        return [condition.in_words() for condition in row.parsed_conditions()]
    except BadCondition as error:
        return [f"[cannot be read: {error}]"]
