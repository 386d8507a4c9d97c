"""What an answer is good for, and who has to have agreed to it being asked."""

import time
from decimal import Decimal

import pytest

from apps.interactions.classification.intents import Reading
from apps.interactions.models import (
    ModelCall,
    ModelOptIn,
    ModelSpend,
    OutsideModel,
)
from apps.interactions.outside_model import ToRead, ask, opted_in
from apps.policies.models import Partner
from tests.interactions.outside_model.asked import ODD_DRAFTS, UNREADABLE, draft, outcome, reading


class TestAnswers:
    def test_a_right_reading_is_read(self, case, opt_in):
        found = reading(case)
        assert found.reading == Reading((("order_status", 0.9),), 0.9)
        assert found.model == "reader (any)"
        call = ModelCall.objects.get()
        assert (call.outcome, call.tokens_in, call.tokens_out) == ("used", 400, 60)
        assert call.cost == Decimal("0.001280")
        assert ModelSpend.objects.get().spent == call.cost

    def test_a_right_draft_says_what_the_template_says(self, case, opt_in, order):
        text = draft(case).draft
        assert order.number in text
        assert "I hope that this helps" in text

    @pytest.mark.parametrize(("behaviour", "why"), UNREADABLE.items())
    def test_what_cannot_be_read_leaves_the_default(self, case, opt_in, server, behaviour, why):
        server.behave(behaviour)
        started = time.monotonic()
        assert reading(case) is None
        assert outcome() == why
        assert draft(case) is None
        assert time.monotonic() - started < 2.5
        assert ModelCall.objects.exclude(outcome="used").count() == 2

    def test_a_probability_out_of_range_is_no_reading(self, case, opt_in, server):
        server.behave("impossible_probability")
        assert reading(case) is None

    @pytest.mark.parametrize(("behaviour", "why"), ODD_DRAFTS.items())
    def test_a_reply_that_could_not_be_sent_is_no_draft(self, case, opt_in, server, behaviour, why):
        server.behave(behaviour)
        assert draft(case) is None
        assert outcome() == why

    def test_a_check_that_stumbles_grounds_nothing(self, case, opt_in):
        assert draft(case, check=lambda text: 1 / 0) is None
        assert outcome() == "odd"

    def test_the_customers_name_comes_back_and_nobody_elses(self, case, opt_in, server):
        server.behave("named")
        assert case.customer.first_name in draft(case).draft
        case.interaction.public = True
        assert draft(case) is None, "nobody is named in public"

    def test_nothing_is_followed(self, case, opt_in, server):
        server.behave("redirect")
        reading(case)
        assert [seen["path"] for seen in server.seen()] == ["/v1/chat/completions"]

    def test_a_fault_that_passes_is_tried_again(self, case, opt_in, server):
        OutsideModel.objects.update(retries=3)
        server.behave({"error_500": 1, "right": 1}, seed=1)
        assert reading(case).reading is not None
        assert [seen["behaviour"] for seen in server.seen()] == ["error_500", "right"]

    def test_a_server_cannot_make_it_wait(self, case, opt_in, server):
        OutsideModel.objects.update(retries=3)
        server.behave("error_429", after=30)
        started = time.monotonic()
        assert reading(case, seconds=2) is None
        assert time.monotonic() - started < 1, "thirty seconds are more than is left"
        server.behave("error_429", after=1)
        assert reading(case, seconds=2.5) is None
        assert len(server.seen()) >= 3, "a second is worth waiting for"

    def test_the_deadline_holds_for_a_whole_batch(self, case, opt_in, server):
        server.behave("slow")
        OutsideModel.objects.update(timeout_seconds=20)
        started = time.monotonic()
        assert ask([ToRead(case, ("hello",))] * 30, opted_in([case.partner]), seconds=1) == {}
        assert time.monotonic() - started < 2.5

    def test_no_server_at_all_is_an_answer_too(self, case, opt_in):
        OutsideModel.objects.update(base_url="http://127.0.0.1:9/v1")
        assert reading(case) is None
        assert outcome() == "unreachable"


class TestConsent:
    def test_without_an_opt_in_nothing_is_asked(self, case, model, server, django_assert_num_queries):
        with django_assert_num_queries(1):
            opt_ins = opted_in([case.partner])
        with django_assert_num_queries(0):
            assert ask([ToRead(case, ("hello",))], opt_ins) == {}
        assert server.seen() == []

    def test_another_brands_opt_in_is_not_ones_own(self, case, opt_in, server):
        other = Partner.objects.create(slug="other", name="Other")
        ModelOptIn.objects.update(partner=other)
        assert reading(case) is None
        assert ask([ToRead(case, ("hello",))], opted_in([case.partner, other])) == {}
        assert server.seen() == []

    def test_each_purpose_is_chosen_apart(self, case, opt_in, server):
        ModelOptIn.objects.update(classify=False)
        assert reading(case) is None
        assert draft(case) is not None
        ModelOptIn.objects.update(classify=True, draft=False)
        assert reading(case) is not None
        assert draft(case) is None
        ModelOptIn.objects.update(draft=True)
        OutsideModel.objects.update(may_draft=False, may_classify=False)
        assert draft(case) is None
        assert reading(case) is None
        assert len(server.seen()) == 2

    def test_an_inactive_model_is_asked_nothing(self, case, opt_in, server):
        OutsideModel.objects.update(active=False)
        assert reading(case) is None
        assert server.seen() == []
