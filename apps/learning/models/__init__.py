from apps.learning.models.audit import CaseAudit, KnownAnswer
from apps.learning.models.signal import Signal

__all__ = ["CaseAudit", "KnownAnswer", "Signal"]
