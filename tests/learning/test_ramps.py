"""A new grant: step by step, with a few of its cases always people's; stopped at once, and not let go of by one person."""

from dataclasses import replace

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from apps.interactions import blind, onboarding
from apps.interactions.models import Escalation, Interaction
from apps.learning.models import CaseAudit
from apps.policies import audit, draws, editing, partner_releases, ramps, releases
from apps.policies.conditions import Condition
from apps.policies.lots import SHARES, Lot, lot_at
from apps.policies.models import Ramp, Rule
from tests import factories
from tests.conftest import RETURN, STATUS
from tests.interactions.test_intake import write
from tests.interactions.test_sandbox import send as send_to
from tests.policies.conftest import released

ACTOR = audit.system("test")


class TestLots:
    def test_so_many_of_a_hundred_are_the_ais_and_a_few_never(self):
        places = [draws.place_of(b"key", "ramp 7", f"case {n}") for n in range(20_000)]
        for share in SHARES:
            lots = [lot_at(place, share) for place in places]
            assert abs(lots.count(Lot.HELD_OUT) / len(lots) - 0.05) < 0.006
            assert abs(lots.count(Lot.ALONE) / len(lots) - 0.95 * share / 100) < 0.015

    def test_what_the_ai_has_at_one_step_it_has_at_the_next(self):
        for n in range(2000):
            place = n / 2000
            lots = [lot_at(place, share) for share in SHARES]
            assert lots in ([Lot.HELD_OUT] * 3, sorted(lots, key=lambda lot: lot is Lot.ALONE))

    def test_another_key_or_purpose_draws_others(self):
        drawn = [draws.place_of(key, purpose, "case 1") for key in (b"a", b"b") for purpose in ("ramp 1", "audit")]
        assert len(set(drawn)) == 4
        assert drawn[0] == draws.place_of(b"a", "ramp 1", "case 1")


class TestRuling:
    def test_outside_its_share_a_case_goes_to_a_person_who_is_told_why(self, ramp, arrive, new_order, at):
        at(0.9)
        case = arrive(STATUS, order=new_order())
        assert (case.state, case.handler, case.ruling.gate_handler) == ("awaiting_decision", "human", "autonomous")
        (no,) = case.ruling.downgrades
        assert (no["question"], no["code"]) == ("earned", "ramp")
        assert "10 % of its cases" in no["reason"]
        assert case.ruling.ramp == ramp.pk

    def test_inside_its_share_the_ai_acts(self, ramp, arrive, new_order, at):
        at(0.1)
        assert arrive(STATUS, order=new_order()).state == "resolved"

    def test_a_sandbox_has_the_whole_of_it_and_counts_for_nothing(
        self, ramp, partner, new_order, at, monkeypatch, drain
    ):
        monkeypatch.setattr(blind, "drawn", lambda percent: percent > 0)
        twin = onboarding.sandbox(partner, actor=ACTOR).partner
        at(0.9)  # a case of the brand's would go to people
        order = factories.OrderFactory(customer=factories.CustomerFactory(partner=twin))
        case = send_to(twin, STATUS, order)
        drain()
        done = Interaction.objects.get(pk=case.pk)
        assert (done.handler, done.ruling.ramp) == ("autonomous", None)
        assert not CaseAudit.objects.exists()

    def test_a_few_are_held_out_and_judged_unseen_even_at_the_last_step(self, ramp, arrive, new_order, at, monkeypatch):
        Ramp.objects.update(share=100)
        monkeypatch.setattr(blind, "drawn", lambda percent: percent == 100)
        at(0.04)
        case = arrive(STATUS, order=new_order())
        assert case.ruling.downgrades[0]["code"] == "held out"
        escalation = Escalation.objects.get(interaction=case)
        assert (escalation.blind, escalation.blind_chance) == (True, 1.0)
        at(0.06)
        assert arrive(STATUS, order=new_order()).state == "resolved"

    def test_what_it_was_never_certified_on_is_peoples(self, ramp, arrive, new_order, at):
        at(0.1)
        ramps.leave_out(ramp, [Condition("customer.orders", "≤", 5)], timezone.now())
        case = arrive(STATUS, order=new_order())
        assert case.ruling.downgrades[0]["code"] == "drift"
        assert "orders of the customer ≤ 5" in case.ruling.downgrades[0]["reason"]

    def test_one_that_people_had_before_stays_theirs(self, ramp, arrive, new_order, at, drain):
        """It is not among the cases that the grant was proven on: they came in fresh."""
        at(0.9)
        case = arrive(STATUS, order=new_order())
        at(0.1)
        write(case, "please look again, where is it?")
        drain()
        again = Interaction.objects.get(pk=case.pk)
        assert (again.state, again.ruling.downgrades[0]["code"]) == ("awaiting_decision", "came before")

    def test_one_that_the_ai_did_something_about_before_is_peoples(self, ramp, arrive, new_order, at, drain):
        at(0.1)
        case = arrive(STATUS, order=new_order())
        assert case.state == "resolved"
        write(case, "where is my order? please look again")
        drain()
        again = Interaction.objects.get(pk=case.pk)
        assert "came before" in {no["code"] for no in again.ruling.downgrades}

    def test_one_that_the_ai_only_asked_about_is_granted_once_it_is_answered(self, ramp, arrive, order, at, drain):
        at(0.1)
        factories.OrderFactory(customer=order.customer)
        case = arrive(STATUS, customer=order.customer)
        assert case.ruling.action == "ask_customer"
        write(case, f"{order.number}")
        drain()
        again = Interaction.objects.get(pk=case.pk)
        assert again.state == "resolved", again.ruling.downgrades

    def test_other_rules_are_not_limited(self, ramp, arrive, new_order, at):
        at(0.9)
        assert arrive(RETURN, order=new_order()).ruling.ramp is None


class TestStopping:
    def test_from_the_next_ruling_on_it_is_peoples(self, ramp, arrive, new_order, at):
        at(0.1)
        ramps.stop(ramp, "wrong too often", ACTOR, timezone.now())
        case = arrive(STATUS, order=new_order())
        assert case.handler == "human"
        assert "wrong too often" in case.ruling.downgrades[0]["reason"]

    def test_what_has_not_left_goes_back_to_people(self, ramp, arrive, new_order, at, drain, monkeypatch):
        from apps.interactions import execution

        at(0.1)
        monkeypatch.setattr(execution, "execute", lambda *args, **more: 0)
        case = arrive(STATUS, order=new_order())
        assert case.state == "resolving"
        monkeypatch.undo()
        ramps.stop(ramp, "wrong too often", ACTOR, timezone.now())
        drain()
        assert Interaction.objects.get(pk=case.pk).state == "awaiting_decision"

    def test_stopped_is_final(self, ramp):
        ramps.stop(ramp, "wrong too often", ACTOR, timezone.now())
        with pytest.raises(DatabaseError), transaction.atomic():
            Ramp.objects.update(stopped_at=None)

    def test_it_says_why(self, ramp):
        with pytest.raises(DatabaseError), transaction.atomic():
            Ramp.objects.update(stopped_at=timezone.now())


class TestReleasing:
    def test_taking_the_ramp_away_takes_two_people(self, ramp, boundary, author):
        draft = releases.draft_from(author, boundary)
        rule = Rule.objects.filter(version=draft, ramp=ramp).first()
        rule.ramp = None
        editing.save(author, rule)
        assert releases.submit(author, draft).widens is True

    def test_a_rule_beside_it_that_grants_the_same_takes_two_people(self, ramp, boundary, author):
        draft = releases.draft_from(author, boundary)
        rule = Rule.objects.filter(version=draft, ramp=ramp).first()
        editing.save(author, Rule(version=draft, case_type=rule.case_type, handler="autonomous", action=rule.action,
                                  conditions=rule.conditions))  # fmt: skip
        assert releases.submit(author, draft).widens is True

    def test_taking_the_grant_away_takes_one(self, ramp, boundary, author):
        draft = releases.draft_from(author, boundary)
        for rule in Rule.objects.filter(version=draft, ramp=ramp):
            editing.delete(author, rule)
        assert releases.tighten(author, draft).state == "active"

    def test_taking_the_last_grant_away_takes_one_and_what_stands_before_it_stays(self, ramp, boundary, author, other):
        draft = releases.draft_from(author, boundary)
        newer = ramps.start(boundary, "order_status", "reply", "report 2", {})
        rule = Rule.objects.filter(version=draft, ramp=ramp).first()
        editing.save(author, Rule(version=draft, case_type=rule.case_type, handler="autonomous", action=rule.action,
                                  conditions=[{"fact": "sender.verified", "operator": "is", "value": True}], ramp=newer))  # fmt: skip
        released(author, other, draft)
        draft = releases.draft_from(author, boundary)
        editing.delete(author, Rule.objects.get(version=draft, ramp=newer))
        assert releases.tighten(author, draft).state == "active"

    def test_moving_a_brand_to_a_boundary_without_the_ramp_takes_two(self, ramp, partner, boundary):
        old = boundary.active_version.policy()
        new = replace(old, rules=tuple(replace(rule, ramp=None) for rule in old.rules))
        assert partner_releases._wider(new, old) == [
            "It lets go of a ramp: what the AI does step by step now, or was stopped from, it would do at once."
        ]
        assert partner_releases._wider(old, old) == []

    def test_rolling_back_to_before_the_ramp_is_a_release_for_two(self, ramp, boundary, author, other):
        before = boundary.versions.get(number=boundary.active_version.number - 1)
        back = releases.roll_back(author, boundary.active_version, before, "as it was")
        assert back.state in ("draft", "in_review")

    def test_a_copy_keeps_it(self, ramp, boundary, author):
        draft = releases.draft_from(author, boundary)
        assert Rule.objects.filter(version=draft, ramp=ramp).exists()
        assert draft.current_hash() == boundary.active_version.current_hash()
