from apps.learning.models.audit import CaseAudit, KnownAnswer
from apps.learning.models.breaker import Breaker
from apps.learning.models.refinement import Refinement, RefinementReport
from apps.learning.models.signal import Signal

__all__ = ["Breaker", "CaseAudit", "KnownAnswer", "Refinement", "RefinementReport", "Signal"]
