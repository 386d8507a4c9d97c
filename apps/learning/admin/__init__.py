"""What was learnt, to look up and to decide on."""

from apps.learning.admin import judged, outcomes, proposals, reading

__all__ = ["judged", "outcomes", "proposals", "reading"]
