"""What is known beside the rulings: blind decisions with their bound, and how long people took."""

from datetime import timedelta

import numpy as np
import pytest
from django.template.loader import render_to_string
from django.utils import timezone

from apps.interactions import history
from apps.interactions.demo import demo_partner
from apps.interactions.models import Escalation
from apps.learning.replay_evidence import evidence_for, known_of
from apps.policies import replaying, simulating
from apps.policies.models import Ruling
from apps.policies.replay_past import past_cases
from apps.policies.replay_summary import LEAST_BLIND, Evidence, Unseen, _blind, upper_bound
from apps.policies.specs import PolicySpec, Proposal
from apps.policies.stages import Known
from tests import factories
from tests.deciding import decide, pass_undo_window
from tests.policies.conftest import replayed
from tests.reach.test_blind import judged


class TestEvidence:
    def test_blind_decisions_on_the_newly_autonomous_cases_are_counted_with_their_bound(self, partner, author):
        class Replayed:
            arrays = {"id": np.arange(450.0)}

        blind = {n: Unseen(n != 7, f"customer {n}") for n in range(450)}
        found = _blind(Replayed, np.ones(450, np.bool_), Evidence(blind=blind).blind)
        assert found == {"cases": 450, "agreed": 449, "customers": 450, "enough": True, "error_below": 1.05}
        few = {n: Unseen(True, f"customer {n % (LEAST_BLIND - 1)}") for n in range(450)}
        assert _blind(Replayed, np.ones(450, np.bool_), few)["enough"] is False

    def test_only_the_newly_autonomous_ones_are_evidence(self, night, author, partner, monkeypatch):
        blind = dict.fromkeys(Ruling.objects.values_list("pk", flat=True), Unseen(True, "somebody"))
        monkeypatch.setattr(replaying, "_evidence", [lambda *period: Evidence(blind=blind)])
        assert replayed(author, partner.boundary.active_version)["blind"] == {
            "cases": 0, "agreed": 0, "customers": 0, "enough": False,
        }  # fmt: skip

    def test_the_bound_is_the_exact_one(self):
        assert upper_bound(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59))
        assert upper_bound(5, 5) == 1.0

    def test_what_was_judged_unseen_is_evidence_and_nothing_else(self, escalated, held, drain, partner):
        now = timezone.now()
        period = ([partner.pk], now - timedelta(days=1), now + timedelta(days=1))
        decide(held)
        pass_undo_window()
        drain()
        evidence = evidence_for(*period)
        assert evidence.blind == {}
        assert evidence.seconds.keys() == {"refund_exception"}
        assert sum(evidence.people) == 1

    @pytest.mark.parametrize(("label", "agreed"), [("Refund in full", 1), ("Store credit", 0)])
    def test_the_checklist_of_a_type_counts_the_same(self, escalated, partner, label, agreed):
        type(escalated).objects.update(blind=True)
        judged(factories.supervisor(), Escalation.objects.get(), label)
        now = timezone.now()
        found = evidence_for([partner.pk], now - timedelta(days=1), now + timedelta(days=1)).blind
        assert found == {
            escalated.interaction.ruling_id: Unseen(bool(agreed), f"{partner.slug}/{escalated.interaction.customer_id}")
        }
        assert known_of(partner.pk, "refund_exception", 30) == Known(0, 1, agreed)
        assert known_of(partner.pk, "complaint", 30) == Known()

    def test_hours_and_waits_come_from_how_long_people_took(self, night, held, drain, author, partner):
        decide(held)
        pass_undo_window()
        drain()
        result = replayed(author, partner.boundary.active_version)
        hours = result["hours"]
        assert hours["known"] is True
        assert len(hours["rows"]) == 24
        assert hours["saved_hours"] == 0


class TestPastCases:
    """What a brand brought along is asked of both versions, beside the figures."""

    KNOWN = {
        "sender.verified": True, "order.belongs_to_sender": True, "order.identified": True, "message.public": False,
        "message.injection_suspected": False,
    }  # fmt: skip

    def bring(self, partner, name, action="reply", **facts):
        asked = simulating.Asked("order_status", Proposal(action), facts)
        history.bring(partner, history.Past(name, "c-1", asked, timezone.now() - timedelta(days=400)), timezone.now())

    def test_a_replay_shows_them_before_anything_was_ruled(self, partner, author):
        self.bring(partner, "p-1", **self.KNOWN)
        self.bring(partner, "p-2", "refund", **self.KNOWN)
        self.bring(partner, "p-3", **{**self.KNOWN, "message.public": None, "sender.verified": None})
        found = replayed(author, partner.boundary.active_version)
        row = {"case_type": "order_status", "cases": 3, "before": 1, "after": 1, "unknown": 1}
        assert (found["rulings"], found["past"]["rows"]) == (0, [row])
        assert found["past"]["unknown"] == {"sender.verified": 1, "message.public": 1}
        told = render_to_string("admin/policies/_replay_result.html", {"result": found})
        assert "Past cases that were brought along" in told
        assert "1 → 1" in told
        assert "message.public (1)" in told

    def test_a_version_that_grants_nothing_lets_the_ai_do_none_of_it(self, partner):
        self.bring(partner, "p-1", **self.KNOWN)
        past = evidence_for([partner.pk], timezone.now(), timezone.now()).past
        (row,) = past_cases(past, PolicySpec(), partner.boundary.active_version.policy())["rows"]
        assert (row["before"], row["after"]) == (1, 0)

    def test_a_reply_may_have_told_of_an_order_since_nothing_says_that_it_did_not(self, partner):
        known = {"message.public": False, "message.injection_suspected": False}
        policy = partner.boundary.active_version.policy()
        for facts, alone in ((known, 0), (known | self.KNOWN, 1)):
            past = [simulating.Asked("question", Proposal("reply"), facts)]
            assert past_cases(past, policy, policy)["rows"][0]["after"] == alone

    def test_another_brands_are_not_asked(self, partner):
        self.bring(demo_partner("oru", "Oru"), "p-1", **self.KNOWN)
        assert evidence_for([partner.pk], timezone.now(), timezone.now()).past == []
