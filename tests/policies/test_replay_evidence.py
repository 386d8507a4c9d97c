"""What is known beside the rulings: blind decisions with their bound, and how long people took."""

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from apps.learning.models import Signal
from apps.policies import replaying
from apps.policies.models import Ruling
from apps.policies.replay_summary import LEAST_BLIND, Evidence, _blind, upper_bound
from tests.interactions.test_deciding import decide, pass_undo_window
from tests.policies.conftest import replayed


class TestEvidence:
    def test_blind_decisions_on_the_newly_autonomous_cases_are_counted_with_their_bound(self, partner, author):
        class Replayed:
            arrays = {"id": np.arange(450.0)}

        blind = {n: n != 7 for n in range(450)}
        found = _blind(Replayed, np.ones(450, np.bool_), Evidence(blind=blind).blind)
        assert found == {"cases": 450, "agreed": 449, "enough": True, "error_below": 1.05}
        few = dict.fromkeys(range(LEAST_BLIND - 1), True)
        assert _blind(Replayed, np.ones(450, np.bool_), few)["enough"] is False

    def test_only_the_newly_autonomous_ones_are_evidence(self, night, author, partner, monkeypatch):
        blind = dict.fromkeys(Ruling.objects.values_list("pk", flat=True), True)
        monkeypatch.setattr(replaying, "_evidence", [lambda *period: Evidence(blind=blind)])
        assert replayed(author, partner.boundary.active_version)["blind"] == {"cases": 0, "agreed": 0, "enough": False}

    def test_the_bound_is_the_exact_one(self):
        assert upper_bound(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59))
        assert upper_bound(5, 5) == 1.0

    def test_a_signal_decided_blind_is_evidence(self, held, drain, partner):
        from apps.learning.replay_evidence import evidence_for

        decision = decide(held)
        pass_undo_window()
        drain()
        now = timezone.now()
        period = ([partner.pk], now - timedelta(days=1), now + timedelta(days=1))
        assert evidence_for(*period).blind == {}
        signal = Signal.objects.get()
        Signal.objects.create(
            **{f.name: getattr(signal, f.name) for f in Signal._meta.fields if f.name not in ("id", "decision", "proposal_seen")},
            decision=self.another(decision), proposal_seen=False,
        )  # fmt: skip
        evidence = evidence_for(*period)
        assert list(evidence.blind.values()) == [True]
        assert evidence.seconds.keys() == {"refund_exception"}
        assert sum(evidence.people) == 1

    def another(self, decision):
        from apps.interactions.models import DecisionRecord

        fields = {
            f.name: getattr(decision, f.name)
            for f in DecisionRecord._meta.fields
            if f.name not in ("id", "reference", "state")
        }
        return DecisionRecord.objects.create(**fields, state="failed")

    def test_hours_and_waits_come_from_how_long_people_took(self, night, held, drain, author, partner):
        decide(held)
        pass_undo_window()
        drain()
        result = replayed(author, partner.boundary.active_version)
        hours = result["hours"]
        assert hours["known"] is True
        assert len(hours["rows"]) == 24
        assert hours["saved_hours"] == 0
