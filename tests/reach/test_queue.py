"""The queue as people work with it: tabs, filters, saved views, pace, and what is found by searching."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.interactions import claiming
from apps.interactions.demo import demo_partner
from apps.interactions.models import DecisionRecord, Escalation
from apps.reach.models import SavedView
from apps.reach.queue import minutes_at_pace
from tests import factories
from tests.conftest import COMPLAINT, MISSING, STATUS, browser, page
from tests.deciding import decide


@pytest.fixture
def user(db):
    return factories.senior(first_name="Sam")


@pytest.fixture
def client(user):
    client = browser(user)
    client.defaults["HTTP_HX_REQUEST"] = "true"
    return client


@pytest.fixture
def public(arrive, escalated, order):
    """A public complaint beside the refund of `escalated`."""
    other = factories.OrderFactory(customer=order.customer)
    return arrive(COMPLAINT, order=other, public=True, channel="social").escalations.get()


def listed(client, query=""):
    return page(client, f"/reach/list/?{query}").split("queue-head", 1)[1]


class TestTabsAndFilters:
    def test_a_tab_counts_what_it_holds_and_shows_nothing_else(self, client, user, public, escalated):
        claiming.claim(user, escalated.pk)
        shown = listed(client, "show=mine")
        for tab, count in (("All", 2), ("Senior", 1), ("Mine", 1), ("Public", 1)):
            assert f'{tab} <span class="num">{count}</span>' in shown
        assert escalated.headline in shown
        assert public.headline not in shown

    @pytest.mark.parametrize(
        ("query", "only"),
        [("type=public_complaint", "public"), ("type=refund_exception", "refund"), ("brand=nobody", ""), ("language=nl", ""),
         ("due=over", "refund"), ("show=public", "public"), ("type=unheard_of", "both"), ("due=tomorrow", "both")],
    )  # fmt: skip
    def test_a_filter_steers_the_list_and_what_is_taken_next(self, client, public, escalated, query, only):
        Escalation.objects.filter(pk=escalated.pk).update(due_at=timezone.now() - timedelta(minutes=1))
        shown = listed(client, query)
        assert (escalated.headline in shown) is (only in ("refund", "both"))
        assert (public.headline in shown) is (only in ("public", "both"))
        answer = client.post("/reach/next/", {"view": query}).content.decode()
        taken = Escalation.objects.filter(state="claimed").first()
        assert taken == {"public": public, "both": public, "refund": escalated, "": None}[only]
        assert ("Nothing for you in this view" in answer) is (only == "")

    def test_the_address_keeps_the_filter_from_case_to_case(self, client, public, escalated):
        answer = client.post("/reach/next/", {"view": "type=refund_exception"})
        assert answer["HX-Push-Url"] == f"/reach/{escalated.pk}/?type=refund_exception"


class TestSavedViews:
    def test_a_view_is_kept_under_its_name_replaced_and_forgotten(self, client, user, public):
        saved = client.post("/reach/views/", {"name": "Public ones", "view": "show=public"}).content.decode()
        assert "Public ones" in saved
        client.post("/reach/views/", {"name": "Public ones", "view": "show=public&due=over"})
        view = SavedView.objects.get()
        assert (view.user, view.query) == (user, "show=public&due=over")
        client.post(f"/reach/views/{view.pk}/forget/")
        assert not SavedView.objects.exists()

    def test_a_view_without_a_name_says_what_to_do(self, client, partner):
        answer = client.post("/reach/views/", {"name": "", "view": "show=public"})
        assert answer.status_code == 409
        assert "Give the view a name first" in answer.content.decode()

    def test_views_are_ones_own(self, client, partner):
        other = SavedView.objects.create(user=factories.senior(), name="Theirs", query="")
        assert "Theirs" not in listed(client)
        client.post(f"/reach/views/{other.pk}/forget/")
        assert SavedView.objects.exists()


class TestOrderOfWork:
    def test_public_first_then_the_clock_then_harm_then_the_oldest(self, arrive, customer):
        now = timezone.now()
        rows = [arrive(MISSING, order=factories.OrderFactory(customer=customer)).escalations.get() for _ in range(5)]
        late, hurt, old, young, public = rows
        Escalation.objects.update(due_at=now + timedelta(hours=1))
        Escalation.objects.filter(pk=late.pk).update(due_at=now)
        Escalation.objects.filter(pk=hurt.pk).update(harm=5)
        Escalation.objects.filter(pk=public.pk).update(flagged=True, due_at=now + timedelta(hours=9))
        assert list(Escalation.objects.most_urgent()) == [public, late, hurt, old, young]

    @pytest.mark.parametrize(
        ("text", "tier", "harm"),
        [(f"{COMPLAINT} I had an allergic reaction and my skin is burning.", "silver", 5),
         (f"{COMPLAINT} My lawyer will hear of this.", "silver", 4), (COMPLAINT, "vip", 2), (COMPLAINT, "gold", 1), (COMPLAINT, "silver", 0)],
    )  # fmt: skip
    def test_harm_is_the_worst_that_waiting_costs(self, arrive, partner, text, tier, harm):
        order = factories.OrderFactory(customer=factories.CustomerFactory(partner=partner, tier=tier))
        assert arrive(text, order=order).escalations.get().harm == harm

    def test_what_was_handed_to_somebody_comes_first_for_them_and_for_nobody_else_until_its_clock_runs_out(
        self, arrive, order, user, escalated
    ):
        urgent = arrive(MISSING, order=factories.OrderFactory(customer=order.customer)).escalations.get()
        Escalation.objects.filter(pk=urgent.pk).update(due_at=timezone.now())
        colleague = factories.supervisor()
        token = claiming.claim(colleague, escalated.pk).lease_token
        claiming.hand_to(colleague, escalated.pk, token, user, "you know them")
        assert claiming.next_for(factories.supervisor()).filter(pk=escalated.pk).exists() is False
        Escalation.objects.filter(pk=escalated.pk).update(due_at=timezone.now() - timedelta(seconds=1))
        assert claiming.next_for(factories.supervisor()).filter(pk=escalated.pk).exists() is True
        Escalation.objects.filter(pk=escalated.pk).update(due_at=timezone.now() + timedelta(hours=5))
        assert claiming.take_next(user) == escalated


class TestPace:
    def test_too_few_decisions_say_nothing_and_more_say_how_long_it_takes(self, held, user):
        now = timezone.now()
        assert minutes_at_pace(user, 30, now) is None
        decision = decide(held)
        rows = [
            DecisionRecord(
                partner=decision.partner, interaction=decision.interaction, ruling=decision.ruling, state="executed",
                how="approved", decided_by=held[0], action="refund", decided_at=now - timedelta(minutes=10),
            )
            for _ in range(11)
        ]  # fmt: skip
        DecisionRecord.objects.bulk_create(rows)
        assert minutes_at_pace(user, 30, now) == 150, "12 in an hour, so 30 take two hours and a half"
        assert minutes_at_pace(factories.supervisor(remit={"all_partners": False}), 30, now) is None


class TestFinding:
    def found(self, client, text):
        return page(client, f"/reach/find/?q={text}")

    def test_a_case_is_found_by_order_customer_mail_and_its_own_names(self, client, escalated):
        case = escalated.interaction
        customer = case.customer
        for text in (case.order.number, f"%23{case.order.number}", case.order.number.lower(), customer.name.split()[0].lower(),
                     customer.email.upper(), customer.external_id, case.external_id, str(case.reference)):  # fmt: skip
            assert f"/reach/{escalated.pk}/" in self.found(client, text), text

    def test_a_case_that_ended_leads_to_its_life(self, client, arrive, order):
        case = arrive(STATUS, order=order)
        assert f"/cases/{case.reference}/" in self.found(client, order.number)
        life = page(client, f"/cases/{case.reference}/")
        for part in (STATUS, "AI alone", "Order status", "interaction.resolved", "received", "pipeline"):
            assert part in life, part

    def test_nothing_found_says_so_and_one_letter_finds_nothing(self, client, escalated):
        assert "No case of your brands" in self.found(client, "W99999999")
        assert self.found(client, "W").strip() == ""

    def test_another_brands_cases_are_not_found(self, escalated):
        demo_partner("glow", "Glow")
        stranger = browser(factories.supervisor(remit={"all_partners": False}))
        assert "No case of your brands" in self.found(stranger, escalated.interaction.order.number)
        assert stranger.get(f"/cases/{escalated.interaction.reference}/").status_code == 404
