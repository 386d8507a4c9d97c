"""Intake: the right order or none, and one case for one matter."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.interactions import closing, intake
from apps.interactions.intake import Words
from apps.interactions.models import Interaction, Message
from tests import factories
from tests.conftest import ACTOR, COMPLAINT, MISSING, RETURN, STATUS


class TestOrders:
    def test_the_number_the_partner_sent(self, arrive, order):
        assert arrive("Hello", order=order, work=False).order == order

    def test_a_number_in_the_text(self, arrive, order, customer):
        factories.OrderFactory(customer=customer)
        assert arrive(f"Where is {order.number}?", customer=customer, work=False).order == order

    def test_the_customers_only_recent_order(self, arrive, order):
        factories.OrderFactory(customer=order.customer, days_ago=200)
        assert arrive(STATUS, customer=order.customer, work=False).order == order

    def test_several_candidates_are_never_guessed_from(self, arrive, order):
        other = factories.OrderFactory(customer=order.customer)
        case = arrive(STATUS, customer=order.customer)
        assert case.order is None
        assert set(case.order_candidates) == {order.number, other.number}
        assert case.state == "awaiting_customer"
        assert "which order" in case.messages.filter(author="ai").last().text
        assert order.number not in case.messages.filter(author="ai").last().text

    def test_two_numbers_in_the_text_are_never_guessed_from(self, arrive, order, customer):
        other = factories.OrderFactory(customer=customer)
        case = arrive(f"Where are {order.number} and {other.number}?", customer=customer, work=False)
        assert case.order is None
        assert set(case.order_candidates) == {order.number, other.number}

    def test_another_customers_order_is_matched_and_nothing_about_it_told(self, arrive, order):
        stranger = factories.CustomerFactory(partner=order.partner)
        case = arrive(f"Where is {order.number}?", customer=stranger)
        assert case.order == order
        assert case.state == "awaiting_decision"
        assert order.number not in case.messages.filter(author="ai").last().text


class TestSameMatter:
    def test_a_message_on_the_same_order_is_merged_on_whatever_channel(self, arrive, order):
        first = arrive(MISSING, order=order)
        second = arrive("Still nothing, please answer me!", order=order, channel="email")
        assert second.state == "merged"
        assert second.merged_into == first
        assert first.messages.filter(author="customer").count() == 2

    def test_the_same_matter_without_an_order_is_merged_too(self, arrive, customer):
        first = arrive(COMPLAINT, customer=customer)
        second = arrive(COMPLAINT, customer=customer, channel="email")
        assert (second.state, second.merged_into) == ("merged", first)

    def test_two_orders_are_two_matters(self, arrive, order):
        other = factories.OrderFactory(customer=order.customer)
        assert arrive(MISSING, order=order).state == arrive(MISSING, order=other).state == "awaiting_decision"

    def test_the_packet_is_superseded_and_the_next_one_holds_both_messages(self, arrive, order):
        case = arrive(MISSING, order=order)
        arrive(COMPLAINT, order=order, channel="email")
        packets = list(case.packets.order_by("version"))
        assert [packet.state for packet in packets] == ["superseded", "ready"]
        customers = case.messages.filter(author="customer").values_list("pk", flat=True)
        assert set(customers) <= set({said["id"] for said in packets[1].content["conversation"]})

    def test_one_public_message_makes_the_case_public(self, arrive, order):
        case = arrive(MISSING, order=order)
        arrive(COMPLAINT, order=order, channel="social", public=True, audience=48_000)
        case = Interaction.objects.get(pk=case.pk)
        assert (case.public, case.audience, case.case_type) == (True, 48_000, "public_complaint")
        assert case.escalations.get(state="open").flagged

    def test_an_unverified_channel_takes_the_certainty_from_the_case(self, arrive, order):
        case = arrive(MISSING, order=order)
        arrive("And?", order=order, channel="email", sender_verified=False)
        assert Interaction.objects.get(pk=case.pk).sender_verified is False


def write(case, text, author="customer"):
    return intake.add_message(case, Words(author, text, timezone.now(), timezone.now()), actor=ACTOR)


class TestConversation:
    def test_an_answer_to_our_question_goes_on_with_the_case(self, arrive, order, drain):
        factories.OrderFactory(customer=order.customer)
        case = arrive(STATUS, customer=order.customer)
        assert case.state == "awaiting_customer"
        write(case, "please look again, where is it?")
        assert Interaction.objects.get(pk=case.pk).state == "received"
        drain()
        assert Interaction.objects.get(pk=case.pk).state in ("awaiting_customer", "awaiting_decision")

    def test_an_agents_words_are_kept_and_start_nothing(self, arrive, order):
        case = arrive(MISSING, order=order)
        write(case, "I have called the courier.", author="agent")
        assert Interaction.objects.get(pk=case.pk).state == "awaiting_decision"
        assert case.packets.count() == 1

    def test_a_customer_who_writes_again_reopens_a_resolved_case(self, arrive, order, drain):
        case = arrive(STATUS, order=order)
        assert case.state == "resolved"
        write(case, MISSING)
        drain()
        again = Interaction.objects.get(pk=case.pk)
        assert (again.reopened, again.state) == (1, "awaiting_decision")

    @pytest.mark.parametrize(("days", "counts"), [(3, 1), (9, 0)])
    def test_a_message_after_the_end_opens_a_linked_case(self, arrive, order, days, counts):
        case = arrive(STATUS, order=order)
        Interaction.objects.filter(pk=case.pk).update(state="closed", resolved_at=timezone.now() - timedelta(days=days))
        linked = write(case, RETURN)
        assert linked.pk != case.pk
        assert (linked.linked_to_id, linked.reopened) == (case.pk, counts)

    def test_a_message_to_a_merged_case_goes_to_the_one_it_was_merged_into(self, arrive, order):
        case = arrive(MISSING, order=order)
        merged = arrive("Hello?", order=order)
        assert write(merged, "One more thing").pk == case.pk
        assert Message.objects.filter(interaction=case, text="One more thing").exists()


class TestWhichOrder:
    """We asked which order is meant; the answer settles it, by whatever way it comes."""

    @pytest.fixture
    def asked(self, arrive, order):
        factories.OrderFactory(customer=order.customer)
        case = arrive(STATUS, customer=order.customer)
        assert case.state == "awaiting_customer"
        return case

    def test_an_answer_on_the_case(self, asked, order, drain):
        write(asked, f"It is {order.number}")
        drain()
        case = Interaction.objects.get(pk=asked.pk)
        assert (case.order, case.state) == (order, "resolved")
        assert order.number in case.messages.filter(author="ai").last().text

    def test_an_answer_that_names_two_settles_nothing(self, asked):
        write(asked, "It is " + " or ".join(asked.order_candidates))
        assert Interaction.objects.get(pk=asked.pk).order is None

    def test_an_answer_as_a_new_interaction(self, asked, order, arrive):
        answer = arrive(f"{order.number} please", customer=order.customer, channel="email")
        assert (answer.state, answer.merged_into) == ("merged", asked)
        assert Interaction.objects.get(pk=asked.pk).order == order

    def test_an_answer_that_names_an_order_it_cannot_be_opens_its_own_case(self, asked, arrive):
        stranger = factories.OrderFactory(customer=factories.CustomerFactory(partner=asked.partner))
        assert arrive(f"{stranger.number}", customer=asked.customer).state != "merged"

    def test_the_subject_counts_as_words(self, arrive, order):
        factories.OrderFactory(customer=order.customer)
        case = arrive("When will it come?", customer=order.customer, subject=f"Where is order {order.number}?")
        assert (case.order, case.case_type) == (order, "order_status")


def test_a_second_message_after_the_end_goes_to_the_case_the_first_one_opened(arrive, order):
    case = arrive(STATUS, order=order)
    Interaction.objects.filter(pk=case.pk).update(state="closed", resolved_at=timezone.now())
    first = write(Interaction.objects.get(pk=case.pk), RETURN)
    assert write(Interaction.objects.get(pk=case.pk), "And quickly, please").pk == first.pk


class TestReturns:
    def scan(self, api, order):
        scan = [{"at": timezone.now().isoformat(), "kind": "return_received"}]
        assert api.post(f"/api/v1/orders/{order.number}/events/", scan, format="json").status_code == 202

    def test_thanks_in_between_does_not_lose_the_refund(self, arrive, order, api, drain):
        case = arrive(RETURN, order=order)
        write(case, "Thank you so much!")
        drain()
        Interaction.objects.filter(pk=case.pk).update(state="resolved")
        Message.objects.filter(interaction=case).update(handled=True)
        self.scan(api, order)
        drain()
        assert case.decisions.filter(action="refund").exists()

    def test_a_case_that_waits_for_somebody_hears_of_the_scan_too(self, arrive, order, api, drain):
        case = arrive(RETURN, order=order)
        write(case, MISSING)
        drain()
        assert Interaction.objects.get(pk=case.pk).state == "awaiting_decision"
        self.scan(api, order)
        drain()
        assert case.packets.filter(state="ready").get().version > 1

    def test_a_case_with_a_label_out_stays_open_until_the_parcel_is_in(self, arrive, order, api, drain):
        case = arrive(RETURN, order=order)
        long_ago = timezone.now() - timedelta(days=20)
        Interaction.objects.filter(pk=case.pk).update(resolved_at=long_ago)
        closing.close_quiet()
        assert Interaction.objects.get(pk=case.pk).state == "resolved"
        self.scan(api, order)
        drain()
        assert case.decisions.filter(action="refund", state="executed").exists()
        Interaction.objects.filter(pk=case.pk).update(resolved_at=long_ago)
        closing.close_quiet()
        assert Interaction.objects.get(pk=case.pk).state == "closed"


def test_dating_a_message_back_gains_nothing(arrive, customer):
    """The API takes the server's clock for facts of time: an order past the window stays past it."""
    order = factories.OrderFactory(customer=customer, days_ago=47)
    back = (timezone.now() - timedelta(days=30)).isoformat()
    case = arrive(RETURN, order=order, messages=[{"author": "customer", "text": RETURN, "sent_at": back}])
    assert case.case_type == "refund_exception"
