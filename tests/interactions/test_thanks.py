"""Thanks open nothing and close nothing; news and answers among them are read."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.interactions import courtesies
from apps.interactions.models import Interaction, Message
from apps.policies.models import AuditEntry
from tests import factories
from tests.conftest import MISSING, STATUS
from tests.deciding import decide, pass_undo_window
from tests.interactions.test_conversations import fresh
from tests.interactions.test_intake import write


@pytest.mark.parametrize(
    "text",
    ["Thanks!", "thx 👍", "🙏", "Perfect, thank you for your quick reply", "Hi team, many thanks. Best regards, Mira",
     "That's great news, thank you so much!", "ok", "Got it, cheers", "Merci beaucoup", "Thank you.\n\nMira Solano"],
)  # fmt: skip
def test_what_asks_nothing(text):
    assert courtesies.asks_nothing(text, ["Mira Solano", "Mira", "Solano"])


@pytest.mark.parametrize(
    "text",
    ["Thanks, but where is it", "thanks?", "Thanks for nothing", "no thanks", "Thank you, it arrived broken", "Hello",
     "thank you, still waiting", "Thanks. 1047", "...", "", "Thanks, Piet", "ok " * 80, "😡", "👎", "thanks 🙄"],
)  # fmt: skip
def test_what_does_not_only_thank(text):
    assert not courtesies.asks_nothing(text, ["Mira"])


class TestThanks:
    @pytest.fixture
    def resolved(self, arrive, order):
        case = arrive(STATUS, order=order)
        assert case.state == "resolved"
        return case

    def test_close_and_open_nothing_after_an_answer(self, resolved, drain):
        write(resolved, "Perfect, thank you!")
        drain()
        case = fresh(resolved)
        assert (case.state, case.reopened, case.resolved_at) == ("resolved", 0, resolved.resolved_at)
        assert AuditEntry.objects.filter(event="thanked").count() == 1
        assert case.messages.last().text == "Perfect, thank you!"

    @pytest.mark.parametrize("state", ["closed", "dismissed"])
    def test_open_nothing_after_the_end(self, resolved, drain, state):
        Interaction.objects.filter(pk=resolved.pk).update(state=state)
        assert write(resolved, "Thanks!").pk == resolved.pk
        drain()
        assert Interaction.objects.count() == 1
        assert fresh(resolved).state == state

    def test_as_an_interaction_of_their_own_go_to_the_latest_case(self, resolved, arrive, order):
        factories.OrderFactory(customer=order.customer)  # so that no order leads there
        thanks = arrive("Thanks a lot!", customer=order.customer)
        assert (thanks.state, thanks.merged_into_id) == ("merged", resolved.pk)
        assert fresh(resolved).state == "resolved"

    def test_said_in_public_do_not_make_the_case_public(self, arrive, order):
        case = arrive(MISSING, order=order)
        thanks = arrive("Thanks!", order=order, public=True, audience=500, sender_verified=None)
        assert thanks.merged_into_id == case.pk
        assert (fresh(case).public, fresh(case).sender_verified) == (False, True)

    @pytest.mark.parametrize(
        ("subject", "state"), [("Please cancel my order", "awaiting_decision"), ("Re: your order", "merged")]
    )
    def test_a_subject_may_say_more(self, resolved, arrive, order, subject, state):
        factories.OrderFactory(customer=order.customer)
        assert arrive("Thanks!", customer=order.customer, subject=subject).state == state

    def test_a_subject_that_names_the_order_is_an_answer(self, arrive, order):
        factories.OrderFactory(customer=order.customer)
        asked = arrive(STATUS, customer=order.customer)
        answer = arrive("Thanks!", customer=order.customer, subject=f"Re: {order.number}")
        assert answer.merged_into_id == asked.pk
        assert (fresh(asked).state, fresh(asked).order_id) == ("resolved", order.pk)

    def test_news_count_while_something_is_to_be_decided(self, arrive, order):
        case = arrive(MISSING, order=order)
        write(case, "It arrived, thanks!")
        assert fresh(case).state == "received"

    def test_and_change_nothing_once_it_is_answered(self, resolved):
        write(resolved, "It arrived, thanks!")
        assert fresh(resolved).state == "resolved"

    def test_ok_after_a_question_in_our_answer_is_an_answer(self, resolved):
        Message.objects.create(
            interaction=resolved, author="agent", text="Shall we send a new one?", sent_at=timezone.now()
        )
        write(resolved, "Thanks!")
        assert fresh(resolved).state == "resolved"
        write(resolved, "Sounds good")
        assert fresh(resolved).state == "received"

    def test_an_answer_on_the_old_thread_reaches_the_case_that_waits_for_it(self, resolved, arrive, order):
        factories.OrderFactory(customer=order.customer)
        Interaction.objects.filter(pk=resolved.pk).update(state="closed")
        asking = arrive(STATUS, customer=order.customer, work=False)
        Interaction.objects.filter(pk=asking.pk).update(state="awaiting_customer", linked_to=resolved)
        assert write(resolved, "okay, perfect").pk == asking.pk
        assert fresh(asking).state == "received"

    def test_an_ok_by_itself_goes_to_the_case_that_waits_for_it(self, resolved, arrive, order):
        factories.OrderFactory(customer=order.customer)
        asked = arrive(STATUS, customer=order.customer)
        Interaction.objects.filter(pk=asked.pk).update(received_at=resolved.received_at - timedelta(days=2))
        assert arrive("ok", customer=order.customer, work=False).merged_into_id == asked.pk

    def test_from_somebody_without_a_case_go_to_a_person(self, arrive, customer):
        assert arrive("Thanks a lot!", customer=customer).state == "awaiting_decision"

    def test_take_nothing_back_from_whoever_decides(self, held, drain):
        decision = decide(held)
        write(decision.interaction, "ok, thank you")
        pass_undo_window()
        drain()
        assert decision.interaction.decisions.get().state == "executed"
        assert fresh(decision.interaction).state == "resolved"

    def test_are_no_answer_to_a_question_but_ok_may_be_one(self, arrive, order):
        factories.OrderFactory(customer=order.customer)
        asked = arrive(STATUS, customer=order.customer)
        write(asked, "Thanks!")
        assert fresh(asked).state == "awaiting_customer"
        write(asked, "ok")
        assert fresh(asked).state == "received"

    def test_are_no_contact_on_the_matter(self, resolved, drain):
        for text in ("Thanks!", "And when does it arrive? Where is my order?"):
            write(resolved, text)
            drain()
        assert fresh(resolved).ruling.facts["case.contacts"]["value"] == 2
