"""A ruling's trace in words: every rule and guardrail that was tried, and which condition decided."""

from collections.abc import Mapping

from apps.policies import sentences
from apps.policies.models import Ruling
from apps.policies.models.rule import RuleRow

_OUTCOMES = {
    "matched": "matches",
    "failed": "does not match",
    "unknown": "cannot be said",
    "not permitted": "matches, but the proposal exceeds it",
    "fired": "stops the AI",
    "held": "holds",
}
_BUILT_IN = {
    "built-in:sender": "Always: the sender is verified before an order is told about or changed",
    "built-in:owner": "Always: the order belongs to the sender",
}


def trace_in_words(ruling: Ruling) -> list[dict[str, str]]:
    """One line a step: what was tried, how it came out, and the condition that decided."""
    rows = ruling.version.rows_by_key() if ruling.version else {}
    return [
        step_in_words(str(key), str(outcome), index, rows) for key, outcome, index in ruling.verdict.get("trace", [])
    ]


def step_in_words(key: str, outcome: str, index: int | None, rows: Mapping[str, RuleRow]) -> dict[str, str]:
    row = rows.get(key)
    because = ""
    if row is not None and index is not None:
        parts = sentences.conditions_in_words(row)
        because = parts[index] if index < len(parts) else ""
    sentence = sentences.sentence_of(row) if row is not None else _BUILT_IN.get(key, "")
    return {
        "key": key,
        "outcome": outcome,
        "words": _OUTCOMES.get(outcome, outcome),
        "because": because,
        "sentence": sentence,
    }
