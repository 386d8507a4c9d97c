"""Many at once, in real processes: nobody gets the same case, no money is spent twice, no work is done twice."""

import time
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.utils import timezone

from apps.interactions import budgets, claiming, deciding, execution, ledger, recording, submitting, tasks
from apps.interactions.demo import demo_partner
from apps.interactions.models import (
    Budget,
    DecisionRecord,
    Effect,
    Escalation,
    Interaction,
    Message,
    OrderLine,
    OutboxEvent,
    Reservation,
    SimulatedAction,
)
from apps.policies import editing, releases
from apps.policies.errors import Refused
from apps.policies.models import Guardrail, Ruling
from tests import factories
from tests.conftest import ACTOR, COMPLAINT, MISSING, RETURN, STATUS
from tests.deciding import choice
from tests.faults.processes import race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def brand(transactional_db):
    return demo_partner("lumi", "Lumi Skin")


def waiting_cases(brand, count):
    """Escalations that wait to be taken, due one after the other."""
    now = timezone.now()
    cases = Interaction.objects.bulk_create(
        Interaction(
            partner=brand, external_id=f"c-{n}", channel="chat", state="awaiting_decision", case_type="complaint",
            received_at=now,
        )
        for n in range(count)
    )  # fmt: skip
    return Escalation.objects.bulk_create(
        Escalation(
            interaction=case, partner=brand, handler="human", due_at=now + timedelta(minutes=n % 60), opened_at=now
        )
        for n, case in enumerate(cases)
    )


def test_16_people_take_500_cases_none_twice_and_none_left_over(brand):
    people = [factories.supervisor() for _ in range(16)]
    waiting_cases(brand, 500)

    def take_all(number):
        taken = []
        while (escalation := claiming.take_next(people[number])) is not None:
            taken.append(escalation.pk)
        return taken

    taken = [pk for found in race(take_all, 16) for pk in found]
    assert len(taken) == len(set(taken)) == 500
    assert not Escalation.objects.filter(state="open").exists()


def test_who_takes_the_next_case_never_waits_for_somebody_who_is_taking_one(brand):
    people = [factories.supervisor() for _ in range(2)]
    waiting_cases(brand, 2)

    def take(number):
        if number == 0:
            with transaction.atomic():
                taken = claiming.take_next(people[0])
                time.sleep(3)
            return taken.pk, 0.0
        time.sleep(1)
        began = time.monotonic()
        return claiming.take_next(people[1]).pk, time.monotonic() - began

    (first, _), (second, waited) = sorted(race(take, 2), key=lambda result: result[1])
    assert first != second
    assert waited < 1


def test_8_people_who_claim_one_case_at_once_are_one_who_holds_it(brand):
    people = [factories.supervisor() for _ in range(8)]
    (escalation,) = waiting_cases(brand, 1)

    def claim(number):
        try:
            claiming.claim(people[number], escalation.pk)
        except Refused as refused:
            return str(refused)
        return "held"

    answers = race(claim, 8)
    assert answers.count("held") == 1
    assert sum("already holds" in answer for answer in answers) == 7


def committed_refund(brand, order, amount, number):
    """A case whose refund the AI has decided and may carry out now."""
    case = Interaction.objects.create(
        partner=brand, external_id=f"m-{number}", channel="chat", state="resolving", case_type="standard_return",
        handler="autonomous", customer=order.customer, order=order, received_at=timezone.now(),
    )  # fmt: skip
    Message.objects.create(interaction=case, author="customer", text=STATUS, sent_at=timezone.now())
    ruling = Ruling.objects.create(
        at=timezone.now(), partner=brand, subject=str(case.reference), case_type="standard_return", action="refund", proposal={},
        confidence=1, facts={}, gate_handler="autonomous", verdict={}, handler="autonomous", seniority="any",
        parties=budgets.parties_of(order.customer, order),
    )  # fmt: skip
    decision = DecisionRecord.objects.create(
        partner=brand, interaction=case, ruling=ruling, state="committed", how="alone", action="refund", amount=amount,
        currency="USD", reply="Done.", decided_at=timezone.now(),
    )  # fmt: skip
    Effect.objects.bulk_create(recording.effects_of(decision))
    return decision


def limit_a_day(brand, amount):
    """Release a version of the boundary with this budget, as two ops managers would."""
    author, other = factories.ops_manager(), factories.ops_manager()
    draft = releases.draft_from(author, brand.boundary)
    budget = draft.guardrails.get(kind=Guardrail.Kind.BUDGET)
    budget.amount = amount
    editing.save(author, budget)
    releases.submit(author, draft)
    releases.approve(other, draft)
    releases.activate(author, draft)


def test_32_processes_spend_exactly_the_limit_of_the_day(brand):
    limit_a_day(brand, Decimal("1000.00"))
    customer = factories.CustomerFactory(partner=brand)
    for number in range(64):
        order = factories.OrderFactory(customer=customer, total=Decimal("40.00"))
        committed_refund(brand, order, Decimal("40.00"), number)
    race(lambda _: [execution.execute() for _ in range(6)], 32)
    budget = Budget.objects.get()
    assert (budget.limit, budget.spent) == (Decimal("1000.00"), Decimal("1000.00"))
    assert Effect.objects.filter(action="refund", state="done").count() == 25
    assert SimulatedAction.objects.filter(action="refund").count() == 25
    assert Effect.objects.filter(action="refund", state="refused").count() == 64 - 25
    assert Interaction.objects.filter(state="awaiting_decision").count() == 64 - 25, "at the limit a person decides"


def test_64_processes_under_three_overlapping_limits_overspend_none_and_leave_nothing_reserved(brand):
    """A day, a week, and each of four customers: 40.00 a refund against 400.00, 320.00 and 3 times."""
    author = factories.ops_manager()
    draft = releases.draft_from(author, brand.boundary)
    day = draft.guardrails.get(kind=Guardrail.Kind.BUDGET)
    day.amount = Decimal("400.00")
    editing.save(author, day)
    editing.save(
        author,
        Guardrail(version=draft, kind="budget", actions=["refund", "goodwill"], amount=Decimal("320.00"), days=7),
    )
    editing.save(author, Guardrail(version=draft, kind="velocity", actions=["refund"], count=3, days=90))
    releases.tighten(author, draft)
    customers = [factories.CustomerFactory(partner=brand) for _ in range(4)]
    for number in range(48):
        order = factories.OrderFactory(customer=customers[number % 4], total=Decimal("40.00"))
        committed_refund(brand, order, Decimal("40.00"), number)
    race(lambda _: [execution.execute() for _ in range(4)], 64)
    done = Effect.objects.filter(action="refund", state="done")
    assert done.count() == 8, "the week holds 320.00"
    assert Effect.objects.filter(action="refund", state="refused").count() == 40
    for budget in Budget.objects.all():
        held = Reservation.objects.filter(budget=budget, released_at=None)
        assert (budget.count, budget.spent) == (held.count(), held.count() * Decimal("40.00"))
        assert {reservation.effect.state for reservation in held} <= {"done"}
    assert Budget.objects.get(day=None, party="").spent == Decimal("320.00")
    assert max(Budget.objects.exclude(party="").values_list("count", flat=True)) <= 3


def test_the_conditional_update_alone_never_overspends(brand):
    budget = Budget.objects.create(
        partner=brand, action="refund", day=timezone.now().date(), currency="USD", limit=1000
    )
    won = race(lambda _: sum(budgets.spend(budget.pk, Decimal("7.00"), Decimal(1000)) for _ in range(20)), 32)
    assert sum(won) == 142
    assert Budget.objects.get().spent == Decimal("994.00")


def test_32_cases_that_refund_one_order_line_refund_it_once(brand):
    order = factories.OrderFactory(customer=factories.CustomerFactory(partner=brand), total=Decimal("84.50"))
    for number in range(32):
        committed_refund(brand, order, Decimal("84.50"), number)
    race(lambda _: [execution.execute() for _ in range(4)], 32)
    assert Effect.objects.filter(action="refund", state="done").count() == 1
    assert Effect.objects.filter(action="refund", state="refused").count() == 31
    assert SimulatedAction.objects.filter(action="refund").count() == 1
    assert OrderLine.objects.get().reserved == Decimal("84.50")
    assert Interaction.objects.filter(state="resolved").count() == 1


def test_8_workers_on_one_queue_do_each_case_once_and_never_wait_for_each_other(brand):
    customers = [factories.CustomerFactory(partner=brand) for _ in range(20)]
    orders = [factories.OrderFactory(customer=customer) for customer in customers]
    texts = (STATUS, MISSING, COMPLAINT)
    for number in range(120):
        order = orders[number % 20]
        data = {
            "external_id": f"w-{number}", "channel": ("chat", "email")[number % 2], "customer": order.customer.external_id,
            "messages": [{"author": "customer", "text": texts[number % 3], "sent_at": timezone.now().isoformat()}],
            "sender_verified": True, "order": order.number if number % 4 else None,
        }  # fmt: skip
        submitting.submit_interaction(brand, data, actor=ACTOR)
    race(lambda _: [tasks.one_round() for _ in range(20)], 8)
    while tasks.one_round():
        pass
    states = set(Interaction.objects.values_list("state", flat=True))
    assert states <= {"resolved", "awaiting_decision", "awaiting_customer", "merged"}
    for case in Interaction.objects.filter(state="resolved"):
        assert (
            case.decisions.filter(state="executed").count() == case.messages.filter(author="ai", holding=False).count()
        )
    replies = OutboxEvent.objects.filter(kind="reply.created", payload__holding=False).count()
    assert replies == Effect.objects.filter(action="reply", state="done").count()


@pytest.mark.parametrize("known", [True, False])
def test_the_same_interaction_sent_by_16_at_once_is_one(brand, known):
    customer = factories.CustomerFactory(partner=brand) if known else None
    data = {
        "external_id": "once", "channel": "chat", "customer": customer and customer.external_id,
        "messages": [{"author": "customer", "text": STATUS, "sent_at": timezone.now().isoformat()}],
    }  # fmt: skip
    created = race(lambda _: submitting.submit_interaction(brand, data, actor=ACTOR).created, 16)
    assert sum(created) == 1
    assert Message.objects.count() == 1


def send_about(brand, order, number):
    data = {
        "external_id": f"same-{number}", "channel": "chat", "customer": order.customer.external_id, "order": order.number,
        "messages": [{"author": "customer", "text": MISSING, "sent_at": timezone.now().isoformat()}],
    }  # fmt: skip
    return submitting.submit_interaction(brand, data, actor=ACTOR)


def test_8_messages_on_one_order_at_once_are_one_case(brand):
    order = factories.OrderFactory(customer=factories.CustomerFactory(partner=brand))
    race(lambda number: bool(send_about(brand, order, number)), 8)
    assert Interaction.objects.filter(state="merged").count() == 7
    assert Message.objects.filter(interaction__state="received").count() == 8


def test_a_message_waits_for_another_one_of_the_customer_that_is_still_coming_in(brand):
    order = factories.OrderFactory(customer=factories.CustomerFactory(partner=brand))

    def send(number):
        if number == 1:
            time.sleep(0.5)
            return bool(send_about(brand, order, number))
        with transaction.atomic():
            send_about(brand, order, number)
            time.sleep(1.5)
        return True

    race(send, 2)
    assert sorted(Interaction.objects.values_list("state", flat=True)) == ["merged", "received"]


def test_a_decision_waits_for_another_one_of_the_same_person_and_counts_it(brand):
    person = factories.supervisor(remit={"amount_per_day": Decimal("100.00")})
    customer = factories.CustomerFactory(partner=brand)
    for number in range(2):
        order = factories.OrderFactory(customer=customer, days_ago=47)
        data = {
            "external_id": f"x-{number}", "channel": "chat", "customer": customer.external_id, "order": order.number,
            "sender_verified": True,
            "messages": [{"author": "customer", "text": RETURN, "sent_at": timezone.now().isoformat()}],
        }  # fmt: skip
        submitting.submit_interaction(brand, data, actor=ACTOR)
    while tasks.one_round():
        pass
    held = [claiming.claim(person, escalation.pk) for escalation in Escalation.objects.all()]

    def decide(number):
        if number == 1:
            time.sleep(0.5)
            return deciding.decide(person, held[1].pk, choice(held[1])).state
        with transaction.atomic():
            decided = deciding.decide(person, held[0].pk, choice(held[0]))
            time.sleep(1.5)
        return decided.state

    assert sorted(race(decide, 2)) == ["decided", "proposed"], "84.50 each, and 100.00 a day"


def test_giving_back_and_forgetting_what_is_over_never_wait_for_each_other(brand):
    author = factories.ops_manager()
    draft = releases.draft_from(author, brand.boundary)
    editing.save(author, Guardrail(version=draft, kind="budget", actions=["refund"], amount=Decimal("500.00"), days=7))
    releases.tighten(author, draft)
    order = factories.OrderFactory(customer=factories.CustomerFactory(partner=brand))
    decision = committed_refund(brand, order, order.total, 1)
    execution.execute()
    effect, week = decision.effects.get(action="refund"), Budget.objects.get(day=None)

    def go(number):
        with transaction.atomic():
            if number == 1:
                time.sleep(0.4)
                ledger.release([effect], timezone.now())
            else:
                Budget.objects.select_for_update(no_key=True).get(pk=week.pk)
                time.sleep(1.2)
                budgets.forget_what_is_over(week, timezone.now() + timedelta(days=8))
        return True

    assert all(race(go, 2))
    week.refresh_from_db()
    assert (week.spent, week.count) == (0, 0), "given back once, whoever came first"


def arrive_one(brand, customer):
    said = {"author": "customer", "text": STATUS, "sent_at": timezone.now().isoformat()}
    one = {"external_id": "one", "channel": "chat", "customer": customer.external_id, "messages": [said]}
    assert submitting.submit_interaction(brand, one, actor=ACTOR).created


@pytest.mark.parametrize(
    "take",
    [
        arrive_one,
        lambda brand, customer: submitting.submit_customer(brand, customer.external_id, {"name": "Mira"}, actor=ACTOR),
    ],
    ids=["interaction", "customer"],
)
def test_what_comes_in_for_a_brand_waits_for_nothing_else_of_the_brand(brand, take):
    customer = factories.CustomerFactory(partner=brand)
    with transaction.atomic():
        take(brand, customer)
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                cursor.execute("SELECT 1 FROM policies_partner WHERE id = %s FOR NO KEY UPDATE NOWAIT", [brand.pk])
        finally:
            other.close()
