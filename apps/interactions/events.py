"""What happened, for the layers above: Django signals, sent inside the transaction of the change."""

from django.dispatch import Signal

decision_committed = Signal()  # decision: DecisionRecord, with its packet and ruling
acted_alone = Signal()  # done: [(Worked, DecisionRecord)], what the AI decides inside its boundary
judged_blind = Signal()  # judgement: Judgement, with its escalation and packet
outcome_reported = Signal()  # outcome: Outcome, new; now: datetime
