"""Blind cases: drawn before anybody sees them, no trace of the proposal in what is served, the judgement as evidence."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import ProgrammingError
from django.utils import timezone

from apps.interactions import blind, claiming, deciding
from apps.interactions.models import ContextPacket, Escalation, Judgement
from apps.learning.models import Signal
from apps.policies.errors import Moved, Refused
from tests import factories
from tests.conftest import COMPLAINT, MISSING, RETURN, STATUS, browser, page
from tests.deciding import choice, pass_undo_window
from tests.interactions.test_intake import write


@pytest.fixture
def user(db):
    return factories.senior(first_name="Sam")


@pytest.fixture
def client(user):
    client = browser(user)
    client.defaults["HTTP_HX_REQUEST"] = "true"
    return client


@pytest.fixture
def all_drawn(monkeypatch):
    monkeypatch.setattr(blind, "drawn", lambda percent: True)


@pytest.fixture
def unseen(all_drawn, escalated):
    """A blind case: a refund 17 days past the window, of which the AI proposes all."""
    return escalated


def judged(user, escalation, label="Store credit", **more):
    token = claiming.claim(user, escalation.pk).lease_token
    packet = escalation.interaction.packets.get(state="ready")
    labels = [option["label"] for option in blind.in_fixed_order(packet.content)]
    return blind.judge(user, escalation.pk, token, packet.version, place=labels.index(label), **more)


class TestDraw:
    def test_about_as_many_are_drawn_as_the_brand_says(self, monkeypatch):
        monkeypatch.undo()
        found = sum(blind.drawn(20) for _ in range(5000))
        assert 850 < found < 1150
        assert not any(blind.drawn(0) for _ in range(500))
        assert all(blind.drawn(100) for _ in range(500))

    def test_it_is_drawn_with_the_brands_share_when_the_case_comes_to_people(self, monkeypatch, arrive, order, partner):
        asked = []
        monkeypatch.setattr(blind, "drawn", lambda percent: bool(asked.append(percent)) or True)
        partner.blind_percent = 12
        partner.save()
        assert arrive(MISSING, order=order).escalations.get().blind
        assert asked == [12]

    def test_what_was_drawn_stays_drawn_when_the_customer_writes_more(self, unseen, monkeypatch, drain):
        monkeypatch.setattr(blind, "drawn", lambda percent: False)
        write(unseen.interaction, "Hello? Please answer me.")
        drain()
        assert Escalation.objects.get(state="open").blind

    def test_what_was_not_drawn_stays_seen(self, escalated, monkeypatch, drain):
        monkeypatch.setattr(blind, "drawn", lambda percent: True)
        write(escalated.interaction, "Hello? Please answer me.")
        drain()
        assert not Escalation.objects.get(state="open").blind

    def test_a_proposal_that_was_seen_cannot_be_hidden_again(self, unseen, user, drain):
        judged(user, unseen)
        write(unseen.interaction, "Hello? Please answer me.")
        drain()
        assert not Escalation.objects.get(state="open").blind


class TestNoTrace:
    @pytest.mark.parametrize(
        "text", [MISSING, COMPLAINT, RETURN, "I was charged twice for my order, fix the payment please."]
    )
    def test_nothing_that_is_served_tells_what_the_ai_proposes(self, all_drawn, client, user, arrive, order, text):
        order.delivered_at = timezone.now() - timedelta(days=47)
        order.save()
        row = arrive(text, order=order)
        waiting = row.escalations.get()
        content = row.packets.get().content
        served = [page(client, "/reach/list/"), client.post("/reach/next/").content.decode(),
                  page(client, f"/reach/{waiting.pk}/"), page(client, f"/cases/{row.reference}/"), page(client, f"/reach/{waiting.pk}/trace/"), page(client, f"/flow/case/{row.reference}/"),
                  page(client, f"/reach/{waiting.pk}/packets/1/"), page(client, f"/reach/find/?q={order.number}")]  # fmt: skip
        secrets = [content["question"], *content["proposal"]["reasons"], content["proposal"]["reply"].splitlines()[2]]
        secrets += [no["reason"] for no in content["noes"]] + [
            option["reply"].splitlines()[2] for option in content["options"]
        ]
        for html in served:
            assert [secret for secret in secrets if secret in html] == []
            assert not re.search(
                r"proposal ·|data-reply|data-amount|Packet \d+ as JSON|rules and guardrails were tried| checked", html
            )
            sure = f"{content['proposal']['confidence']:.2f}"
            assert not re.search(rf"{sure} sure|, {sure}|· {sure}", html)
        assert "Judge it yourself first" in served[1]

    def test_the_options_stand_in_an_order_that_tells_nothing(self, unseen):
        content = ContextPacket.objects.get().content
        shown = [option["label"] for option in blind.view(content)["options"]]
        turned = {**content, "options": content["options"][::-1]}
        assert [option["label"] for option in blind.view(turned)["options"]] == shown

    def test_a_part_that_packets_gain_is_hidden_until_somebody_decides_otherwise(self, unseen):
        content = ContextPacket.objects.get().content
        assert blind.view({**content, "second_opinion": "refund it"}) == blind.view(content)

    def test_a_stale_blind_packet_shows_no_changes(self, unseen, client, drain):
        write(unseen.interaction, "Please refund me now.")
        drain()
        waiting = Escalation.objects.get(state="open")
        assert "New since" not in page(client, f"/reach/{waiting.pk}/")


class TestJudging:
    def test_it_is_judged_then_seen_then_decided(self, unseen, client, user, drain):
        client.post("/reach/next/")
        held = Escalation.objects.get()
        data = {"packet_version": 1, "lease_token": held.lease_token, "place": 1, "rationale": "long with us"}
        answer = client.post(f"/reach/{unseen.pk}/judge/", data).content.decode()
        judgement = Judgement.objects.get()
        assert f"Sam judged this blind:</b> {judgement.label}" in answer
        assert "The AI proposes: Refund in full 84.50 USD" in answer
        assert "Approve and next" in answer
        assert "long with us" in answer
        checked = re.search(r'name="option" value="(\d+)"[^>]* checked', answer)
        assert ContextPacket.objects.get().content["options"][int(checked[1])]["label"] == judgement.label

    def test_nobody_decides_before_judging(self, unseen, user):
        held = claiming.claim(user, unseen.pk)
        with pytest.raises(Refused, match="Judge this case first"):
            deciding.decide(user, unseen.pk, choice(held))
        assert deciding.decide(user, unseen.pk, choice(held, question="A photo, please?")).how == "asked"

    @pytest.mark.parametrize(
        ("change", "error", "said"),
        [({"place": 9}, Refused, "Choose what"), ({"place": -1}, Refused, "Choose what"), ({"packet_version": 7}, Moved, "newer"),
         ({"amount": "lots"}, Refused, "Amount"), ({"token": None}, Moved, "lapsed")],
    )  # fmt: skip
    def test_what_cannot_be_judged_says_why(self, unseen, user, change, error, said):
        token = claiming.claim(user, unseen.pk).lease_token
        fields = {"token": token, "packet_version": 1, "place": 0} | change
        with pytest.raises(error, match=said):
            blind.judge(user, unseen.pk, fields.pop("token"), fields.pop("packet_version"), **fields)
        assert not Judgement.objects.exists()

    def test_asking_the_customer_opens_nothing_and_leaves_no_signal(self, unseen, client, user, drain):
        held = claiming.claim(user, unseen.pk)
        deciding.decide(user, unseen.pk, choice(held, question="A photo, please?"))
        pass_undo_window()
        drain()
        assert not Signal.objects.exists()
        shown = page(client, f"/cases/{unseen.interaction.reference}/")
        assert "Shown once the case is judged" in shown
        assert "not permitted" not in shown

    def test_one_that_came_before_stays_as_it_was_drawn_and_says_nothing_of_its_kind(self, escalated):
        case, now = escalated.interaction, blind.Chance(1.0, 1.0)
        assert blind.draw(case, {case.pk: blind.Chance(0.75, 0.75)}, now) == blind.Chance(0.75, None)
        assert blind.draw(case, {case.pk: None}, now) is None

    def test_one_that_the_ai_only_asked_about_is_drawn_like_any_other(self, all_drawn, arrive, order, drain):
        factories.OrderFactory(customer=order.customer)
        case = arrive(STATUS, customer=order.customer)
        assert case.state == "awaiting_customer"
        write(case, RETURN)
        drain()
        assert Escalation.objects.get(interaction=case).blind

    def test_what_the_ai_did_before_cannot_be_unseen(self, all_drawn, escalated, arrive, order):
        from apps.interactions.models import Interaction

        row = Interaction.objects.get(pk=arrive(STATUS, order=factories.OrderFactory(customer=order.customer)).pk)
        assert blind.draw(row, {}, blind.Chance(1.0, 1.0)) is None

    def test_it_is_judged_once(self, unseen, user):
        judged(user, unseen)
        held = Escalation.objects.get()
        with pytest.raises(Refused, match="judged already"):
            blind.judge(user, unseen.pk, held.lease_token, 1, place=0)

    def test_nobody_judges_their_own_order(self, unseen):
        with pytest.raises(Refused, match="your own order"):
            judged(factories.supervisor(email=unseen.interaction.customer.email), unseen)

    def test_a_case_that_is_not_blind_is_not_judged(self, escalated, user):
        with pytest.raises(Refused, match="judged already"):
            judged(user, escalated)

    def test_a_judgement_stays_as_it_was(self, unseen, user):
        judged(user, unseen)
        with pytest.raises(ProgrammingError):
            Judgement.objects.update(action="deny")


class TestEvidence:
    def decide(self, user, escalation, drain, **fields):
        deciding.decide(user, escalation.pk, choice(Escalation.objects.get(pk=escalation.pk), **fields))
        pass_undo_window()
        drain()
        return Signal.objects.get()

    def test_the_judgement_counts_and_not_what_was_decided_after_seeing_the_proposal(self, unseen, user, drain):
        judged(user, unseen, "Store credit", amount="50")
        signal = self.decide(user, unseen, drain)  # they gave in to the proposal
        assert (signal.proposal_seen, signal.agreed) == (False, False)
        assert (signal.final_action, signal.final_amount) == ("store_credit", Decimal("50.00"))
        assert signal.proposed_action == "refund"

    def test_a_judgement_that_is_the_proposal_agrees_unless_its_reply_is_rewritten_once_it_is_seen(
        self, unseen, user, drain
    ):
        judged(user, unseen, "Refund in full")
        signal = self.decide(user, unseen, drain, reply="Dear Mira, the money is on its way.")
        assert (signal.proposal_seen, signal.agreed, signal.reply_changed) == (False, False, True)

    def test_what_was_seen_says_so(self, held, drain):
        user, escalation = held
        assert self.decide(user, escalation, drain).proposal_seen is True
