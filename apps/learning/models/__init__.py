from apps.learning.models.audit import CaseAudit, KnownAnswer
from apps.learning.models.breaker import Breaker
from apps.learning.models.outcome_look import OutcomeLook
from apps.learning.models.refinement import Refinement, RefinementReport
from apps.learning.models.report_run import ReportRun
from apps.learning.models.rule_audits import RuleAudits
from apps.learning.models.signal import Signal
from apps.learning.models.training import Training

__all__ = [
    "Breaker",
    "CaseAudit",
    "KnownAnswer",
    "OutcomeLook",
    "Refinement",
    "RefinementReport",
    "ReportRun",
    "RuleAudits",
    "Signal",
    "Training",
]
