"""What was learnt, to look up and to decide on."""

from apps.learning.admin import judged, proposals

__all__ = ["judged", "proposals"]
