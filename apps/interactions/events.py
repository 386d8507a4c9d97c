"""What happened, for the layers above: Django signals, sent inside the transaction of the change."""

from django.dispatch import Signal

decision_committed = Signal()  # decision: DecisionRecord, with its packet and ruling
