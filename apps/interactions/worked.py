"""A case as far as the pipeline got with it: handed from the work to whoever records it."""

from dataclasses import dataclass

from apps.interactions.checks import Authority
from apps.interactions.gathering import Case
from apps.interactions.playbooks.base import Plan


@dataclass(slots=True)
class Worked:
    """A case as far as it got: the plan and who may carry it out, or the error that stopped it."""

    case: Case
    plan: Plan | None = None
    playbook_version: str = ""
    authority: Authority | None = None
    version_id: int | None = None
    content_hash: str = ""
    merge_into: int | None = None
    error: str = ""
