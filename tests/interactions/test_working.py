"""How the pipeline works: what it hands over to people, and what breaks one case only."""

from datetime import timedelta

from django.utils import timezone

from apps.interactions import execution, intake, pipeline, recording, tasks
from apps.interactions.intake import Words
from apps.interactions.models import ContextPacket, Escalation, Interaction
from tests import factories
from tests.conftest import ACTOR, COMPLAINT, MISSING, RETURN, STATUS


class TestHandOver:
    def test_it_waits_with_a_filled_packet_a_clock_and_an_honest_holding_reply(self, escalated, partner):
        packet = ContextPacket.objects.get(state="ready")
        assert (
            packet.content["question"]
            == f"Refund 84.50 USD on order {escalated.interaction.order.number}, 17 days past the return window?"
        )
        assert packet.content["facts"]
        assert packet.content["proposal"]["action"] == "refund"
        assert packet.content["clause"].startswith("Terms 1:")
        holding = escalated.interaction.messages.get(author="ai", holding=True)
        assert "person on our team" in holding.text
        assert "refund" not in holding.text.lower()
        assert escalated.due_at > escalated.opened_at

    def test_a_public_complaint_is_a_seniors_and_first(self, arrive, order, escalated):
        other = factories.OrderFactory(customer=order.customer)
        public = arrive(COMPLAINT, order=other, public=True, audience=48_000, channel="social")
        first = Escalation.objects.most_urgent().first()
        assert first.interaction == public
        assert (first.seniority, first.flagged) == ("senior", True)
        assert order.number not in public.packets.get().content["proposal"]["reply"]

    def test_a_public_complaint_is_a_seniors_even_where_no_rule_says_so(self, arrive, order, partner):
        partner.boundary = None
        partner.save()
        case = arrive(COMPLAINT, order=order, public=True, channel="social")
        assert case.escalations.get().seniority == "senior"

    def test_somebody_who_writes_again_is_told_once_that_a_person_looks_at_it(self, arrive, order, drain):
        case = arrive(MISSING, order=order)
        intake.add_message(
            case, Words("customer", "Hello? Still nothing.", timezone.now(), timezone.now()), actor=ACTOR
        )
        drain()
        assert case.messages.filter(holding=True).count() == 1

    def test_a_holding_reply_at_night_names_the_next_staffed_time(self, arrive, order, partner, monkeypatch):
        night = timezone.now().astimezone(partner.zone).replace(hour=3, minute=10) + timedelta(days=1)
        monkeypatch.setattr(timezone, "now", lambda: night)
        case = arrive(MISSING, order=order)
        assert f"we are back at 08:00 {night:%Z} today" in case.messages.get(author="ai").text


class TestWorking:
    def test_what_is_written_while_an_answer_leaves_opens_the_case_again(self, arrive, order):
        case = arrive(STATUS, order=order, work=False)
        pipeline.advance()
        more = Words("customer", "Can you change the address of it, too?", timezone.now(), timezone.now())
        assert intake.add_message(case, more, actor=ACTOR).state == "resolving"
        execution.execute()
        case = Interaction.objects.get(pk=case.pk)
        assert (case.state, case.reopened) == ("received", 1)
        theirs = case.messages.filter(author="customer").order_by("id")
        assert list(theirs.values_list("handled", flat=True)) == [True, False]

    def test_one_case_that_breaks_spoils_no_other_and_stalls_visibly(
        self, arrive, partner, customer, monkeypatch, drain
    ):
        good = factories.OrderFactory(customer=customer)
        bad = factories.OrderFactory(customer=customer)
        plan_for = pipeline.plan_for

        def breaking(case):
            if case.order and case.order.pk == bad.pk:
                raise RuntimeError("a playbook broke")
            return plan_for(case)

        monkeypatch.setattr(pipeline, "plan_for", breaking)
        first, second = arrive(STATUS, order=bad, work=False), arrive(STATUS, order=good, work=False)
        drain()
        assert Interaction.objects.get(pk=second.pk).state == "resolved"
        for _ in range(pipeline.MOST_ATTEMPTS):
            Interaction.objects.filter(pk=first.pk).update(due_at=timezone.now())
            drain()
        stalled = Interaction.objects.get(pk=first.pk)
        assert stalled.state == "stalled"
        assert "a playbook broke" in stalled.stalled_because

    def test_attempts_count_before_the_work_so_that_a_death_counts(self, arrive, order):
        arrive(STATUS, order=order, work=False)
        (claimed,) = pipeline._claim(10)
        assert Interaction.objects.get(pk=claimed.pk).attempts == 1

    def test_a_worker_whose_lease_was_taken_writes_nothing(self, arrive, order):
        case = arrive(STATUS, order=order, work=False)
        worked = pipeline.work(pipeline._claim(10))
        Interaction.objects.filter(pk=case.pk).update(lease_token=None)
        recording.write_back(worked, pipeline._PIPELINE)
        assert Interaction.objects.get(pk=case.pk).state == "received"
        assert case.decisions.count() == 0

    def test_a_case_that_moved_meanwhile_is_left_alone_and_the_others_go_on(self, arrive, order):
        moved = arrive(STATUS, order=order, work=False)
        other = arrive(STATUS, order=factories.OrderFactory(customer=order.customer), work=False)
        worked = pipeline.work(pipeline._claim(10))
        Interaction.objects.filter(pk=moved.pk).update(state="dismissed")
        recording.write_back(worked, pipeline._PIPELINE)
        assert Interaction.objects.get(pk=moved.pk).state == "dismissed"
        assert moved.decisions.count() == 0
        assert Interaction.objects.get(pk=other.pk).state == "resolving"

    def test_the_same_task_twice_does_the_work_once(self, arrive, order):
        case = arrive(RETURN, order=order)
        before = (case.messages.count(), case.decisions.count(), case.decisions.get().effects.count())
        assert tasks.advance() == tasks.advance() == 0
        assert (case.messages.count(), case.decisions.count(), case.decisions.get().effects.count()) == before

    def test_facts_of_time_are_taken_when_the_customer_wrote(self, arrive, customer):
        order = factories.OrderFactory(customer=customer, days_ago=40)
        then = arrive(RETURN, order=order, at=timezone.now() - timedelta(days=20))
        assert then.case_type == "standard_return"
        assert then.ruling.facts["order.days_since_delivery"]["value"] in (19, 20)

    def test_a_delivery_after_the_message_was_not_known_then(self, arrive, order):
        case = arrive(STATUS, order=order, at=timezone.now() - timedelta(days=7))
        assert "order.days_since_delivery" not in case.ruling.facts


def test_an_amount_nobody_can_hold_harms_no_case(arrive, order, customer):
    other = factories.OrderFactory(customer=customer)
    first = arrive(f"{MISSING} I want ${'9' * 40} back!", order=order, work=False)
    second = arrive(STATUS, order=other)
    assert Interaction.objects.get(pk=first.pk).state == "awaiting_decision"
    assert second.state == "resolved"


def test_facts_that_break_spoil_one_case_only(arrive, order, customer, monkeypatch):
    from apps.interactions import facts_of_order

    real = facts_of_order.of_order

    def breaking(case, row, counts):
        if row.pk == order.pk:
            raise RuntimeError("a fact broke")
        return real(case, row, counts)

    monkeypatch.setattr(facts_of_order, "of_order", breaking)
    bad = arrive(STATUS, order=order, work=False)
    good = arrive(STATUS, order=factories.OrderFactory(customer=customer))
    assert good.state == "resolved"
    assert Interaction.objects.get(pk=bad.pk).state == "received"
