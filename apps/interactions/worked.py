"""A case as far as the pipeline got with it: handed from the work to whoever records it."""

from dataclasses import dataclass, field

from apps.interactions.case import Case
from apps.interactions.checks import Authority
from apps.interactions.playbooks.base import Plan
from apps.policies.gate import Verdict


@dataclass(slots=True)
class Worked:
    """A case as far as it got: the plan and who may carry it out, or the error that stopped it.

    `shadows` are the verdicts of versions in shadow, by version id: they are stored and act on nothing. `read_by` and
    `drafted_by` name the outside models that read the messages too and that worded the proposal's reply.
    """

    case: Case
    plan: Plan | None = None
    playbook_version: str = ""
    authority: Authority | None = None
    version_id: int | None = None
    content_hash: str = ""
    shadows: list[tuple[int, Verdict]] = field(default_factory=list)
    merge_into: int | None = None
    read_by: str = ""
    drafted_by: str = ""
    error: str = ""
