from apps.policies.models.audit import AuditEntry
from apps.policies.models.boundary import Boundary, BoundaryVersion, VersionContributor
from apps.policies.models.columns import RulingChunk, RulingColumn
from apps.policies.models.partner import Partner, PartnerStage
from apps.policies.models.partner_release import PartnerRelease
from apps.policies.models.pause import Pause
from apps.policies.models.ramp import Ramp
from apps.policies.models.remit import Remit, partner_ids_of, partners_of, remit_of, rules_only_brands_of
from apps.policies.models.replay import Replay, Vocabulary
from apps.policies.models.rule import Guardrail, Rule
from apps.policies.models.ruling import Ruling, ShadowRuling
from apps.policies.models.sought import SoughtKind
from apps.policies.models.terms import Terms
from apps.policies.models.voice import better_words

__all__ = [
    "AuditEntry",
    "Boundary",
    "BoundaryVersion",
    "Guardrail",
    "Partner",
    "PartnerRelease",
    "PartnerStage",
    "Pause",
    "Ramp",
    "Remit",
    "Replay",
    "Rule",
    "Ruling",
    "RulingChunk",
    "RulingColumn",
    "ShadowRuling",
    "SoughtKind",
    "Terms",
    "VersionContributor",
    "Vocabulary",
    "better_words",
    "partner_ids_of",
    "partners_of",
    "remit_of",
    "rules_only_brands_of",
]
