"""Two versions compared: what changes for cases, in words, and what was written differently."""

import difflib
from dataclasses import dataclass

from apps.policies import documents
from apps.policies.differences import type_in_words
from apps.policies.models import BoundaryVersion
from apps.policies.verification import Verification, verify


def changes_in_words(verification: Verification) -> list[str]:
    """Each change as one sentence with its example."""
    return [
        f"{change.kind}: {type_in_words(change.case_type)}, {change.where}: {change.before} → {change.after}"
        + (f" (example: {change.example})" if change.example else "")
        for change in verification.changes
    ]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the YAML of both: "same", "added" or "removed"."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Diff:
    verification: Verification
    lines: tuple[Line, ...]


def diff(before: BoundaryVersion, after: BoundaryVersion) -> Diff:
    """What the later version changes. Raises BadCondition when one of them cannot be read."""
    kinds = {"+": "added", "-": "removed", " ": "same"}
    texts = [documents.to_yaml(version).splitlines() for version in (before, after)]
    lines = (line for line in difflib.ndiff(texts[0], texts[1]) if line[:1] in kinds)
    return Diff(verify(after.policy(), before.policy()), tuple(Line(kinds[line[0]], line[2:]) for line in lines))
