"""Who may take and decide a case: claims and their leases, what was read, and the remit."""

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.interactions import claiming, committing, deciding, intake, remits
from apps.interactions.deciding import Choice
from apps.interactions.intake import Words
from apps.interactions.models import ContextPacket, DecisionRecord, Escalation, Interaction
from apps.policies.errors import Moved, Refused
from tests import factories
from tests.conftest import ACTOR, MISSING, RETURN
from tests.deciding import choice, decide, pass_undo_window


class TestStale:
    def test_a_decision_on_an_old_packet_is_refused(self, held):
        user, escalation = held
        old = choice(escalation)
        intake.add_message(
            escalation.interaction,
            Words("customer", "And the box was open.", timezone.now(), timezone.now()),
            actor=ACTOR,
        )
        with pytest.raises(Moved):
            deciding.decide(user, escalation.pk, old)

    def test_a_message_inside_the_undo_window_voids_the_decision(self, held, drain):
        decision = decide(held)
        intake.add_message(
            decision.interaction, Words("customer", MISSING, timezone.now(), timezone.now()), actor=ACTOR
        )
        pass_undo_window()
        drain()
        assert DecisionRecord.objects.get().state == "voided"
        assert decision.effects.count() == 0
        assert Interaction.objects.get().state == "awaiting_decision"

    def test_the_packet_version_alone_makes_it_stale(self, held):
        user, escalation = held
        now = choice(escalation)
        old = Choice(packet_version=now.packet_version - 1, lease_token=now.lease_token)
        with pytest.raises(Moved, match="newer came in"):
            deciding.decide(user, escalation.pk, old)

    def test_a_decision_whose_packet_was_superseded_is_voided_when_it_should_be_carried_out(self, held):
        decision = decide(held)
        pass_undo_window()
        ContextPacket.objects.update(state="superseded")
        committing.commit_due()
        assert DecisionRecord.objects.get().state == "voided"
        assert decision.effects.count() == 0

    def test_deciding_twice_says_that_it_is_on_its_way(self, held):
        decide(held)
        with pytest.raises(Refused, match="on its way already"):
            decide(held)

    def test_a_wrong_lease_decides_nothing(self, held):
        user, escalation = held
        escalation.lease_token = None
        with pytest.raises(Moved, match="lapsed"):
            deciding.decide(user, escalation.pk, choice(escalation))

    def test_the_database_allows_one_open_decision_a_case(self, held):
        decision = decide(held)
        decision.pk, decision.reference = None, "00000000-0000-0000-0000-000000000001"
        decision._state.adding = True
        with pytest.raises(IntegrityError), transaction.atomic():
            decision.save()


class TestRemit:
    def test_above_the_amount_a_second_person_has_to_agree(self, escalated, drain):
        small, boss = factories.supervisor(remit={"amount_per_decision": Decimal("50.00")}), factories.senior()
        decision = decide((small, claiming.claim(small, escalated.pk)))
        assert decision.state == "proposed"
        drain()
        assert decision.effects.count() == 0
        with pytest.raises(Refused, match="second person has to agree"):
            claiming.claim(small, escalated.pk)
        held = claiming.claim(boss, escalated.pk)
        deciding.second(boss, held.pk, held.lease_token, agree=True)
        pass_undo_window()
        drain()
        assert DecisionRecord.objects.get().state == "executed"

    def test_the_second_person_needs_the_authority_too(self, escalated):
        small = [factories.supervisor(remit={"amount_per_decision": Decimal("50.00")}) for _ in range(2)]
        decide((small[0], claiming.claim(small[0], escalated.pk)))
        held = claiming.claim(small[1], escalated.pk)
        with pytest.raises(Refused, match="over your own remit too"):
            deciding.second(small[1], held.pk, held.lease_token, agree=True)

    def test_a_second_person_who_does_not_agree_says_why_and_the_case_waits_again(self, escalated):
        small, boss = factories.supervisor(remit={"amount_per_decision": Decimal("50.00")}), factories.senior()
        decide((small, claiming.claim(small, escalated.pk)))
        held = claiming.claim(boss, escalated.pk)
        with pytest.raises(Refused, match="Say why"):
            deciding.second(boss, held.pk, held.lease_token, agree=False)
        deciding.second(boss, held.pk, held.lease_token, agree=False, reason="no receipt")
        assert DecisionRecord.objects.get().state == "rejected"
        assert Escalation.objects.get().state == "claimed"

    def test_nobody_agrees_to_what_they_proposed_even_holding_the_case(self, escalated):
        small = factories.supervisor(remit={"amount_per_decision": Decimal("50.00")})
        held = claiming.claim(small, escalated.pk)
        lease = held.lease_token
        decide((small, held))
        Escalation.objects.update(
            state="claimed", claimed_by=small, claimed_at=timezone.now(), lease_token=lease,
            lease_until=timezone.now() + timedelta(minutes=2),
        )  # fmt: skip
        with pytest.raises(Refused, match="You proposed this"):
            deciding.second(small, escalated.pk, lease, agree=True)

    def test_nobody_agrees_to_a_refund_on_their_own_order(self, escalated):
        small = factories.supervisor(remit={"amount_per_decision": Decimal("50.00")})
        decide((small, claiming.claim(small, escalated.pk)))
        boss = factories.senior(email=escalated.interaction.customer.email)
        held = claiming.claim(boss, escalated.pk)
        with pytest.raises(Refused, match="your own order"):
            deciding.second(boss, held.pk, held.lease_token, agree=True)

    def test_the_day_is_the_persons_own(self, held):
        decision, remit = decide(held), held[0].remit
        later = decision.decided_at + timedelta(hours=2)
        remit.time_zone = zone_where_it_is(23, decision.decided_at)
        assert remits.spent_today(remit, later) == 0, "after their midnight"
        remit.time_zone = zone_where_it_is(12, decision.decided_at)
        assert remits.spent_today(remit, later) == decision.amount

    def test_the_day_counts_too(self, escalated, arrive, order):
        user = factories.supervisor(remit={"amount_per_day": Decimal("100.00")})
        assert decide((user, claiming.claim(user, escalated.pk))).state == "decided"
        other = factories.OrderFactory(customer=order.customer, days_ago=47)
        second = arrive(RETURN, order=other).escalations.get()
        assert decide((user, claiming.claim(user, second.pk))).state == "proposed"

    def test_money_of_another_currency_is_above_every_remit(self, escalated):
        user = factories.supervisor(remit={"currency": "EUR"})
        assert decide((user, claiming.claim(user, escalated.pk))).state == "proposed"

    def test_nobody_decides_on_their_own_order(self, escalated):
        user = factories.supervisor(email=escalated.interaction.customer.email)
        with pytest.raises(Refused, match="your own order"):
            decide((user, claiming.claim(user, escalated.pk)))


class TestClaiming:
    def test_a_case_outside_the_remit_cannot_be_taken(self, escalated):
        for remit in ({"all_partners": False}, {"case_types": ["complaint"]}):
            user = factories.supervisor(remit=remit)
            assert claiming.take_next(user) is None
            with pytest.raises(Refused, match="not in your remit"):
                claiming.claim(user, escalated.pk)

    def test_a_language_outside_the_remit_is_not_offered(self, escalated):
        Escalation.objects.update(language="nl")
        assert claiming.take_next(factories.supervisor(remit={"languages": ["en"]})) is None
        assert claiming.take_next(factories.supervisor(remit={"languages": ["nl"]})) is not None

    def test_a_seniors_case_is_for_seniors(self, escalated):
        Escalation.objects.update(seniority="senior")
        assert claiming.take_next(factories.supervisor()) is None
        assert claiming.take_next(factories.senior()) is not None

    def test_a_held_case_is_nobody_elses(self, held):
        user, escalation = held
        with pytest.raises(Refused, match=f"{user.get_full_name()} already holds|already holds"):
            claiming.claim(factories.supervisor(), escalation.pk)

    def test_a_lapsed_lease_goes_back_and_is_logged_as_that(self, held):
        from apps.policies.models import AuditEntry

        Escalation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        assert claiming.release_lapsed() == 1
        assert Escalation.objects.get().state == "open"
        assert AuditEntry.objects.get(event="release").reason == "the lease lapsed"

    def test_a_lease_that_runs_is_left_alone(self, held):
        assert claiming.release_lapsed() == 0
        assert Escalation.objects.get().state == "claimed"

    def test_taking_another_case_never_lets_go_of_one_being_decided(self, held, arrive, order):
        user, first = held
        decision = decide(held)
        other = arrive(RETURN, order=factories.OrderFactory(customer=order.customer, days_ago=47)).escalations.get()
        decide((user, claiming.claim(user, other.pk)))
        deciding.undo(user, decision.pk)
        claiming.release_others(user, keep=first.pk)
        assert Escalation.objects.get(pk=other.pk).state == "claimed"

    def test_a_case_being_decided_is_not_released_when_its_lease_lapses(self, held):
        decide(held)
        Escalation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        assert claiming.release_lapsed() == 0
        with pytest.raises(Refused, match="Take your decision back"):
            claiming.release(*_hold(held))

    def test_skip_is_for_me_only(self, held):
        user, escalation = held
        claiming.release(user, escalation.pk, escalation.lease_token, skip=True)
        assert claiming.take_next(user) is None
        assert claiming.take_next(factories.supervisor()) is not None

    def test_handing_to_seniors_needs_a_word(self, held):
        with pytest.raises(Refused, match="why a senior"):
            claiming.hand_to_senior(*_hold(held), " ")
        claiming.hand_to_senior(*_hold(held), "legal threat")
        escalation = Escalation.objects.get()
        assert (escalation.state, escalation.seniority) == ("open", "senior")
        assert escalation.interaction.notes.get().text == "legal threat"

    def test_the_heartbeat_renews_the_lease(self, held):
        Escalation.objects.update(lease_until=timezone.now() + timedelta(seconds=3))
        claiming.renew(*_hold(held))
        assert Escalation.objects.get().lease_until > timezone.now() + timedelta(seconds=60)

    def test_dismissing_needs_a_reason_and_ends_the_case(self, held):
        with pytest.raises(Refused, match="Say why"):
            deciding.dismiss(*_hold(held), "")
        deciding.dismiss(*_hold(held), "spam")
        assert Interaction.objects.get().state == "dismissed"
        assert Escalation.objects.get().state == "cancelled"
        assert committing.commit_due() == 0


def zone_where_it_is(hour, at):
    """A time zone in which the clock shows this hour at this moment."""
    zones = (f"Etc/GMT{offset:+d}" for offset in range(-14, 13))
    return next(zone for zone in zones if at.astimezone(ZoneInfo(zone)).hour == hour)


def _hold(held):
    user, escalation = held
    return user, escalation.pk, escalation.lease_token
