"""Effects: in order, each once, the reply last and only about what is done; what is unknown is never repeated."""

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.interactions import budgets, execution, ledger, operating, pipeline, settling
from apps.interactions.connectors import Outcome, simulator
from apps.interactions.demo import demo_partner
from apps.interactions.models import (
    Budget,
    DecisionRecord,
    Effect,
    Interaction,
    Order,
    OrderLine,
    OutboxEvent,
    Reservation,
    SimulatedAction,
)
from apps.policies import pauses
from apps.policies.errors import Refused
from apps.policies.specs import LimitSpec
from apps.policies.words import Action, CaseType
from tests import factories
from tests.conftest import ACTOR, RETURN, STATUS, api_client
from tests.deciding import decide, pass_undo_window
from tests.faults.test_races import committed_refund


@pytest.fixture
def by_webhook(partner):
    """The partner's own systems answer by the API."""
    partner.connector = "webhook"
    partner.save()
    return partner


@pytest.fixture
def requested(by_webhook, held, drain):
    """A refund that was requested from the partner and is in flight."""
    decision = decide(held)
    pass_undo_window()
    drain()
    return decision.effects.get(action="refund")


def result(api, effect, **body):
    return api.post(f"/api/v1/actions/{effect.key}/result/", body, format="json")


class TestOrder:
    def test_the_reply_waits_for_what_it_states(self, requested, api, drain):
        reply = requested.decision.effects.get(action="reply")
        assert (requested.state, reply.state) == ("in_flight", "pending")
        assert result(api, requested, outcome="done", reference="R-1", amount="84.50").status_code == 200
        drain()
        assert Effect.objects.get(pk=reply.pk).state == "done"
        assert Interaction.objects.get().state == "resolved"

    def test_an_action_is_requested_by_webhook_with_its_key_before_anything_is_called(self, requested):
        event = OutboxEvent.objects.get(kind="action.requested")
        assert event.payload["key"] == str(requested.key)
        assert event.payload["amount"] == {"amount": "84.50", "currency": "USD"}

    def test_a_refusal_goes_to_a_person_who_is_told_and_no_reply_leaves(self, requested, api, drain):
        result(api, requested, outcome="refused", reason="card expired")
        drain()
        case = Interaction.objects.get()
        assert case.state == "awaiting_decision"
        assert DecisionRecord.objects.get().state == "failed"
        assert not case.messages.filter(author="agent").exists()
        packet = case.packets.get(state="ready")
        assert "card expired" in str(packet.content["noes"])
        assert any("card expired" in line for line in packet.content["tried"])
        assert Order.objects.get().refunds_reserved == 0


class TestResults:
    def test_the_same_answer_twice_is_fine_and_another_is_refused(self, requested, api):
        assert result(api, requested, outcome="done", reference="R-1").status_code == 200
        assert result(api, requested, outcome="done", reference="R-1").status_code == 200
        assert result(api, requested, outcome="refused", reason="no").status_code == 409

    def test_a_reference_that_comes_later_is_kept_and_another_is_refused(self, requested, api):
        assert result(api, requested, outcome="done").status_code == 200
        assert result(api, requested, outcome="done", reference="R-1").status_code == 200
        assert Effect.objects.get(pk=requested.pk).connector_reference == "R-1"
        assert result(api, requested, outcome="done").status_code == 200
        assert result(api, requested, outcome="done", reference="R-2").status_code == 409
        assert Effect.objects.get(pk=requested.pk).connector_reference == "R-1"

    def test_refused_without_a_reason_is_no_answer(self, requested, api):
        answer = result(api, requested, outcome="refused", reason=" ")
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["reason"])
        assert Effect.objects.get(pk=requested.pk).state == "in_flight"

    def test_another_amount_than_asked_for_is_refused(self, requested, api):
        answer = result(api, requested, outcome="done", amount="80.00")
        assert answer.status_code == 422
        assert Effect.objects.get(pk=requested.pk).state == "in_flight"

    def test_another_partners_key_is_not_there(self, requested):
        stranger = api_client(demo_partner("oru", "Oru"))
        assert result(stranger, requested, outcome="done").status_code == 404
        assert (
            stranger.post(f"/api/v1/actions/{uuid.uuid4()}/result/", {"outcome": "done"}, format="json").status_code
            == 404
        )

    def test_a_result_for_what_was_never_sent_is_refused(self, requested, api):
        reply = requested.decision.effects.get(action="reply")
        assert result(api, reply, outcome="done").status_code == 409


class TestUnknown:
    def test_no_answer_by_the_deadline_goes_to_a_person_and_is_not_tried_again(self, requested, drain):
        Effect.objects.filter(pk=requested.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
        assert execution.look_up_overdue() == 1
        drain()
        assert Effect.objects.get(pk=requested.pk).state == "unknown"
        case = Interaction.objects.get()
        assert case.state == "awaiting_decision"
        assert "unknown: check in the shop" in str(case.packets.get(state="ready").content["noes"])
        assert Order.objects.get().refunds_reserved == Decimal("84.50"), "what may have been paid stays reserved"

    def test_a_late_answer_settles_it(self, requested, api, drain):
        Effect.objects.filter(pk=requested.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
        execution.look_up_overdue()
        assert result(api, requested, outcome="refused", reason="declined").status_code == 200
        assert Order.objects.get().refunds_reserved == 0

    def test_a_reference_or_reason_that_no_column_can_hold_is_cut(self, requested):
        settling.settle(requested.pk, Outcome("done", reference="r\x00" * 200, reason="a\x00b"), actor=ACTOR)
        effect = Effect.objects.get(pk=requested.pk)
        assert (effect.state, effect.connector_reference, effect.outcome_reason) == ("done", "r" * 100, "ab")

    def test_an_operator_says_what_became_of_it_with_a_reference(self, requested):
        Effect.objects.filter(pk=requested.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
        execution.look_up_overdue()
        operator = factories.UserFactory(role="Operator")
        with pytest.raises(Refused, match="reference"):
            operating.settle_unknown(operator, requested.pk, Outcome("done"))
        operating.settle_unknown(operator, requested.pk, Outcome("done", reference="R-9"))
        assert Effect.objects.get(pk=requested.pk).state == "done"

    def test_a_shop_that_can_be_asked_is_asked_by_key(self, held, drain, monkeypatch):
        def dies(effect):
            simulator_perform(effect)
            raise ConnectionError("the worker lost the answer")

        simulator_perform = simulator.perform
        monkeypatch.setattr(simulator, "perform", dies)
        decision = decide(held)
        pass_undo_window()
        drain()
        refund = decision.effects.get(action="refund")
        assert refund.state == "in_flight"
        Effect.objects.filter(pk=refund.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
        execution.look_up_overdue()
        drain()
        assert Effect.objects.get(pk=refund.pk).state == "done"
        assert SimulatedAction.objects.filter(action="refund").count() == 1
        assert Interaction.objects.get().state == "resolved"


class TestMoney:
    def test_a_refund_is_reserved_on_lines_and_order_and_given_back_when_refused(self, requested, api):
        assert OrderLine.objects.get().reserved == Order.objects.get().refunds_reserved == Decimal("84.50")
        result(api, requested, outcome="refused", reason="no")
        assert OrderLine.objects.get().reserved == Order.objects.get().refunds_reserved == 0

    def test_the_database_refuses_more_than_was_paid(self, order):
        with pytest.raises(IntegrityError), transaction.atomic():
            Order.objects.update(refunds_reserved=Decimal("84.51"))
        with pytest.raises(IntegrityError), transaction.atomic():
            OrderLine.objects.update(reserved=Decimal("84.51"))

    def test_what_the_shop_refunded_by_itself_counts(self, held, drain):
        decide(held)
        Order.objects.update(refunds_reported=Decimal("50.00"))
        pass_undo_window()
        drain()
        refund = Effect.objects.get(action="refund")
        assert refund.state == "refused"
        assert "Only 34.50 USD" in refund.outcome_reason

    def test_our_own_refund_reported_back_is_not_counted_twice(self, requested, api, order):
        result(api, requested, outcome="done", reference="R-1")
        data = {
            "customer": order.customer.external_id, "status": "delivered", "currency": "USD", "total": "84.50",
            "placed_at": order.placed_at.isoformat(), "lines": [{"sku": "SKU-1", "name": "Gift set", "quantity": 1, "unit_price": "84.50"}],
            "payments": [{"kind": "payment", "method": "card", "amount": "84.50"},
                         {"kind": "refund", "method": "card", "amount": "84.50", "reference": "R-1"}],
        }  # fmt: skip
        assert api.put(f"/api/v1/orders/{order.number}/", data, format="json").status_code == 200
        stored = Order.objects.get()
        assert (stored.refunds_reported, stored.refunds_reserved, stored.over_refunded) == (0, Decimal("84.50"), False)

    def test_lines_that_hold_less_than_the_refund_refuse_it_and_nothing_stays_reserved(self, partner, order):
        decision = committed_refund(partner, order, order.total, 1)
        OrderLine.objects.update(paid=Decimal("40.00"))
        execution.execute()
        refund = decision.effects.get(action="refund")
        assert refund.state == "refused"
        assert "hold 44.50 USD less" in refund.outcome_reason
        assert OrderLine.objects.get().reserved == Order.objects.get().refunds_reserved == 0

    def test_a_refund_in_another_currency_than_was_paid_is_refused(self, partner, order):
        decision = committed_refund(partner, order, order.total, 1)
        Order.objects.update(currency="EUR")
        execution.execute()
        refund = decision.effects.get(action="refund")
        assert refund.state == "refused"
        assert "paid in EUR" in refund.outcome_reason

    def test_what_a_refused_refund_spent_of_the_budget_is_given_back_once(self, by_webhook, order):
        decision = committed_refund(by_webhook, order, order.total, 1)
        execution.execute()
        refund = decision.effects.get(action="refund")
        assert Budget.objects.get().spent == order.total
        settling.settle(refund.pk, Outcome("refused", reason="no"), actor=ACTOR)
        assert Budget.objects.get().spent == 0
        assert not Reservation.objects.filter(released_at=None).exists()
        ledger.release([refund], timezone.now())
        assert Budget.objects.get().spent == OrderLine.objects.get().reserved == 0

    def test_a_budget_is_spent_only_while_it_holds(self, partner):
        budget = Budget.objects.create(
            partner=partner, action="refund", day=timezone.now().date(), currency="USD", limit=100
        )
        assert [budgets.spend(budget.pk, Decimal("40.00"), Decimal(100)) for _ in range(3)] == [True, True, False]
        with pytest.raises(IntegrityError), transaction.atomic():
            Budget.objects.update(spent=Decimal("100.01"))

    def test_the_ais_refund_spends_the_brands_budget_and_a_persons_does_not(self, arrive, order, api, drain):
        arrive(RETURN, order=order)
        scan = [{"at": timezone.now().isoformat(), "kind": "return_received"}]
        api.post(f"/api/v1/orders/{order.number}/events/", scan, format="json")
        drain()
        assert Budget.objects.get().spent == Decimal("84.50")

    @pytest.mark.parametrize("table", [Order, Effect, DecisionRecord])
    def test_money_has_a_currency_and_two_decimals_in_the_database(self, held, table, drain):
        decide(held)
        pass_undo_window()
        drain()
        with pytest.raises(Exception, match=r"check constraint|Cannot update"), transaction.atomic():
            table.objects.update(currency="dollars"[:3])
        assert {field.decimal_places for field in table._meta.get_fields() if hasattr(field, "decimal_places")} == {2}


class TestPause:
    @pytest.fixture
    def decided(self, arrive, order):
        """The AI has decided alone to answer, and nothing has left."""
        case = arrive(STATUS, order=order, work=False)
        while pipeline.advance():
            pass
        assert case.decisions.get().how == "alone"
        return case

    def test_what_has_not_left_goes_back_to_people(self, decided, drain):
        pauses.pause(factories.ops_manager(), "the courier is on strike")
        drain()
        case = Interaction.objects.get(pk=decided.pk)
        assert (case.state, case.decisions.get().state) == ("awaiting_decision", "failed")
        assert "the courier is on strike" in case.decisions.get().ended_because
        assert not case.messages.filter(author="ai", holding=False).exists()

    def test_a_pause_of_something_else_stops_nothing(self, decided, drain):
        pauses.pause(factories.ops_manager(), "wrong prices", case_type=CaseType.QUESTION)
        drain()
        assert Interaction.objects.get(pk=decided.pk).state == "resolved"

    def test_what_a_person_decided_leaves(self, held, drain):
        pauses.pause(factories.ops_manager(), "the courier is on strike")
        decide(held)
        pass_undo_window()
        drain()
        assert DecisionRecord.objects.get().state == "executed"


def test_a_budget_that_was_lowered_holds_at_once(partner):
    budget = Budget.objects.create(
        partner=partner, action="refund", day=timezone.now().date(), currency="USD", limit=2000, spent=600
    )
    assert not budgets.spend(budget.pk, Decimal("1.00"), Decimal(500))
    assert budgets.spend(budget.pk, Decimal("1.00"), Decimal(2000))


def test_two_limits_for_different_types_are_two_budgets_and_every_name_fits():
    everything = LimitSpec("g", "budget", frozenset(Action.values), frozenset(CaseType.values))
    some = LimitSpec("g", "budget", frozenset({"refund"}), frozenset({"complaint"}))
    other = LimitSpec("g", "budget", frozenset({"refund"}))
    names = {budgets.scope_of(limit) for limit in (everything, some, other)}
    assert len(names) == 3
    assert max(map(len, names)) <= 60


def test_a_refund_the_shop_reports_by_our_key_before_it_answers_is_ours(requested, api, order):
    data = {
        "customer": order.customer.external_id, "status": "delivered", "currency": "USD", "total": "84.50",
        "placed_at": order.placed_at.isoformat(), "lines": [{"sku": "SKU-1", "name": "Set", "quantity": 1, "unit_price": "84.50"}],
        "payments": [{"kind": "payment", "method": "card", "amount": "84.50"},
                     {"kind": "refund", "method": "card", "amount": "84.50", "reference": str(requested.key)}],
    }  # fmt: skip
    assert api.put(f"/api/v1/orders/{order.number}/", data, format="json").status_code == 200
    assert Order.objects.get().refunds_reported == 0
