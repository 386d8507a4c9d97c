"""What happened to policies, for the layers above: Django signals, sent inside the transaction of the change."""

from django.dispatch import Signal

boundary_changed = Signal()  # version: BoundaryVersion, the one that rules from now on
