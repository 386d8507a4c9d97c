from apps.learning.models.signal import Signal

__all__ = ["Signal"]
