"""Two versions compared: what changes for cases, in words, and what was written differently."""

import difflib
from collections.abc import Iterator
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
    """One line of the YAML of both: "same", "added" or "removed"; "left_out" says how many follow that are the same."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Diff:
    verification: Verification
    lines: tuple[Line, ...]


NEAR = 6
"""Lines of the same that are shown before and after one that differs: a rule's worth."""


def diff(before: BoundaryVersion, after: BoundaryVersion) -> Diff:
    """What the later version changes. Raises BadCondition when one of them cannot be read."""
    texts = [documents.to_yaml(version).splitlines() for version in (before, after)]
    return Diff(verify(after.policy(), before.policy()), tuple(_lines(*texts)))


def _lines(before: list[str], after: list[str]) -> Iterator[Line]:
    shown = 0
    for group in difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_grouped_opcodes(NEAR):
        yield from _left_out(group[0][1] - shown)
        for kind, start, end, other_start, other_end in group:
            if kind == "equal":
                yield from (Line("same", text) for text in before[start:end])
            else:
                yield from (Line("removed", text) for text in before[start:end])
                yield from (Line("added", text) for text in after[other_start:other_end])
        shown = group[-1][2]
    yield from _left_out(len(before) - shown)


def _left_out(lines: int) -> Iterator[Line]:
    if lines:
        yield Line("left_out", f"… {lines} line{'' if lines == 1 else 's'} the same")
