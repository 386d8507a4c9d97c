"""Playbooks: what the AI proposes for each type, why, and what a person would weigh."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.interactions import catalogue, claiming, settling
from apps.interactions.classification import tone
from apps.interactions.connectors import Outcome
from apps.interactions.models import (
    CustomerEvent,
    Interaction,
    Message,
    Order,
    OrderEvent,
    Payment,
    Product,
    ShopConnection,
)
from apps.interactions.pipeline import load
from apps.interactions.playbooks import PLAYBOOKS
from apps.interactions.playbooks.base import Plan
from apps.interactions.recommending import recommended_for
from apps.policies.errors import Refused
from apps.policies.facts import VOCABULARY
from apps.policies.words import CaseType
from tests import factories
from tests.conftest import ACTOR, COMPLAINT, MISSING, RETURN, reasons
from tests.deciding import decide, pass_undo_window

CANCEL = "Please cancel my order, I want to cancel the whole order."
CHARGED = "I was charged twice for my order, there is a double payment on my card."
ADVICE = "Can you recommend a bedside lamp with a warm light? I am looking for advice on what to buy."
SHIPPING = "What shipping options do you have, do you ship to Canada and Mexico?"


def packet(case):
    return case.packets.get(state="ready").content


def test_there_is_one_for_every_type_with_facts_of_the_vocabulary():
    assert set(PLAYBOOKS) == set(CaseType)
    for playbook in PLAYBOOKS.values():
        assert playbook.VERSION
        assert playbook.__doc__
        assert set(playbook.NEEDS) | set(playbook.MATTERS) <= set(VOCABULARY)
        assert playbook.plan.__annotations__["return"] is Plan


def test_a_fact_that_is_needed_and_not_known_is_named_in_the_packet(arrive, order):
    order.events.all().delete()
    content = packet(arrive(MISSING, order=order))
    assert content["case_type"] == "delivery_dispute"
    assert "proof of delivery" in content["missing"]
    assert "order status" not in content["missing"]


class TestOrderChange:
    def test_an_order_that_has_not_left_is_cancelled_at_once(self, arrive, customer):
        order = factories.OrderFactory(customer=customer, status="placed", delivered_at=None)
        case = arrive(CANCEL, order=order)
        assert (case.case_type, case.handler, case.state) == ("order_change", "autonomous", "resolved")
        assert [effect.action for effect in case.decisions.get().effects.all()] == ["cancel_order", "reply"]

    @pytest.fixture
    def connected(self, partner):
        partner.connector = "shop"
        partner.save()
        ShopConnection.objects.create(partner=partner, kind="vendure", url="https://shop.example/admin-api")

    def test_in_a_connected_shop_a_person_cancels_what_is_paid_and_it_goes_back(
        self, connected, arrive, customer, drain
    ):
        order = factories.OrderFactory(customer=customer, status="placed", delivered_at=None)
        case = arrive(CANCEL, order=order)
        assert case.handler == "human"
        assert "cancelling in the shop pays back 84.50 USD, which a person decides" in reasons(case)
        user = factories.supervisor()
        held = user, claiming.claim(user, case.escalations.get().pk)
        with pytest.raises(Refused, match="pays back all that is paid"):
            decide(held, option=0, amount="80.00")
        decision = decide(held, option=0)
        pass_undo_window()
        drain()
        effects = [(effect.action, effect.state, effect.amount) for effect in decision.effects.order_by("position")]
        assert effects == [
            ("cancel_order", "in_flight", None), ("refund", "pending", order.total), ("reply", "pending", None),
        ]  # fmt: skip
        settling.settle(decision.effects.first().pk, Outcome("refused", reason="it has left"), actor=ACTOR)
        assert Interaction.objects.get(pk=case.pk).state == "awaiting_decision", "a person decides what comes now"
        assert Order.objects.get().refunds_reserved == 0

    def test_over_the_remit_a_second_person_agrees_to_it(self, connected, arrive, customer):
        case = arrive(CANCEL, order=factories.OrderFactory(customer=customer, status="placed", delivered_at=None))
        user = factories.supervisor(remit={"amount_per_decision": Decimal("50.00")})
        held = user, claiming.claim(user, case.escalations.get().pk)
        assert decide(held, option=0).state == "proposed"

    def test_what_is_cancelled_and_not_paid_back_is_proposed_back(self, connected, arrive, customer):
        case = arrive(CANCEL, order=factories.OrderFactory(customer=customer, status="cancelled", delivered_at=None))
        proposal = packet(case)["proposal"]
        assert (case.handler, proposal["action"], proposal["amount"]["amount"]) == ("human", "refund", "84.50")
        assert "is cancelled, and we have refunded 84.50 USD" in proposal["reply"]

    @pytest.mark.parametrize(("status", "told"), [("shipped", "has left"), ("delivered", "has been delivered")])
    def test_one_that_has_left_is_a_persons(self, arrive, customer, status, told):
        case = arrive(CANCEL, order=factories.OrderFactory(customer=customer, status=status))
        assert case.handler == "human"
        assert told in packet(case)["options"][0]["reply"]

    def test_when_it_is_not_clear_what_to_change_the_customer_is_asked(self, arrive, customer):
        order = factories.OrderFactory(customer=customer, status="placed", delivered_at=None)
        case = arrive("I want to change my order, please change it.", order=order)
        assert case.case_type == "order_change"
        assert [option["label"] for option in packet(case)["options"]][:2] == ["Ask what to change", "Make the change"]

    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            ("cancel my order please", "cancel"),
            ("cancel one item of it", "unclear"),
            ("please cancel it or send it to my new address", "unclear"),
            ("change the delivery address", "address"),
            ("I want another size", "items"),
            ("please change my order", "unclear"),
        ],
    )
    def test_only_a_plain_wish_to_cancel_all_is_one(self, text, wanted):
        assert tone.change_wanted(text) == wanted

    def test_a_new_address_is_never_the_ais(self, arrive, customer):
        order = factories.OrderFactory(customer=customer, status="placed", delivered_at=None)
        case = arrive("Please change the delivery address of my order, I want to change the address.", order=order)
        assert (case.case_type, case.handler) == ("order_change", "human")


class TestPayment:
    def test_a_second_charge_is_proposed_back_and_no_more(self, arrive, order):
        Payment.objects.create(order=order, kind="payment", method="credit_card", amount=order.total)
        order.paid = order.total * 2
        order.save()
        content = packet(arrive(CHARGED, order=order))
        assert content["proposal"]["action"] == "partial_refund"
        assert content["proposal"]["amount"]["amount"] == "84.50"

    def test_a_failed_attempt_is_explained(self, arrive, order):
        Payment.objects.create(order=order, kind="failed", method="credit_card", amount=order.total)
        content = packet(arrive(CHARGED, order=order))
        assert "84.50 USD in all" in content["proposal"]["reply"]

    def test_an_open_chargeback_goes_first(self, arrive, order):
        Payment.objects.create(order=order, kind="chargeback", method="credit_card", amount=order.total)
        content = packet(arrive(CHARGED, order=order))
        assert content["proposal"]["action"] == "refer"


class TestDispute:
    def test_what_contradicts_is_said(self, arrive, order, customer):
        order.events.all().delete()
        order.destination = {"city": "Utrecht"}
        order.save()
        OrderEvent.objects.create(order=order, kind="delivered", location="Ghent", at=order.delivered_at)
        reasons = packet(arrive(MISSING, order=order))["proposal"]["reasons"]
        assert any("customer says that it did not come" in reason for reason in reasons)
        assert any("not that of the order's address" in reason for reason in reasons)
        assert any("no proof" in reason for reason in reasons)

    def test_earlier_thanks_after_the_delivery_are_brought_up(self, arrive, order, drain):
        case = arrive("Where is my order? I would like to know when it will be delivered.", order=order)
        Message.objects.create(interaction=case, author="customer", text="Great, thank you!", handled=True,
                               sent_at=timezone.now() - timedelta(days=1))  # fmt: skip
        arrive(MISSING, order=order)
        reasons = packet(type(case).objects.get(pk=case.pk))["proposal"]["reasons"]
        assert any("friendly way" in reason for reason in reasons)


class TestComplaints:
    def test_a_vip_whose_order_came_late_is_offered_a_gesture(self, arrive, order, customer):
        customer.tier = "vip"
        customer.save()
        order.promised_at = order.delivered_at - timedelta(days=3)
        order.save()
        case = arrive(COMPLAINT, order=order)
        assert (case.case_type, case.handler) == ("vip_complaint", "collaborative")
        proposal = packet(case)["proposal"]
        assert (proposal["action"], proposal["amount"]["amount"]) == ("goodwill", "12.68")

    def test_without_a_fault_of_ours_words_come_first(self, arrive, order):
        proposal = packet(arrive(COMPLAINT, order=order))["proposal"]
        assert proposal["action"] == "reply"


class TestQuestion:
    def test_it_is_answered_from_a_passage_word_for_word(self, arrive, customer):
        case = arrive(SHIPPING, customer=customer)
        assert (case.case_type, case.state) == ("question", "resolved")
        assert "We ship within the United States and to Canada and Mexico." in case.messages.get(author="ai").text

    def test_no_passage_no_answer(self, arrive, customer, partner):
        partner.articles.all().delete()
        case = arrive(SHIPPING, customer=customer)
        assert case.state == "awaiting_decision"
        assert "no text of the brand answers this" in [down["reason"] for down in case.ruling.downgrades]

    def test_an_article_that_is_not_published_is_not_quoted(self, arrive, customer, partner):
        partner.articles.update(published=False)
        assert arrive(SHIPPING, customer=customer).state == "awaiting_decision"

    def test_another_brands_article_is_not_quoted(self, arrive, customer, partner):
        from apps.interactions.demo import demo_partner

        partner.articles.all().delete()
        assert demo_partner("other", "Other").articles.exists()
        assert arrive(SHIPPING, customer=customer).state == "awaiting_decision"

    def test_a_newer_version_of_an_article_replaces_its_passages(self, partner):
        article = {"title": "Shipping", "body": "We ship nowhere."}
        assert not catalogue.put_article(partner, "shipping", article, as_of=timezone.now() - timedelta(days=1)).changed
        stored = catalogue.put_article(partner, "shipping", article, as_of=timezone.now())
        assert [passage.text for passage in stored.row.passages.all()] == ["We ship nowhere."]


class TestRecommendation:
    def names(self, case):
        return [part for part in case.messages.get(author="ai").text.splitlines() if part.startswith("–")]

    def test_products_in_stock_that_fit_the_words_are_recommended_with_their_price(self, arrive, customer):
        case = arrive(ADVICE, customer=customer)
        assert (case.case_type, case.state) == ("product_recommendation", "resolved")
        assert self.names(case)[0] == "– Bedside lamp, 69.00 USD: it fits what you describe"

    def test_nothing_that_is_sold_out_too_dear_or_of_another_category(self, arrive, customer, partner):
        Product.objects.filter(sku="LMP-05").update(in_stock=False)
        factories.released(
            partner, "terms", **factories.terms(partner, recommend_most="100.00", recommend_categories=["lighting"])
        )
        case = arrive(ADVICE, customer=customer)
        assert case.state == "awaiting_decision"
        assert packet(case)["proposal"]["action"] == "ask_customer"

    def test_what_the_customer_looked_at_is_told_to_nobody_else(self, arrive, customer):
        Product.objects.exclude(sku="BAG-12").update(in_stock=False)
        CustomerEvent.objects.create(
            customer=customer, kind="viewed", sku="BAG-12", at=timezone.now() - timedelta(hours=2)
        )
        case = arrive(ADVICE, customer=customer, sender_verified=False)
        assert case.state == "awaiting_decision"
        assert "Cabin case" in packet(case)["proposal"]["reply"]

    def test_too_few_orders_together_say_nothing(self, arrive, customer, partner):
        Product.objects.exclude(sku="MUG-07").update(in_stock=False)
        factories.OrderFactory(customer=customer, line__sku="SET-09")
        (case,) = load([arrive(ADVICE, customer=customer, work=False)])
        for number in range(1, 4):
            other = factories.OrderFactory(customer=factories.CustomerFactory(partner=partner), line__sku="SET-09")
            other.lines.create(sku="MUG-07", name="Teapot", quantity=1, unit_price=1, paid=1)
            found = [one.reason for one in recommended_for(case)]
            assert found == (["others bought it together with what you chose"] if number == 3 else [])

    def test_what_was_bought_already_is_not_recommended_again(self, arrive, customer):
        factories.OrderFactory(customer=customer, line__sku="LMP-05")
        (case,) = load([arrive(ADVICE, customer=customer, work=False)])
        assert "LMP-05" not in [one.product.sku for one in recommended_for(case)]


def test_a_number_of_days_below_zero_is_told_as_people_say_it(arrive, customer):
    content = packet(arrive(RETURN, order=factories.OrderFactory(customer=customer, days_ago=5), public=True))
    words = {fact["name"]: fact["words"] for fact in content["facts"]}
    assert words["order.days_past_window"] == "25 days left"
