"""The account of one limit: what it counts, for whom, in which time, and when it is full."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.interactions import budgets, execution, settling
from apps.interactions.connectors import Outcome
from apps.interactions.demo import demo_partner
from apps.interactions.models import Budget, Effect, Reservation
from apps.policies.compiled import policies_in_force
from apps.policies.errors import Refused
from apps.policies.gate import compile_policy
from apps.policies.money import Money
from apps.policies.specs import LimitSpec
from tests import factories
from tests.conftest import ACTOR
from tests.deciding import decide, pass_undo_window
from tests.faults.test_races import committed_refund
from tests.interactions.test_budgets import limited  # noqa: F401  # a fixture

EVENING = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
"""In New York it is the ninth still, ten in the evening."""
REFUND, PRICE = frozenset({"refund"}), Decimal("84.50")


def dollars(amount):
    return Money(Decimal(amount), "USD")


def limit(**fields):
    """A limit for one type, of which the boundary in force has none: its account is new when it is opened."""
    types = frozenset({"standard_return"})
    return LimitSpec("guardrail 1", **{"kind": "budget", "actions": REFUND, "case_types": types, **fields})


DAY, WEEK = limit(amount=dollars("500.00")), limit(amount=dollars("500.00"), days=7)


@pytest.fixture
def clock(monkeypatch):
    """Stop the clock at a moment: `clock(EVENING)`."""

    def stop(moment):
        monkeypatch.setattr(timezone, "now", lambda: moment)

    return stop


@pytest.fixture
def given(partner, customer, clock):
    """A refund that the AI gives at a moment; by default to the same customer."""
    numbers = iter(range(1, 100))

    def give(at=EVENING, *, brand=partner, to=customer, **fields):
        order = factories.OrderFactory(customer=to, **fields)
        order.payments.update(reference=f"token of {to.pk}")
        clock(at)
        decision = committed_refund(brand, order, order.total, next(numbers))
        execution.execute()
        return decision.effects.get(action="refund")

    return give


def counted(partner, spec, at=EVENING, party=""):
    account = budgets.account(partner, spec, party, at)
    return account.spent, account.count


class TestSpending:
    def test_a_limit_in_times_refuses_the_effect_after_the_last(self, partner):
        account = budgets.account(partner, limit(count=1), "", EVENING)
        assert [budgets.spend(account.pk, PRICE, None, 1) for _ in range(2)] == [True, False]
        account.refresh_from_db()
        assert (account.spent, account.count) == (PRICE, 1)

    @pytest.mark.parametrize(("most", "row"), [(2, 9), (9, 2)])
    def test_of_what_is_allowed_now_and_what_the_row_allows_the_smaller_holds(self, partner, most, row):
        account = Budget.objects.create(partner=partner, action="refund", day=EVENING.date(), most=row, count=2)
        assert not budgets.spend(account.pk, PRICE, None, most)

    @pytest.mark.parametrize(("allowed", "row"), [("100.00", "900.00"), ("900.00", "100.00")])
    def test_so_it_is_with_money(self, partner, allowed, row):
        account = Budget.objects.create(
            partner=partner, action="refund", day=EVENING.date(), currency="USD", limit=Decimal(row), spent=Decimal(50)
        )
        assert not budgets.spend(account.pk, PRICE, Decimal(allowed))

    def test_a_limit_holds_its_last_cent_and_none_more(self, partner):
        account = budgets.account(partner, limit(amount=dollars("84.50")), "", EVENING)
        assert not budgets.spend(account.pk, Decimal("84.51"), PRICE)
        assert budgets.spend(account.pk, PRICE, PRICE)

    def test_a_wider_limit_lets_more_through_on_the_same_account(self, partner):
        narrow, wide = (limit(amount=dollars(amount), count=count) for amount, count in (("90.00", 1), ("170.00", 2)))
        account = budgets.account(partner, narrow, "", EVENING)
        assert [budgets.spend(account.pk, PRICE, narrow.amount.amount, 1) for _ in range(2)] == [True, False]
        wider = budgets.account(partner, wide, "", EVENING)
        assert (wider.pk, wider.limit, wider.most) == (account.pk, Decimal("170.00"), 2)
        assert budgets.spend(account.pk, PRICE, wide.amount.amount, 2)

    @pytest.mark.parametrize(
        "narrow", [limit(amount=Money(Decimal(9), "USD"), count=9), limit(amount=DAY.amount, count=1)]
    )
    def test_a_narrower_limit_keeps_what_was_spent(self, partner, narrow):
        wide = limit(amount=DAY.amount, count=9)
        account = budgets.account(partner, wide, "", EVENING)
        assert [budgets.spend(account.pk, PRICE, DAY.amount.amount, 9) for _ in range(2)] == [True, True]
        account = budgets.account(partner, narrow, "", EVENING)
        assert (account.spent, account.count) == (2 * PRICE, 2)
        assert not budgets.spend(account.pk, Decimal("1.00"), narrow.amount.amount, narrow.count)


class TestDays:
    def test_a_day_is_the_brands_and_not_the_clocks_in_greenwich(self, partner):
        account = budgets.account(partner, DAY, "", EVENING)
        assert account.day == date(2026, 3, 9)
        assert budgets.account(partner, DAY, "", EVENING + timedelta(hours=1, minutes=59)) == account
        assert budgets.account(partner, DAY, "", EVENING + timedelta(hours=2)).day == date(2026, 3, 10)

    def test_a_look_at_what_is_left_goes_by_the_same_day(self, partner, given):
        given()
        policy = compile_policy([], [], [limit(case_types=frozenset(), amount=dollars("100.00"))])

        def look(at):
            return budgets.reached(policy, partner, "standard_return", "refund", dollars("84.50"), {}, at)

        assert look(EVENING + timedelta(hours=1)).code == "budget"
        assert look(EVENING + timedelta(hours=2)) is None

    def test_so_it_takes_off_what_several_days_counted_longer_ago(self, partner, given):
        given()
        week = limit(amount=dollars("100.00"), count=1, days=7)
        budgets.account(partner, week, "", EVENING)

        def look(at):
            policy = compile_policy([], [], [week])
            return budgets.reached(policy, partner, "standard_return", "refund", dollars("84.50"), {}, at)

        assert look(EVENING + timedelta(days=7, seconds=-1)).code == "budget"
        assert look(EVENING + timedelta(days=7)) is None

    def test_several_days_are_one_account_that_is_of_no_day(self, partner):
        account = budgets.account(partner, WEEK, "", EVENING)
        assert account.day is None
        assert budgets.account(partner, WEEK, "", EVENING + timedelta(days=3)) == account

    def test_each_brand_party_and_currency_has_its_own(self, partner):
        euros = limit(amount=Money(Decimal(5), "EUR"))
        accounts = {
            budgets.account(partner, DAY, "", EVENING).pk,
            budgets.account(partner, DAY, "customer 1", EVENING).pk,
            budgets.account(partner, euros, "", EVENING).pk,
            budgets.account(demo_partner("oru", "Oru"), DAY, "", EVENING).pk,
        }
        assert len(accounts) == 4


class TestWhatANewLimitFindsGiven:
    """A limit that comes into force counts what the AI gave before, in the time that it is for."""

    @pytest.mark.parametrize("state", ["in_flight", "done", "unknown"])
    def test_what_left_counts_whether_or_not_an_answer_came(self, partner, given, state):
        Effect.objects.filter(pk=given().pk).update(state=state)
        assert counted(partner, DAY) == (PRICE, 1)

    @pytest.mark.parametrize("state", ["pending", "refused"])
    def test_what_did_not_leave_does_not(self, partner, given, state):
        Effect.objects.filter(pk=given().pk).update(state=state)
        assert counted(partner, DAY) == (0, 0)

    def test_what_people_decided_does_not(self, partner, held, drain):
        refund = decide(held).effects
        pass_undo_window()
        drain()
        assert refund.get(action="refund").state == "done"
        assert counted(partner, limit(case_types=frozenset(), count=9, days=7), timezone.now()) == (0, 0)

    def test_what_another_brand_gave_does_not(self, partner, given):
        other = demo_partner("oru", "Oru")
        given(brand=other, to=factories.CustomerFactory(partner=other))
        assert counted(partner, DAY) == (0, 0)

    @pytest.mark.parametrize("fields", [{"actions": frozenset({"goodwill"})}, {"case_types": frozenset({"complaint"})}])
    def test_what_the_limit_does_not_look_at_does_not(self, partner, given, fields):
        given()
        assert counted(partner, limit(amount=dollars("500.00"), **fields)) == (0, 0)

    def test_of_money_in_another_currency_only_the_times_count(self, partner, given):
        Effect.objects.filter(pk=given().pk).update(currency="EUR")
        assert counted(partner, DAY) == (0, 1)

    @pytest.mark.parametrize(
        ("hours", "is_counted"), [(-21.99, True), (-22.01, False)], ids=["after midnight", "before midnight"]
    )
    def test_a_day_began_at_midnight_on_the_brands_clock(self, partner, given, hours, is_counted):
        given(EVENING + timedelta(hours=hours))
        assert counted(partner, DAY)[1] == is_counted

    @pytest.mark.parametrize(("hours", "is_counted"), [(-167, True), (-169, False)])
    def test_several_days_began_that_many_days_ago_to_the_hour(self, partner, given, hours, is_counted):
        given(EVENING + timedelta(hours=hours))
        assert counted(partner, WEEK)[1] == is_counted

    @pytest.mark.parametrize("per", ["customer", "address", "payment"])
    def test_a_limit_for_each_one_counts_what_that_one_was_given(self, partner, given, customer, per):
        ours = given(destination={"street": "Main Street 1"})
        party = budgets.parties_of(customer, ours.decision.interaction.order)
        given(to=factories.CustomerFactory(partner=partner))
        each = limit(kind="velocity", per=per, count=9, days=90)
        assert counted(partner, each, party=party[per]) == (PRICE, 1)
        assert counted(partner, each, party="somebody else") == (0, 0)

    def test_what_was_over_the_new_limit_already_is_kept_and_nothing_more_is_given(self, partner, given):
        given()
        for narrow in (limit(amount=dollars("10.00")), limit(count=0)):
            account = budgets.account(partner, narrow, "", EVENING)
            most = narrow.amount.amount if narrow.amount else None
            assert not budgets.spend(account.pk, Decimal("1.00"), most, narrow.count)

    def test_it_is_forgotten_as_many_days_after_it_left(self, partner, given):
        given(EVENING - timedelta(days=5))
        account = budgets.account(partner, WEEK, "", EVENING)
        assert Reservation.objects.get(budget=account).until == EVENING + timedelta(days=2)
        assert self.left_after(account, timedelta(days=2) - timedelta(seconds=1)) == (PRICE, 1)
        assert self.left_after(account, timedelta(days=2)) == (0, 0)

    def test_a_day_ends_by_itself(self, partner, given):
        given()
        account = budgets.account(partner, DAY, "", EVENING)
        assert Reservation.objects.get(budget=account).until is None
        assert self.left_after(account, timedelta(days=9)) == (PRICE, 1)

    def test_what_is_refused_later_is_given_back_to_the_new_limit_too(self, partner, given):
        partner.connector = "webhook"
        partner.save()
        refund = given()
        account = budgets.account(partner, DAY, "", EVENING)
        settling.settle(refund.pk, Outcome("refused", reason="no"), actor=ACTOR)
        assert self.left_after(account, timedelta(0)) == (0, 0)

    def left_after(self, account, time):
        budgets.forget_what_is_over(account, EVENING + time)
        account.refresh_from_db()
        return account.spent, account.count


class TestReserving:
    def test_what_a_limit_of_several_days_holds_says_until_when(self, partner, given, limited):  # noqa: F811
        limited(kind="budget", actions=["refund"], amount=Decimal("500.00"), days=7)
        refund = given()
        held = Reservation.objects.filter(effect=refund, line=None)
        assert {(row.budget.day, row.until) for row in held} == {
            (date(2026, 3, 9), None),
            (None, EVENING + timedelta(days=7)),
        }


class TestKinds:
    @pytest.mark.parametrize(("currency", "stops"), [("USD", False), ("EUR", True)])
    def test_money_of_another_currency_is_a_persons(self, partner, currency, stops):
        policy = compile_policy([], [], [DAY])
        amount = Money(Decimal("1.00"), currency)
        found = budgets.reached(policy, partner, "standard_return", "refund", amount, {}, EVENING)
        assert (found is not None) is stops

    def test_an_act_without_money_spends_none_of_it(self, partner):
        policy = compile_policy([], [], [limit(actions=frozenset({"return_label"}), amount=dollars("5.00"))])
        assert budgets.reached(policy, partner, "standard_return", "return_label", None, {}, EVENING) is None

    def test_money_of_another_currency_is_not_reserved(self, partner, customer):
        order = factories.OrderFactory(customer=customer, currency="EUR")
        refund = committed_refund(partner, order, order.total, 1).effects.get(action="refund")
        refund.currency = "EUR"
        limits = budgets.over(refund, policies_in_force([partner])[partner.pk])
        with pytest.raises(Refused, match="cannot be said"):
            budgets.reserve(refund, limits, EVENING)
        assert not Reservation.objects.exists()


TWO = {
    "amounts": (limit(amount=dollars("100.00")), limit(amount=dollars("40.00"))),
    "times": (limit(count=9), limit(count=2)),
    "an amount and times": (limit(amount=dollars("40.00"), count=9), limit(amount=dollars("100.00"), count=2)),
    "with and without times": (limit(amount=dollars("40.00")), limit(amount=dollars("100.00"), count=2)),
}


@pytest.mark.parametrize("backwards", [False, True], ids=["in order", "in the other order"])
@pytest.mark.parametrize("kind", TWO)
def test_of_two_limits_on_one_account_the_stricter_holds_in_either_order(kind, backwards):
    two = TWO[kind][::-1] if backwards else TWO[kind]
    (held,) = budgets.counted(compile_policy([], [], two), "standard_return", "refund")
    assert held.amount == (None if kind == "times" else dollars("40.00"))
    assert held.count == (None if kind == "amounts" else 2)
